"""The canvas: a circuit that one can pan, zoom, hover, select, drag and read."""

from __future__ import annotations

from collections.abc import Mapping, Set

from PySide6.QtCore import QEvent, QPoint, QPointF, QRect, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QColor, QKeyEvent, QMouseEvent, QPainter, QResizeEvent, QWheelEvent
from PySide6.QtWidgets import QApplication, QFrame, QGraphicsScene, QGraphicsView, QWidget

from circuitviz.canvas.aspect_fitter import AspectFitter
from circuitviz.canvas.camera_placement import (
    MIN_ZOOM,
    STATUS_LINE_HEIGHT_PX,
    find_anchor,
    fit_view,
    free_area_for,
    nearest_node,
)
from circuitviz.canvas.canvas_texts import LegendImage, describe_selection
from circuitviz.canvas.foreground import is_clearly_visible, paint_foreground
from circuitviz.canvas.gestures import Gesture, MousePress
from circuitviz.canvas.gestures.registry import create_gestures
from circuitviz.canvas.overview_map import OverviewMap
from circuitviz.canvas.scene_animation import SceneAnimation
from circuitviz.canvas.scene_fitting import FittedScene, SceneFitting
from circuitviz.canvas.scene_items import REST_MS, SceneItems
from circuitviz.scene.camera import Camera
from circuitviz.scene.circuit_scene import CircuitScene, DrawnNode
from circuitviz.scene.edge_arrays import DrawnEdge
from circuitviz.scene.theme import LIGHT, Theme

MAX_ZOOM = 6.0
MAX_IGNORED_RESIZE_PX = 8  # of the canvas's width or height


