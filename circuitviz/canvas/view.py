"""The canvas: a circuit that one can pan, zoom, hover, select, drag and read."""

from __future__ import annotations

from collections.abc import Mapping, Set

from PySide6.QtCore import QEvent, QPoint, QPointF, QRect, QRectF, Qt, Signal
from PySide6.QtGui import QColor, QKeyEvent, QMouseEvent, QPainter, QResizeEvent, QWheelEvent
from PySide6.QtWidgets import QApplication, QFrame, QGraphicsScene, QGraphicsView, QWidget

from circuitviz.canvas.foreground import in_plain_sight, paint_foreground
from circuitviz.canvas.framing import FARTHEST, frame_all, free_for
from circuitviz.canvas.geometry import Geometry
from circuitviz.canvas.gestures import Gesture, Press
from circuitviz.canvas.gestures.registry import gestures_for
from circuitviz.canvas.hints import said
from circuitviz.canvas.motion import Motion
from circuitviz.canvas.overview import Overview
from circuitviz.canvas.picture import CircuitPicture, DrawnEdge, DrawnNode
from circuitviz.canvas.spreading import Spreading
from circuitviz.canvas.stage import REST, Stage
from circuitviz.canvas.theme import LIGHT, Theme

CLOSEST = 6.0
FOOT = 34  # pixels kept free for the line below the circuit


