"""Nodes: an item each while they are few, one cached layer when they are many."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import partial

import numpy as np
from PySide6.QtCore import QRectF, Qt
from PySide6.QtGui import QColor, QPainter, QPainterPath, QPen
from PySide6.QtWidgets import QGraphicsItem, QStyleOptionGraphicsItem, QWidget

from circuitviz.canvas.cached_item import DIMMED_OPACITY, CachedItem, PaintStep
from circuitviz.canvas.scene_geometry import SceneGeometry
from circuitviz.paint.circuit_painter import FAR_ZOOM, LEGIBLE_ZOOM, node_box, paint_node
from circuitviz.scene.circuit_scene import DrawnNode
from circuitviz.scene.class_colours import colour_in_theme
from circuitviz.scene.edge_arrays import IndexArray
from circuitviz.scene.node_styles import style_colours
from circuitviz.scene.theme import Theme
from circuitviz.shapes.node_shapes import heat_colour

MAX_RINGED_NODES = 60  # selected nodes of a crowd that get their ring: a frame's worth
BOXES_PER_STEP = 400  # boxes in one stroke: about a millisecond


class NodeItem(QGraphicsItem):
    """One node; its painted image is kept by Qt while the zoom stays."""

    def __init__(self, node: DrawnNode, theme: Theme) -> None:
        super().__init__()
        self.node, self.theme, self.omits_position, self.heat = node, theme, False, 0.0
        self.is_selected = self.is_hovered = False
        self.setPos(node.x, -node.y)
        self.setCacheMode(QGraphicsItem.CacheMode.DeviceCoordinateCache)
        self.setZValue(2)

    def boundingRect(self) -> QRectF:
        """The box and its ring, about the node's middle."""
        return node_box(self.node).translated(-self.node.x, self.node.y).adjusted(-6, -6, 6, 6)

    def paint(
        self, painter: QPainter, option: QStyleOptionGraphicsItem, widget: QWidget | None = None
    ) -> None:
        """Draw the node as it is now."""
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.translate(-self.node.x, self.node.y)
        paint_node(
            painter,
            self.node,
            self.theme,
            is_selected=self.is_selected,
            is_hovered=self.is_hovered,
            scale=painter.worldTransform().m11(),
            omits_position=self.omits_position,
            heat=self.heat,
        )

    def show_node(
        self, node: DrawnNode, theme: Theme, omits_position: bool = False, heat: float = 0.0
    ) -> None:
        """Draw the node as it has become; moving it repaints nothing.

        ``omits_position``: its token is written below it, so that its name need not say the position.
        ``heat``: its importance as a share of the greatest.
        """
        before, others = self.node, (self.theme, self.omits_position, self.heat)
        self.node, self.theme, self.omits_position, self.heat = node, theme, omits_position, heat
        self.setPos(node.x, -node.y)
        if (replace(before, x=node.x, y=node.y), *others) != (node, theme, omits_position, heat):
            self.prepareGeometryChange()
            self.update()

    def set_emphasis(self, *, is_selected: bool, is_hovered: bool, is_dimmed: bool) -> None:
        """Set how the node stands out."""
        self.setOpacity(DIMMED_OPACITY if is_dimmed else 1.0)  # keeps the painted image
        if (is_selected, is_hovered) != (self.is_selected, self.is_hovered):
            self.is_selected, self.is_hovered = is_selected, is_hovered
            self.update()