class CircuitView(QGraphicsView):
    """Shows a CircuitScene. Signals carry names, never items: items do not outlive a picture."""

    selection_changed = Signal(object, object)  # frozenset of nodes, frozenset of edges
    nodes_moved = Signal(object)  # {name: (x, y)} in the layout's units
    hovered = Signal(str)
    group_toggled = Signal(str)  # a group's box, or a node in an open group, by a double click
    basis_toggled = Signal(str)  # any other node, by a double click
    what_if_requested = Signal(object)  # frozenset of nodes: what if they were out? empty: no more

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
        self.circuit_scene = CircuitScene()
        self.theme = LIGHT
        self.status_text = ""
        self.selected_nodes: frozenset[str] = frozenset()
        self.selected_edges: frozenset[str] = frozenset()
        self._hovered_name: str = ""
        self.scene_items = SceneItems(self)
        self.animation = SceneAnimation(self._show_animated, self)
        self.overview = OverviewMap(self)
        self._legend_image = LegendImage()
        self._press: MousePress | None = None
        self._active_gesture: Gesture | None = None
        self._is_fitted, self._shows_all, self._min_zoom = True, False, MIN_ZOOM
        self._restored_camera: Camera | None = None  # until somebody zooms, moves or clicks
        self._fitted_size = QSize()
        self._anchor: tuple[str, QPoint] | None = None
        self.aspect_fitter = AspectFitter()
        self._gestures = create_gestures(self)

    # what is shown

    def create_fitting(self) -> SceneFitting:
        """What a picture is to be made ready for, as the view is now."""
        is_first, viewport = not self.circuit_scene.nodes, QRectF(self.viewport().rect())
        return SceneFitting.of_view(self.aspect_fitter, viewport, self.theme, is_first)

    def show_scene(
        self, picture: CircuitScene, status_text: str = "", fitted: FittedScene | None = None
    ) -> None:
        """Show a picture; what is selected stays selected where it still exists.

        ``fitted``: the picture made ready for the view; void where the view has changed since.
        """
        first = not self.circuit_scene.nodes
        geometry = None
        if fitted is not None and fitted.fitting.is_same_as(self.create_fitting()):
            self.aspect_fitter, geometry = fitted.fitter, fitted.geometry
            self.scene_items.keep_styles(fitted)
            picture = geometry.scene
        else:
            picture = self.aspect_fitter.fit_scene(picture, free_area_for(self, picture).size(), first)
        self._anchor = None if first or self._is_fitted else find_anchor(self, picture)
        before, self.circuit_scene, self.status_text = self.scene_items.geometry.scene, picture, status_text
        moving = self.isVisible() and self.animation.start(before, picture)
        if not moving:
            self.scene_items.show_scene(picture, self.theme, geometry)
        self.select(
            self.selected_nodes & picture.by_name.keys(), self.selected_edges & picture.edge_rows.keys()
        )
        if moving:
            return
        self._hold_anchor()
        is_followed = self._is_fitted and not self.aspect_fitter.is_frozen
        if first or (is_followed and self._is_resized()):
            self.fit(self._shows_all and not first)
            return
        if is_followed:  # a legend of fewer lines moves the camera, and no node
            self._min_zoom = fit_view(self, self._shows_all)
        self.scene_items.schedule_render(0)

    def _show_animated(self, picture: CircuitScene) -> None:
        """Draw a picture on the way to another; once there, make it sharp."""
        self.scene_items.show_scene(picture, self.theme)
        self._update_highlight()
        if self._is_fitted:
            self._min_zoom = fit_view(self, self._shows_all)
        self._hold_anchor()
        self.scene_items.schedule_render(REST_MS if self.animation.is_running else 0)

    def _hold_anchor(self) -> None:
        """Move the camera so that the node in the middle stays there, wherever the layout has put it."""
        if self._anchor is not None and not self._is_fitted:
            name, place = self._anchor
            node = self.scene_items.geometry.scene.by_name[name]
            shift = (QPointF(place) - QPointF(self.mapFromScene(QPointF(node.x, -node.y)))) / self.zoom
            self.translate(shift.x(), shift.y())

    def set_theme(self, theme: Theme) -> None:
        """Change all colours."""
        self.theme = theme
        self.setBackgroundBrush(QColor(theme.ground))
        self.animation.stop()
        self.scene_items.show_scene(self.circuit_scene, theme)
        self.scene_items.invalidate_all()
        self.fit(self._shows_all) if self._is_fitted else self.scene_items.schedule_render(0)
        self._update_highlight()

    def fit(self, show_all: bool = False, delay_ms: int = 0) -> None:
        """Show the circuit, all of it where it can be read or ``show_all``; sharp after ``delay_ms``."""
        self._is_fitted, self._shows_all, self._restored_camera = True, show_all, None
        self._fitted_size = self.viewport().size()
        if (
            picture := self.aspect_fitter.refit_scene(
                free_area_for(self, self.circuit_scene).size(), show_all
            )
        ) is not None:
            self.animation.stop()
            self.circuit_scene = picture
            self.scene_items.show_scene(picture, self.theme)
            self._update_highlight()
        self._min_zoom = fit_view(self, show_all)
        self.scene_items.schedule_render(delay_ms)

    @property
    def camera(self) -> Camera:
        """Which part of the scene is shown."""
        if self._is_fitted:
            return Camera()
        middle = self.mapToScene(QRectF(self.viewport().rect()).center().toPoint())
        centre = middle.x(), middle.y()
        if (node := nearest_node(self.circuit_scene, middle)) is None:
            return Camera(self.zoom, centre)
        return Camera(self.zoom, centre, node.name, (middle.x() - node.x, middle.y() + node.y))

    def set_camera(self, camera: Camera) -> None:
        """Show a part of the scene, with the node in its middle that was there, or fit all of it."""
        self.fit()  # also sets the scene's margins
        if camera.zoom is None or camera.centre is None:
            return
        centre = QPointF(*camera.centre)
        if (node := self.circuit_scene.by_name.get(camera.node)) is not None:
            centre = QPointF(node.x, -node.y) + QPointF(*camera.offset)
        self.resetTransform()
        self.scale(camera.zoom, camera.zoom)
        self.centerOn(centre)
        self._is_fitted, self._restored_camera = False, camera
        self.scene_items.schedule_render()

    @property
    def is_showing_all(self) -> bool:
        """Whether all of the circuit was asked for, small as it may be, and nobody has moved it since."""
        return self._is_fitted and self._shows_all

    @property
    def hovered_name(self) -> str:
        """The node or edge under the pointer, or an empty string."""
        return self._hovered_name

    @property
    def zoom(self) -> float:
        """Pixels per scene unit."""
        return self.transform().m11()

    def zoom_by(self, factor: float, about: QPointF | None = None) -> None:
        """Zoom about a point of the viewport, its middle by default."""
        self._anchor = self._restored_camera = None
        factor = max(self._min_zoom / self.zoom, min(MAX_ZOOM / self.zoom, factor))
        at = about or QPointF(self.viewport().rect().center())
        before = self.mapToScene(at.toPoint())
        self.scale(factor, factor)
        after = self.mapToScene(at.toPoint())
        shift = after - before
        self.translate(shift.x(), shift.y())
        self._is_fitted = False
        self.scene_items.schedule_render()

    def select(self, nodes: Set[str], edges: Set[str] = frozenset()) -> None:
        """Select exactly these; emits ``selection_changed`` where that is new."""
        new = (frozenset(nodes), frozenset(edges))
        changed = new != (self.selected_nodes, self.selected_edges)
        self.selected_nodes, self.selected_edges = new
        self._update_highlight()
        if changed:
            self.setAccessibleDescription(describe_selection(self.circuit_scene, *new))
            self.selection_changed.emit(*new)

    def pan_by(self, shift: QPoint) -> None:
        """Move the picture by so many pixels."""
        self._anchor = self._restored_camera = None
        self.translate(shift.x() / self.zoom, shift.y() / self.zoom)
        self._is_fitted = False
        self.scene_items.schedule_render()

    def set_hover(self, name: str) -> None:
        """Bring a node or an edge forward with its neighbours; an empty name brings nothing."""
        if name != self._hovered_name:
            self._hovered_name = name
            self._update_highlight()
            self.hovered.emit(name)

    def move_nodes(self, places: Mapping[str, tuple[float, float]]) -> None:
        """Draw nodes at other places of the scene (y upwards), until ``drop_nodes``."""
        self._anchor = None
        self.animation.stop()
        self.circuit_scene = self.circuit_scene.with_positions(places)
        self.scene_items.show_scene(self.circuit_scene, self.theme)
        self.scene_items.schedule_render()
        self._update_highlight()

    def drop_nodes(self, places: Mapping[str, tuple[float, float]]) -> None:
        """Leave nodes at these places of the scene; tells of them in the layout's units."""
        self.move_nodes(places)
        self.nodes_moved.emit(self.aspect_fitter.to_layout_positions(places))

    def scroll_to_node(self, name: str) -> None:
        """Move the picture as little as needed for a node to be seen."""
        node = self.circuit_scene.by_name[name]
        if not is_clearly_visible(self, self.viewport_position(name)):
            self.center_view_on(QPointF(node.x, -node.y))

    def viewport_position(self, name: str) -> QPoint:
        """Where a node stands in the viewport."""
        node = self.circuit_scene.by_name[name]
        return self.mapFromScene(QPointF(node.x, -node.y))

    def _update_highlight(self) -> None:
        self.scene_items.highlight(self.selected_nodes, self.selected_edges, self._hovered_name)

    # under the pointer

    def node_at(self, place: QPoint) -> DrawnNode | None:
        """The node at a place of the viewport; one that is on its way into a box is none any more."""
        if self.overview.rect.contains(QPointF(place)):
            return None
        node = self.scene_items.geometry.node_at(self.mapToScene(place))
        return node if node is not None and node.name in self.circuit_scene.by_name else None

    def edge_at(self, place: QPoint) -> DrawnEdge | None:
        """The edge within five pixels of a place of the viewport."""
        if self.overview.rect.contains(QPointF(place)):
            return None
        drawn = self.scene_items.edge_highlight.edge_rows if self.circuit_scene.has_edges_on_demand else None
        edge = self.scene_items.geometry.edge_at(self.mapToScene(place), 5 / self.zoom, drawn)
        return edge if edge is not None and edge.name in self.circuit_scene.edge_rows else None

    @property
    def free_area(self) -> QRectF:
        """The viewport above the line at its foot."""
        return QRectF(self.viewport().rect()).adjusted(0, 0, 0, -STATUS_LINE_HEIGHT_PX)

    def center_view_on(self, place: QPointF) -> None:
        """Bring a place of the scene into the middle."""
        self._anchor = self._restored_camera = None
        self.centerOn(place)
        self._is_fitted = False
        self.scene_items.schedule_render()

    # what is done to it: the gestures answer

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """A click or a drag begins; which of them, the movement tells."""
        if event.button() not in (Qt.MouseButton.LeftButton, Qt.MouseButton.MiddleButton):
            super().mousePressEvent(event)
            return
        self._restored_camera = None
        self.animation.skip_to_group_change()
        node = self.node_at(event.position().toPoint())
        self._press = MousePress.from_event(event, node.name if node is not None else "")

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        """Go on with what was begun, or hover."""
        here = event.position().toPoint()
        if self._press is None:
            for gesture in self._gestures:
                gesture.pointer_moved(here)
        elif self._active_gesture is not None:
            self._active_gesture.drag_moved(here)
        elif (here - self._press.position).manhattanLength() >= QApplication.startDragDistance():
            self._active_gesture = next((g for g in self._gestures if g.accepts_drag(self._press)), None)
            if self._active_gesture is not None:
                self._active_gesture.drag_started(self._press)
                self._active_gesture.drag_moved(here)

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        """End what was begun."""
        press, dragging = self._press, self._active_gesture
        self._press = self._active_gesture = None
        if press is None:
            super().mouseReleaseEvent(event)
        elif dragging is not None:
            dragging.drag_ended(event.position().toPoint())
        else:
            any(gesture.clicked(press) for gesture in self._gestures)

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        """The second click of two."""
        self.animation.skip_to_group_change()
        node = self.node_at(event.position().toPoint())
        press = MousePress.from_event(event, node.name if node is not None else "")
        any(gesture.double_clicked(press) for gesture in self._gestures)

    def leaveEvent(self, event: QEvent) -> None:
        """The pointer left."""
        for gesture in self._gestures:
            gesture.pointer_left()

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
        """Keep the whole circuit in sight as long as nobody has zoomed.

        A few pixels, as a bar of progress takes them, move nothing.
        """
        super().resizeEvent(event)
        if self._is_fitted and self._is_resized():
            self.fit(self._shows_all, REST_MS)
        elif self._restored_camera is not None:  # panels that come with the circuit take room of the canvas
            self.set_camera(self._restored_camera)
        else:
            self.scene_items.schedule_render()

    def _is_resized(self) -> bool:
        """Whether the view has another size than when the circuit was fitted to it."""
        changed = self.viewport().size() - self._fitted_size
        return max(abs(changed.width()), abs(changed.height())) > MAX_IGNORED_RESIZE_PX

    def drawForeground(self, painter: QPainter, rect: QRectF | QRect) -> None:
        """Legend and count stay in their corners, whatever the zoom."""
        painter.save()
        painter.resetTransform()
        paint_foreground(painter, self, self._legend_image)
        painter.restore()