class CircuitView(QGraphicsView):
    """Shows a CircuitPicture. Signals carry names, never items: items do not outlive a picture."""

    selection_changed = Signal(object, object)  # frozenset of nodes, frozenset of edges
    node_moved = Signal(object)  # {name: (x, y)} in the layout's units
    hovered = Signal(str)
    node_opened = Signal(str)  # a group's box, or a node in an open group, by a double click
    site_opened = Signal(str)  # any other node, by a double click
    wondered = Signal(object)  # frozenset of nodes: what if they were out? empty: no more

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setAccessibleName("Circuit")
        self.setScene(QGraphicsScene(self))
        # Items are few and found by numpy. Qt's own index keeps pointers to items that were replaced
        # while it was not looking, and then paints them: a crash.
        self.scene().setItemIndexMethod(QGraphicsScene.ItemIndexMethod.NoIndex)
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
        self.stage = Stage(self)
        self.motion = Motion(self._show_between, self)
        self.overview = Overview(self)
        self._press: Press | None = None
        self._dragging: Gesture | None = None
        self._fitted, self._whole, self._farthest = True, False, FARTHEST
        self.spreading = Spreading()
        self._gestures = gestures_for(self)

    # what is shown

    def show_circuit(self, picture: CircuitPicture, note: str = "", geometry: Geometry | None = None) -> None:
        """Show a picture; what is selected stays selected where it still exists.

        ``geometry``: the picture's, where it is measured already.
        """
        first = not self.picture.nodes
        given, picture = picture, self.spreading.take(picture, free_for(self, picture).size(), first)
        geometry = geometry if picture is given else None
        before, self.picture, self.note = self.stage.geometry.picture, picture, note
        moving = self.isVisible() and self.motion.begin(before, picture)
        if not moving:
            self.stage.show_picture(picture, self.theme, geometry)
        self.select(self.nodes & picture.by_name.keys(), self.edges & picture.edge_rows.keys())
        if moving:
            return
        if first or (self._fitted and not self.spreading.held):
            self.fit(self._whole and not first)
        else:
            self.stage.sharpen(0)

    def _show_between(self, picture: CircuitPicture) -> None:
        """Draw a picture on the way to another; once there, make it sharp."""
        self.stage.show_picture(picture, self.theme)
        self._emphasise()
        if self._fitted:
            self._farthest = frame_all(self, self._whole)
        self.stage.sharpen(REST if self.motion.running else 0)

    def set_theme(self, theme: Theme) -> None:
        """Change all colours."""
        self.theme = theme
        self.setBackgroundBrush(QColor(theme.ground))
        self.motion.stop()
        self.stage.show_picture(self.picture, theme)
        self.stage.repaint_all()
        self.fit(self._whole) if self._fitted else self.stage.sharpen(0)
        self._emphasise()

    def fit(self, whole: bool = False, after: int = 0) -> None:
        """Show the circuit: all of it where it can be read, or ``whole``; sharp ``after`` so many ms."""
        self._fitted, self._whole = True, whole
        if (picture := self.spreading.renew(free_for(self, self.picture).size())) is not None:
            self.motion.stop()
            self.picture = picture
            self.stage.show_picture(picture, self.theme)
            self._emphasise()
        self._farthest = frame_all(self, whole)
        self.stage.sharpen(after)

    @property
    def is_whole(self) -> bool:
        """Whether all of the circuit was asked for, small as it may be, and nobody has moved it since."""
        return self._fitted and self._whole

    @property
    def pointed(self) -> str:
        """The node or edge under the pointer, or an empty string."""
        return self._hover

    @property
    def zoom(self) -> float:
        """Pixels per scene unit."""
        return self.transform().m11()

    def zoom_by(self, factor: float, about: QPointF | None = None) -> None:
        """Zoom about a point of the viewport, its middle by default."""
        factor = max(self._farthest / self.zoom, min(CLOSEST / self.zoom, factor))
        at = about or QPointF(self.viewport().rect().center())
        before = self.mapToScene(at.toPoint())
        self.scale(factor, factor)
        after = self.mapToScene(at.toPoint())
        shift = after - before
        self.translate(shift.x(), shift.y())
        self._fitted = False
        self.stage.sharpen()

    def select(self, nodes: Set[str], edges: Set[str] = frozenset()) -> None:
        """Select exactly these; emits ``selection_changed`` where that is new."""
        new = (frozenset(nodes), frozenset(edges))
        changed = new != (self.nodes, self.edges)
        self.nodes, self.edges = new
        self._emphasise()
        if changed:
            self.setAccessibleDescription(said(self.picture, *new))
            self.selection_changed.emit(*new)

    def pan_by(self, shift: QPoint) -> None:
        """Move the picture by so many pixels."""
        self.translate(shift.x() / self.zoom, shift.y() / self.zoom)
        self._fitted = False
        self.stage.sharpen()

    def set_hover(self, name: str) -> None:
        """Bring a node or an edge forward with its neighbours; an empty name brings nothing."""
        if name != self._hover:
            self._hover = name
            self._emphasise()
            self.hovered.emit(name)

    def move_nodes(self, places: Mapping[str, tuple[float, float]]) -> None:
        """Draw nodes at other places of the scene (y upwards), until ``let_go``."""
        self.motion.stop()
        self.picture = self.picture.moved(places)
        self.stage.show_picture(self.picture, self.theme)
        self.stage.sharpen()
        self._emphasise()

    def let_go(self, places: Mapping[str, tuple[float, float]]) -> None:
        """Leave nodes at these places of the scene; tells of them in the layout's units."""
        self.move_nodes(places)
        self.node_moved.emit(self.spreading.place_back(places))

    def bring_into_sight(self, name: str) -> None:
        """Move the picture as little as needed for a node to be seen."""
        node = self.picture.by_name[name]
        if not in_plain_sight(self, self.place_of(name)):
            self.look_at(QPointF(node.x, -node.y))

    def place_of(self, name: str) -> QPoint:
        """Where a node stands in the viewport."""
        node = self.picture.by_name[name]
        return self.mapFromScene(QPointF(node.x, -node.y))

    def _emphasise(self) -> None:
        self.stage.emphasise(self.nodes, self.edges, self._hover)

    # under the pointer

    def node_at(self, place: QPoint) -> DrawnNode | None:
        """The node at a place of the viewport; one that is on its way into a box is none any more."""
        if self.overview.place.contains(QPointF(place)):
            return None
        node = self.stage.geometry.node_at(self.mapToScene(place))
        return node if node is not None and node.name in self.picture.by_name else None

    def edge_at(self, place: QPoint) -> DrawnEdge | None:
        """The edge within five pixels of a place of the viewport."""
        if self.overview.place.contains(QPointF(place)):
            return None
        edge = self.stage.geometry.edge_at(self.mapToScene(place), 5 / self.zoom)
        return edge if edge is not None and edge.name in self.picture.edge_rows else None

    @property
    def free_area(self) -> QRectF:
        """The viewport above the line at its foot."""
        return QRectF(self.viewport().rect()).adjusted(0, 0, 0, -FOOT)

    def look_at(self, place: QPointF) -> None:
        """Bring a place of the scene into the middle."""
        self.centerOn(place)
        self._fitted = False
        self.stage.sharpen()

    # what is done to it: the gestures answer

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """A click or a drag begins; which of them, the movement tells."""
        if event.button() not in (Qt.MouseButton.LeftButton, Qt.MouseButton.MiddleButton):
            super().mousePressEvent(event)
            return
        self.motion.arrive()
        node = self.node_at(event.position().toPoint())
        self._press = Press.of(event, node.name if node is not None else "")

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        """Go on with what was begun, or hover."""
        here = event.position().toPoint()
        if self._press is None:
            for gesture in self._gestures:
                gesture.hovered(here)
        elif self._dragging is not None:
            self._dragging.go_on(here)
        elif (here - self._press.place).manhattanLength() >= QApplication.startDragDistance():
            self._dragging = next((g for g in self._gestures if g.takes(self._press)), None)
            if self._dragging is not None:
                self._dragging.begin(self._press)
                self._dragging.go_on(here)

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        """End what was begun."""
        press, dragging = self._press, self._dragging
        self._press = self._dragging = None
        if press is None:
            super().mouseReleaseEvent(event)
        elif dragging is not None:
            dragging.end(event.position().toPoint())
        else:
            any(gesture.clicked(press) for gesture in self._gestures)

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        """The second click of two."""
        self.motion.arrive()
        node = self.node_at(event.position().toPoint())
        press = Press.of(event, node.name if node is not None else "")
        any(gesture.double_clicked(press) for gesture in self._gestures)

    def leaveEvent(self, event: QEvent) -> None:
        """The pointer left."""
        for gesture in self._gestures:
            gesture.left()

    def wheelEvent(self, event: QWheelEvent) -> None:
        """Never scrolls."""
        any(gesture.wheel_turned(event) for gesture in self._gestures)
        event.accept()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """What no gesture wants goes to the window."""
        if not any(gesture.key_pressed(event) for gesture in self._gestures):
            event.ignore()

    def keyReleaseEvent(self, event: QKeyEvent) -> None:
        """What no gesture wants goes to the window."""
        if not any(gesture.key_released(event) for gesture in self._gestures):
            event.ignore()

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Keep the whole circuit in sight as long as nobody has zoomed."""
        super().resizeEvent(event)
        self.fit(self._whole, REST) if self._fitted else self.stage.sharpen()

    def drawForeground(self, painter: QPainter, rect: QRectF | QRect) -> None:
        """Legend and count stay in their corners, whatever the zoom."""
        painter.save()
        painter.resetTransform()
        paint_foreground(painter, self)
        painter.restore()
