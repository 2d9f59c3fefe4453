"""The canvas: a circuit that one can pan, zoom, hover, select, drag and read."""

from __future__ import annotations

from collections.abc import Set

from PySide6.QtCore import QPoint, QPointF, QRect, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QColor, QKeyEvent, QMouseEvent, QPainter, QResizeEvent, QWheelEvent
from PySide6.QtWidgets import (
    QApplication,
    QFrame,
    QGraphicsScene,
    QGraphicsView,
    QRubberBand,
    QToolTip,
    QWidget,
)

from circuitviz.canvas.hints import hint, paint_corners
from circuitviz.canvas.items import EdgesItem, NodeItem, OverlayItem
from circuitviz.canvas.paint import bounds
from circuitviz.canvas.picture import CircuitPicture, DrawnEdge, DrawnNode
from circuitviz.canvas.theme import LIGHT, Theme
from circuitviz.canvas.walk import beside

CLOSEST, FARTHEST = 6.0, 0.05
FOOT = 34  # pixels kept free for the line below the circuit


class CircuitView(QGraphicsView):
    """Shows a CircuitPicture. Signals carry names, never items: items do not outlive a picture."""

    selection_changed = Signal(object, object)  # frozenset of nodes, frozenset of edges
    node_moved = Signal(object)  # {name: (x, y)}
    hovered = Signal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setAccessibleName("Circuit")
        self.setScene(QGraphicsScene(self))
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setRenderHint(QPainter.RenderHint.Antialiasing)
        self.setTransformationAnchor(QGraphicsView.ViewportAnchor.NoAnchor)
        self.setViewportUpdateMode(QGraphicsView.ViewportUpdateMode.FullViewportUpdate)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setMinimumWidth(380)
        self.setMouseTracking(True)
        self.viewport().setMouseTracking(True)
        self.picture = CircuitPicture()
        self.theme = LIGHT
        self.note = ""
        self.nodes: frozenset[str] = frozenset()
        self.edges: frozenset[str] = frozenset()
        self._hover: str = ""
        self._items: dict[str, NodeItem] = {}
        self._edges_item: EdgesItem | None = None
        self._overlay: OverlayItem | None = None
        self._press: QPoint | None = None
        self._pressed_node = ""
        self._moved = False
        self._fitted = True
        self._band = QRubberBand(QRubberBand.Shape.Rectangle, self.viewport())

    # what is shown

    def show_circuit(self, picture: CircuitPicture, note: str = "") -> None:
        """Show a picture; what is selected stays selected where it still exists."""
        first = not self.picture.nodes
        self.picture, self.note = picture, note
        self._rebuild()
        known = {edge.name for edge in picture.edges}
        self.select(self.nodes & set(picture.by_name), self.edges & known)
        if first or self._fitted:
            self.fit()

    def set_theme(self, theme: Theme) -> None:
        """Change all colours."""
        self.theme = theme
        self.setBackgroundBrush(QColor(theme.ground))
        self._rebuild()
        self._emphasise()

    def fit(self) -> None:
        """Show the whole circuit."""
        self._fitted = True
        room = bounds(self.picture)
        if room.isEmpty():
            return
        self.setSceneRect(room.adjusted(-4000, -4000, 4000, 4000))
        area = QRectF(self.viewport().rect()).adjusted(12, 6, -12, -FOOT)
        zoom = min(area.width() / room.width(), area.height() / room.height(), 1.6)
        self.resetTransform()
        self.scale(zoom, zoom)
        self.centerOn(room.center() + QPointF(0, (FOOT - 6) / 2 / zoom))

    @property
    def zoom(self) -> float:
        """Pixels per scene unit."""
        return self.transform().m11()

    def zoom_by(self, factor: float, about: QPointF | None = None) -> None:
        """Zoom about a point of the viewport, its middle by default."""
        factor = max(FARTHEST / self.zoom, min(CLOSEST / self.zoom, factor))
        at = about or QPointF(self.viewport().rect().center())
        before = self.mapToScene(at.toPoint())
        self.scale(factor, factor)
        after = self.mapToScene(at.toPoint())
        shift = after - before
        self.translate(shift.x(), shift.y())
        self._fitted = False

    def select(self, nodes: Set[str], edges: Set[str] = frozenset()) -> None:
        """Select exactly these; emits ``selection_changed`` where that is new."""
        new = (frozenset(nodes), frozenset(edges))
        changed = new != (self.nodes, self.edges)
        self.nodes, self.edges = new
        self._emphasise()
        if changed:
            self.selection_changed.emit(*new)

    def place_of(self, name: str) -> QPoint:
        """Where a node stands in the viewport."""
        node = self.picture.by_name[name]
        return self.mapFromScene(QPointF(node.x, -node.y))

    def _rebuild(self) -> None:
        scene = self.scene()
        scene.clear()  # items are gone from here on; only names are kept
        self._items = {}
        self._edges_item = EdgesItem(self.picture, self.theme)
        self._overlay = OverlayItem(self.picture, self.theme)
        scene.addItem(self._edges_item)
        scene.addItem(self._overlay)
        for node in self.picture.nodes:
            item = NodeItem(node, self.theme)
            self._items[node.name] = item
            scene.addItem(item)

    def _emphasise(self) -> None:
        """Bring forward what is selected and hovered with its neighbours; the rest steps back."""
        if self._edges_item is None or self._overlay is None:
            return
        nodes = self.nodes | ({self._hover} if self._hover in self.picture.by_name else set())
        edges = self.edges | ({self._hover} if "->" in self._hover else set())
        out, near = self.picture.around(nodes, edges)
        something = bool(nodes or edges)
        self._edges_item.set_faded(something)
        self._overlay.show_edges(out, edges)
        for name, item in self._items.items():
            item.show_as(
                selected=name in self.nodes,
                hovered=name == self._hover,
                faded=something and name not in near,
            )

    # under the pointer

    def node_at(self, place: QPoint) -> DrawnNode | None:
        """The node at a place of the viewport."""
        at = self.mapToScene(place)
        return next((i.node for i in self._items.values() if i.contains_(at)), None)

    def edge_at(self, place: QPoint) -> DrawnEdge | None:
        """The edge within five pixels of a place of the viewport."""
        if self._edges_item is None:
            return None
        return self._edges_item.edge_at(self.mapToScene(place), 5 / self.zoom)

    def mousePressEvent(self, event: QMouseEvent) -> None:  # noqa: N802
        """Begin a click, a drag of a node, a pan, or with Shift a rubber band."""
        if event.button() not in (Qt.MouseButton.LeftButton, Qt.MouseButton.MiddleButton):
            super().mousePressEvent(event)
            return
        self._press, self._moved = event.position().toPoint(), False
        node = self.node_at(self._press)
        left = event.button() is Qt.MouseButton.LeftButton
        self._pressed_node = node.name if node is not None and left else ""
        if left and event.modifiers() & Qt.KeyboardModifier.ShiftModifier:
            self._pressed_node = ""
            self._band.setGeometry(QRect(self._press, QSize()))
            self._band.show()

    def mouseMoveEvent(self, event: QMouseEvent) -> None:  # noqa: N802
        """Go on with what was begun, or hover."""
        here = event.position().toPoint()
        if self._press is None:
            self._hover_at(here)
            return
        shift = here - self._press
        if not self._moved and shift.manhattanLength() < QApplication.startDragDistance():
            return
        self._moved = True
        if self._band.isVisible():
            self._band.setGeometry(QRect(self._press, here).normalized())
        elif self._pressed_node:
            node = self.picture.by_name[self._pressed_node]
            at = self.mapToScene(here)
            self._move(node.name, at.x(), -at.y())
        else:
            self.viewport().setCursor(Qt.CursorShape.ClosedHandCursor)
            self.translate(shift.x() / self.zoom, shift.y() / self.zoom)
            self._press, self._fitted = here, False

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:  # noqa: N802
        """End what was begun."""
        here = event.position().toPoint()
        self.viewport().unsetCursor()
        if self._press is None:
            super().mouseReleaseEvent(event)
            return
        adding = bool(event.modifiers() & Qt.KeyboardModifier.ControlModifier)
        if self._band.isVisible():
            area = self.mapToScene(self._band.geometry()).boundingRect()
            self._band.hide()
            inside = {n.name for n in self.picture.nodes if area.contains(QPointF(n.x, -n.y))}
            self.select(self.nodes | inside if adding else inside)
        elif self._moved and self._pressed_node:
            node = self.picture.by_name[self._pressed_node]
            self.node_moved.emit({node.name: (node.x, node.y)})
        elif not self._moved and event.button() is Qt.MouseButton.LeftButton:
            self._click(here, adding)
        self._press, self._pressed_node = None, ""

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:  # noqa: N802
        """On the ground: show everything."""
        if self.node_at(event.position().toPoint()) is None:
            self.fit()

    def leaveEvent(self, event: object) -> None:  # noqa: N802
        """Nothing is hovered outside."""
        self._set_hover("")

    def wheelEvent(self, event: QWheelEvent) -> None:  # noqa: N802
        """Zoom about the pointer."""
        steps = event.angleDelta().y() / 120
        if steps:
            self.zoom_by(1.18**steps, event.position())
        event.accept()

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: N802
        """Keep the whole circuit in sight as long as nobody has zoomed."""
        super().resizeEvent(event)
        if self._fitted:
            self.fit()

    def keyPressEvent(self, event: QKeyEvent) -> None:  # noqa: N802
        """Arrows walk along edges and rows, Escape clears."""
        arrows = {
            Qt.Key.Key_Up: "up",
            Qt.Key.Key_Down: "down",
            Qt.Key.Key_Left: "left",
            Qt.Key.Key_Right: "right",
        }
        way = arrows.get(Qt.Key(event.key()))
        if way is not None:
            found = beside(self.picture, next(iter(sorted(self.nodes)), ""), way)
            if found:
                self.select({found})
        elif event.key() == Qt.Key.Key_Escape:
            self.select(set())
        else:
            super().keyPressEvent(event)

    def _click(self, here: QPoint, adding: bool) -> None:
        node = self.node_at(here)
        edge = self.edge_at(here) if node is None else None
        nodes = {node.name} if node is not None else set()
        edges = {edge.name} if edge is not None else set()
        if adding:
            self.select(self.nodes ^ nodes, self.edges ^ edges)
        else:
            self.select(nodes, edges)

    def _move(self, name: str, x: float, y: float) -> None:
        self.picture = self.picture.moved(name, x, y)
        self._rebuild()
        self._emphasise()

    def _hover_at(self, here: QPoint) -> None:
        node = self.node_at(here)
        edge = None if node is not None else self.edge_at(here)
        self._set_hover(node.name if node else edge.name if edge else "")
        if text := hint(self.picture, node, edge):
            QToolTip.showText(self.viewport().mapToGlobal(here), text, self)
        else:
            QToolTip.hideText()

    def _set_hover(self, name: str) -> None:
        if name != self._hover:
            self._hover = name
            self._emphasise()
            self.hovered.emit(name)

    def drawForeground(self, painter: QPainter, rect: QRectF | QRect) -> None:  # noqa: N802
        """Legend and count stay in their corners, whatever the zoom."""
        painter.save()
        painter.resetTransform()
        paint_corners(painter, self.picture, self.theme, QRectF(self.viewport().rect()), self.note)
        painter.restore()
