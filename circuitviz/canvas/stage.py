"""The items of a picture, kept from one picture to the next so that a change repaints little."""

from __future__ import annotations

from collections.abc import Mapping
from time import perf_counter

import numpy as np
from PySide6.QtCore import QObject, QRectF, QTimer
from PySide6.QtWidgets import QGraphicsView

from circuitviz.canvas.cached import CachedItem
from circuitviz.canvas.columns import ColumnsItem
from circuitviz.canvas.edges import EdgesItem
from circuitviz.canvas.frames import FramesItem
from circuitviz.canvas.geometry import Geometry
from circuitviz.canvas.nodes import NodeItem, NodesItem
from circuitviz.canvas.overlay import NOTHING, OverlayItem
from circuitviz.canvas.picture import CircuitPicture
from circuitviz.canvas.theme import LIGHT, Theme
from circuitviz.canvas.trails import TrailItem

CROWD = 150  # more nodes than this are one item: their names take 10 ms at every notch of the wheel
MOST_BROUGHT = 1000  # nodes that are cut out of a pale crowd; more of them, and the crowd is not pale
REST = 40  # milliseconds without a movement before the sharp picture is begun
SLICE = 0.008  # seconds of painting between two looks at the event queue
AT_ONCE, AT_ONCE_FOR = 400, 0.03  # so few edges are painted sharp at first sight


class Stage(QObject):
    """Puts a picture into a view's scene and keeps it sharp."""

    def __init__(self, view: QGraphicsView) -> None:
        super().__init__(view)
        self.view = view
        self.theme: Theme = LIGHT
        self.geometry = Geometry.of(CircuitPicture())
        self.edges, self.overlay, self.crowd = EdgesItem(), OverlayItem(), NodesItem()
        self.items: dict[str, NodeItem] = {}
        self.frames, self.columns = FramesItem(), ColumnsItem()
        self.trail = TrailItem()
        for item in (self.columns, self.frames, self.edges, self.overlay, self.crowd, self.trail):
            view.scene().addItem(item)
        self._rest = QTimer(self, singleShot=True)
        self._rest.timeout.connect(self._begin)
        self._slice = QTimer(self, interval=0)
        self._slice.timeout.connect(self._go_on)

    @property
    def crowded(self) -> bool:
        """Whether nodes are one item."""
        return len(self.geometry.picture.nodes) > CROWD

    @property
    def is_sharp(self) -> bool:
        """Whether nothing is left to paint."""
        return not self._rest.isActive() and all(layer.is_sharp for layer in self._layers())

    @property
    def is_in_scale(self) -> bool:
        """Whether no image that is shown is stretched, smooth or not."""
        scale = self.view.transform().m11()
        return not self._rest.isActive() and all(layer.shows(scale) for layer in self._layers())

    def show_picture(self, picture: CircuitPicture, theme: Theme, geometry: Geometry | None = None) -> None:
        """Show a picture, as a draft until ``sharpen`` has been called and done its work."""
        before, self.theme = self.geometry, theme
        geometry = geometry or (before if before.picture is picture else Geometry.of(picture))
        self.geometry = geometry
        self.frames.show_picture(picture, theme)
        self.columns.show_geometry(geometry, theme)
        self.edges.show_geometry(geometry, theme)
        self.overlay.show_geometry(geometry, theme)
        self.trail.show_geometry(geometry, theme)
        self.crowd.show_geometry(geometry if self.crowded else None, theme)
        self._show_items()
        same = np.array_equal(before.boxes, geometry.boxes) and before.picture.rows == picture.rows
        for layer in (self.edges, self.crowd):
            layer.outdate() if same else layer.forget()

    def emphasise(self, nodes: frozenset[str], edges: frozenset[str], hovered: str) -> None:
        """Bring forward what is selected and hovered with its neighbours; the rest steps back."""
        picture = self.geometry.picture
        brought = nodes | ({hovered} if hovered in picture.rows else set())
        chosen = edges | ({hovered} if hovered in picture.edge_rows else set())
        out, near = picture.around(brought, chosen) if brought or chosen else (NOTHING, NOTHING)
        something = bool(brought or chosen)
        self.edges.fade(something)
        self.crowd.fade(something and len(near) < min(MOST_BROUGHT, len(picture.nodes)))
        self.overlay.show_rows(out, frozenset(chosen))
        if len(out) and not self._rest.isActive():
            self._rest.start(REST)
        self.crowd.bring(near, nodes, hovered)
        names = {picture.nodes[row].name for row in near}
        for name, item in self.items.items():
            faded = something and name not in names
            item.show_as(selected=name in nodes, hovered=name == hovered, faded=faded)

    def repaint_all(self) -> None:
        """Paint everything anew: the font is another."""
        for layer in (self.edges, self.overlay, self.crowd):
            layer.outdate()
        for item in (*self.items.values(), self.columns, self.frames):
            item.update()

    def sharpen(self, after: int = REST) -> None:
        """Make the picture sharp for what the view shows, once nothing has moved for ``after`` ms."""
        self._rest.start(after)
        if not after and len(self.geometry.picture.edges) <= AT_ONCE and not self.crowded:
            self._begin()
            self.edges.go_on(perf_counter() + AT_ONCE_FOR)

    def settle(self) -> None:
        """Paint all that is left, now: for a picture of the window."""
        self._rest.stop()
        self._begin()
        for layer in self._layers():
            while layer.go_on(perf_counter() + 1.0):
                pass

    def _layers(self) -> tuple[CachedItem, ...]:
        layers = (self.edges, self.overlay, self.crowd)
        return tuple(layer for layer, there in zip(layers, self._there(), strict=True) if there)

    def _there(self) -> tuple[bool, bool, bool]:
        return True, bool(len(self.overlay.rows)), self.crowded

    def _show_items(self) -> None:
        wanted: Mapping[str, object] = {} if self.crowded else self.geometry.picture.by_name
        scene = self.view.scene()
        for name in [name for name in self.items if name not in wanted]:
            scene.removeItem(self.items.pop(name))
        if self.crowded:
            return
        for node in self.geometry.picture.nodes:
            item = self.items.get(node.name)
            if item is None:
                self.items[node.name] = item = NodeItem(node, self.theme)
                scene.addItem(item)
            item.show_node(node, self.theme, placed=bool(self.geometry.picture.columns))

    def _begin(self) -> None:
        view = self.view
        seen = view.mapToScene(view.viewport().rect()).boundingRect()
        scale, ratio = view.transform().m11(), view.devicePixelRatioF()
        work = [layer.aim(QRectF(seen), scale, ratio) for layer in self._layers()]  # each is asked
        if any(work):
            self._slice.start()

    def _go_on(self) -> None:
        until = perf_counter() + SLICE
        scale = self.view.transform().m11()
        stretched_first = sorted(self._layers(), key=lambda layer: layer.shows(scale))
        if not any(layer.go_on(until) for layer in stretched_first):  # one layer after the other
            self._slice.stop()
