"""The items of a picture, kept from one picture to the next so that a change repaints little."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from time import perf_counter

import numpy as np
from PySide6.QtCore import QObject, QRectF, QTimer
from PySide6.QtWidgets import QGraphicsView

from circuitviz.canvas.backdrop_item import BackdropItem
from circuitviz.canvas.cached_item import CachedItem
from circuitviz.canvas.canvas_legend import canvas_entries
from circuitviz.canvas.edge_highlight_item import NO_ROWS, EdgeHighlightItem
from circuitviz.canvas.edges_item import EdgesItem
from circuitviz.canvas.group_frames_item import GroupFramesItem
from circuitviz.canvas.node_items import NodeBatchItem, NodeItem
from circuitviz.canvas.path_label_item import PathLabelItem
from circuitviz.canvas.scene_fitting import FittedScene
from circuitviz.canvas.scene_geometry import SceneGeometry
from circuitviz.scene.circuit_scene import CircuitScene
from circuitviz.scene.edge_arrays import EdgeArrays
from circuitviz.scene.theme import LIGHT, Theme
from circuitviz.shapes.circuit_legend import LegendEntry
from circuitviz.shapes.edge_styles import EdgeStyles

MAX_NODE_ITEMS = 150  # more nodes than this are one item: their names take 10 ms at every notch of the wheel
MAX_HIGHLIGHTED_NODES = (
    1000  # nodes that are cut out of a pale crowd; more of them, and the crowd is not pale
)
REST_MS = 40  # milliseconds without a movement before the sharp picture is begun
SLICE_S = 0.008  # seconds of painting between two looks at the event queue
MAX_IMMEDIATE_EDGES, IMMEDIATE_RENDER_S = 400, 0.03  # so few edges are painted sharp at first sight


class SceneItems(QObject):
    """Puts a picture into a view's scene and keeps it sharp."""

    def __init__(self, view: QGraphicsView) -> None:
        super().__init__(view)
        self.view = view
        self.theme: Theme = LIGHT
        self.geometry = SceneGeometry.from_scene(CircuitScene())
        self._legend: tuple[CircuitScene, Theme, list[LegendEntry]] | None = None
        self._styles: tuple[EdgeArrays, Theme, EdgeStyles] | None = None
        self.edges_item, self.edge_highlight, self.node_batch = (
            EdgesItem(),
            EdgeHighlightItem(),
            NodeBatchItem(),
        )
        self.node_items: dict[str, NodeItem] = {}
        self.frames_item, self.backdrop = GroupFramesItem(), BackdropItem()
        self.path_label = PathLabelItem()
        for item in (
            self.backdrop,
            self.frames_item,
            self.edges_item,
            self.edge_highlight,
            self.node_batch,
            self.path_label,
        ):
            view.scene().addItem(item)
        self._rest_timer = QTimer(self, singleShot=True)
        self._rest_timer.timeout.connect(self._begin_render)
        self._slice_timer = QTimer(self, interval=0)
        self._slice_timer.timeout.connect(self._render_slice)

    @property
    def is_batched(self) -> bool:
        """Whether nodes are one item."""
        return len(self.geometry.scene.nodes) > MAX_NODE_ITEMS

    @property
    def is_sharp(self) -> bool:
        """Whether nothing is left to paint."""
        return not self._rest_timer.isActive() and all(layer.is_sharp for layer in self._layers())

    @property
    def is_unstretched(self) -> bool:
        """Whether no image that is shown is stretched, smooth or not."""
        scale = self.view.transform().m11()
        return not self._rest_timer.isActive() and all(
            layer.is_rendered_at(scale) for layer in self._layers()
        )

    def show_scene(self, picture: CircuitScene, theme: Theme, geometry: SceneGeometry | None = None) -> None:
        """Show a picture, as a draft until ``schedule_render`` has been called and done its work."""
        before, self.theme = self.geometry, theme
        geometry = geometry or (before if before.scene is picture else SceneGeometry.from_scene(picture))
        self.geometry = geometry
        styles = self.edge_styles(picture.edges, theme)
        self.frames_item.show_geometry(geometry, theme)
        self.backdrop.show_geometry(geometry, theme)
        self.edges_item.show_geometry(geometry, styles)
        self.edges_item.setVisible(not picture.has_edges_on_demand)
        self.edge_highlight.show_geometry(geometry, styles, theme)
        self.path_label.show_geometry(geometry, theme)
        self.node_batch.show_geometry(geometry if self.is_batched else None, theme)
        self._update_node_items()
        same = np.array_equal(before.boxes, geometry.boxes) and before.scene.node_rows == picture.node_rows
        for layer in (self.edges_item, self.node_batch):
            layer.invalidate() if same else layer.clear_images()

    def edge_styles(self, edges: EdgeArrays, theme: Theme) -> EdgeStyles:
        """How edges are drawn; kept for as long as the same ones are shown, wherever their nodes move."""
        if self._styles is None or self._styles[0] is not edges or self._styles[1] != theme:
            self._styles = edges, theme, EdgeStyles.of_edges(edges, theme)
        return self._styles[2]

    def keep_styles(self, fitted: FittedScene) -> None:
        """Take over how a picture that is shown next is drawn and explained."""
        picture, theme = fitted.geometry.scene, fitted.fitting.theme
        self._styles = picture.edges, theme, fitted.styles
        self._legend = picture, theme, fitted.entries

    def legend_entries(self, picture: CircuitScene, theme: Theme) -> list[LegendEntry]:
        """What the legend of a picture explains; kept, for it is painted with every frame."""
        if self._legend is None or self._legend[0] is not picture or self._legend[1] != theme:
            entries = canvas_entries(picture, self.edge_styles(picture.edges, theme), theme)
            self._legend = picture, theme, entries
        return self._legend[2]

    def highlight(self, nodes: frozenset[str], edges: frozenset[str], hovered: str) -> None:
        """Bring forward what is selected and hovered with its neighbours; the rest steps back."""
        picture = self.geometry.scene
        brought = nodes | ({hovered} if hovered in picture.node_rows else set())
        chosen = edges | ({hovered} if hovered in picture.edge_rows else set())
        out, near = picture.neighbourhood(brought, chosen) if brought or chosen else (NO_ROWS, NO_ROWS)
        something = bool(brought or chosen)
        fades = bool(brought or edges) and not picture.has_edges_on_demand  # not for an edge pointed at
        self.edges_item.set_dimmed(something)
        self.node_batch.set_dimmed(fades and len(near) < min(MAX_HIGHLIGHTED_NODES, len(picture.nodes)))
        self.edge_highlight.show_edges(out, frozenset(chosen))
        if len(out) and not self._rest_timer.isActive():
            self._rest_timer.start(REST_MS)
        self.node_batch.highlight(near, nodes, hovered)
        names = {picture.nodes[row].name for row in near}
        for name, item in self.node_items.items():
            faded = fades and name not in names
            item.set_emphasis(is_selected=name in nodes, is_hovered=name == hovered, is_dimmed=faded)

    def invalidate_all(self) -> None:
        """Paint everything anew: the font is another."""
        for layer in (self.edges_item, self.edge_highlight, self.node_batch):
            layer.invalidate()
        for item in (*self.node_items.values(), self.backdrop, self.frames_item):
            item.update()

    def schedule_render(self, delay_ms: int = REST_MS) -> None:
        """Make the picture sharp for what the view shows, once nothing has moved for ``delay_ms`` ms."""
        self._rest_timer.start(delay_ms)
        if not delay_ms and len(self.geometry.scene.edges) <= MAX_IMMEDIATE_EDGES and not self.is_batched:
            self._begin_render()
            self.edges_item.render_slice(perf_counter() + IMMEDIATE_RENDER_S)

    def render_now(self) -> None:
        """Paint all that is left, now: for a picture of the window."""
        self._rest_timer.stop()
        self._begin_render(needs_draft=False)
        for layer in self._layers():
            while layer.render_slice(perf_counter() + 1.0):
                pass

    def _layers(self) -> tuple[CachedItem, ...]:
        layers = (self.edges_item, self.edge_highlight, self.node_batch)
        return tuple(layer for layer, there in zip(layers, self._present_layers(), strict=True) if there)

    def _present_layers(self) -> tuple[bool, bool, bool]:
        return True, bool(len(self.edge_highlight.edge_rows)), self.is_batched

    def _update_node_items(self) -> None:
        wanted: Mapping[str, object] = {} if self.is_batched else self.geometry.scene.by_name
        scene = self.view.scene()
        for name in [name for name in self.node_items if name not in wanted]:
            scene.removeItem(self.node_items.pop(name))
        if self.is_batched:
            return
        scene_shown = self.geometry.scene
        for node in scene_shown.nodes:
            item = self.node_items.get(node.name)
            if item is None:
                self.node_items[node.name] = item = NodeItem(node, self.theme)
                scene.addItem(item)
            heat = float(scene_shown.importance[scene_shown.node_rows[node.name]])
            item.show_node(node, self.theme, omits_position=bool(scene_shown.columns), heat=heat)

    @contextmanager
    def painted_directly(self) -> Iterator[None]:
        """Paint every layer as it is, and not its image, within a ``with`` block."""
        layers = self._layers()
        try:
            for layer in layers:
                layer.is_painted_directly = True
            yield
        finally:
            for layer in layers:
                layer.is_painted_directly = False

    def _begin_render(self, needs_draft: bool = True) -> None:
        view = self.view
        seen = view.mapToScene(view.viewport().rect()).boundingRect()
        scale, ratio = view.transform().m11(), view.devicePixelRatioF()
        work = [
            layer.begin_render(QRectF(seen), scale, ratio, needs_draft) for layer in self._layers()
        ]  # each is asked
        if any(work):
            self._slice_timer.start()

    def _render_slice(self) -> None:
        until = perf_counter() + SLICE_S
        scale = self.view.transform().m11()
        stretched_first = sorted(self._layers(), key=lambda layer: layer.is_rendered_at(scale))
        if not any(layer.render_slice(until) for layer in stretched_first):  # one layer after the other
            self._slice_timer.stop()