class NodeBatchItem(CachedItem):
    """All nodes of a crowd as one layer."""

    def __init__(self) -> None:
        super().__init__()
        self.theme: Theme | None = None
        self._highlighted_rows, self._selected_names, self._hovered_name = (
            np.zeros(0, np.intp),
            frozenset[str](),
            "",
        )
        self.setZValue(2)

    def show_geometry(self, geometry: SceneGeometry | None, theme: Theme) -> None:
        """Draw another picture's nodes; None where they are items of their own."""
        self.prepareGeometryChange()
        self.geometry, self.theme = geometry, theme

    def paint_steps(self, area: QRectF, scale: float, fine: bool) -> Iterator[PaintStep]:
        """Every node in an area: boxes alone where no name could be read."""
        if self.geometry is None or self.theme is None:
            return
        rows = self._rows_in(area)
        if scale < LEGIBLE_ZOOM:
            for first in range(0, len(rows), BOXES_PER_STEP):
                chunk = rows[first : first + BOXES_PER_STEP]
                yield partial(paint_boxes, geometry=self.geometry, theme=self.theme, rows=chunk)
            return
        for row in rows:
            scene, placed = self.geometry.scene, bool(self.geometry.scene.columns)
            heat = float(scene.importance[row])
            yield partial(_paint_node, scene.nodes[row], self.theme, placed, heat)

    def paint_draft(self, painter: QPainter, area: QRectF, scale: float) -> None:
        """Boxes without names."""
        if self.geometry is not None and self.theme is not None:
            paint_boxes(painter, self.geometry, self.theme, self._rows_in(area))

    def highlight(self, rows: IndexArray, selected: frozenset[str], hovered: str) -> None:
        """Set what does not fade with the rest: rows of nodes, and names of those that get a ring."""
        self._highlighted_rows, self._selected_names, self._hovered_name = rows, selected, hovered
        self.update()

    def paint_highlighted(self, painter: QPainter, seen: QRectF) -> None:
        """The same images through holes where nodes are near; rings about what is selected."""
        if self.geometry is None or self.theme is None:
            return
        if self._is_dimmed:
            self._paint_highlighted_rows(painter, seen, self.geometry, self.theme)
        picture = self.geometry.scene
        for name in [*sorted(self._selected_names)[:MAX_RINGED_NODES], self._hovered_name]:
            if (node := picture.by_name.get(name)) is not None:
                chosen, over = name in self._selected_names, name == self._hovered_name
                painter.setRenderHint(QPainter.RenderHint.Antialiasing)
                scale, placed = painter.worldTransform().m11(), bool(picture.columns)
                paint_node(
                    painter,
                    node,
                    self.theme,
                    is_selected=chosen,
                    is_hovered=over,
                    scale=scale,
                    omits_position=placed,
                    heat=float(picture.importance[picture.node_rows[name]]),
                )

    def _paint_highlighted_rows(
        self, painter: QPainter, seen: QRectF, geometry: SceneGeometry, theme: Theme
    ) -> None:
        boxes = geometry.boxes[np.intersect1d(self._highlighted_rows, self._rows_in(seen))]
        if not len(boxes):
            return
        holes = QPainterPath()
        for left, top, right, bottom in boxes.tolist():
            holes.addRect(left - 1, top - 1, right - left + 2, bottom - top + 2)
        painter.save()
        painter.setClipPath(holes)
        painter.fillPath(holes, QColor(theme.ground))
        self._paint_images(painter, seen)
        painter.restore()

    def _rows_in(self, area: QRectF) -> IndexArray:
        assert self.geometry is not None
        left, top, right, bottom = self.geometry.boxes.T
        across = (left <= area.right()) & (right >= area.left())
        return np.flatnonzero(across & (top <= area.bottom()) & (bottom >= area.top()))


def _paint_node(node: DrawnNode, theme: Theme, placed: bool, heat: float, painter: QPainter) -> None:
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    scale = painter.worldTransform().m11()
    paint_node(painter, node, theme, scale=scale, omits_position=placed, heat=heat)


def _coloured_rows(
    geometry: SceneGeometry, theme: Theme, scale: float, is_map: bool
) -> Iterator[tuple[str, IndexArray]]:
    """Rows of nodes with the colour of their boxes, the least important first."""
    if geometry.scene.cells or (scale < FAR_ZOOM and not is_map):
        yield from ((heat_colour(heat, theme), rows) for heat, rows in geometry.rows_by_heat)
        return
    for node, rows in geometry.rows_by_style:
        own = colour_in_theme(node.colour, theme) or style_colours(node.style, theme)[1]
        yield theme.muted if node.ablated else own, rows


def paint_boxes(
    painter: QPainter, geometry: SceneGeometry, theme: Theme, rows: IndexArray, min_size: float = 0.0
) -> None:
    """Nodes as plain boxes, those of one colour together: what is left of them from afar.

    In a grid of cells, and below ``FAR_ZOOM``, the colour is that of their importance.

    ``min_size``: width and height that a box has in any case, in scene units.
    """
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing, False)
    chosen = np.zeros(len(geometry.boxes), bool)
    chosen[rows] = True
    for colour, alike in _coloured_rows(geometry, theme, painter.worldTransform().m11(), bool(min_size)):
        corners = geometry.boxes[alike[chosen[alike]]]
        corners[:, 2:] = np.maximum(corners[:, 2:] - corners[:, :2], min_size)
        painter.setBrush(QColor(colour))
        painter.drawRects([QRectF(*each) for each in corners.tolist()])
    pinned = geometry.boxes[geometry.pinned_rows[chosen[geometry.pinned_rows]]]
    pinned[:, 2:] -= pinned[:, :2]
    pen = QPen(QColor(theme.text), 1.4)
    pen.setCosmetic(True)
    painter.setPen(pen)
    painter.setBrush(Qt.BrushStyle.NoBrush)
    painter.drawRects([QRectF(*each) for each in pinned.tolist()])
