"""All edges of a picture as one layer, painted into an image in short strokes."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

import numpy as np
import pyqtgraph as pg
from PySide6.QtCore import QRectF, Qt
from PySide6.QtGui import QColor, QPainter, QPen

from circuitviz.canvas.cached_item import CachedItem, PaintStep
from circuitviz.canvas.scene_geometry import SceneGeometry
from circuitviz.paint.circuit_painter import edge_steps
from circuitviz.scene.edge_arrays import IndexArray
from circuitviz.scene.edge_curves import EdgeCurves
from circuitviz.shapes.edge_styles import EdgeStyles

MAX_DETAILED_EDGES = 2500  # more edges than this are hairlines, but for the strongest
DETAILED_EDGES_IN_CROWD, DETAILED_EDGES_IN_DRAFT = 200, 40
CROWD_OPACITY = 0.5  # of edges behind packed boxes, whose names are to be read
EDGES_PER_STEP = 120  # hairlines in one stroke: about a millisecond
POINTS_PER_CURVE, POINTS_PER_PIECE = 13, 7  # on a hairline's curve, and on each of several pieces of one
MAX_DRAFT_EDGES = 3000  # edges in a draft that is painted at once: a frame's worth
MAX_ROUGH_EDGES = (
    8_000  # edges in a rough image: the weaker rest, which these all but hide, comes with the fine one
)
MAX_ANTIALIASED_EDGES = (
    4_000  # smooth ones among the hairlines of a fine image: they cover the weaker, pale rest
)


class EdgesItem(CachedItem):
    """Edges below everything else. Few are painted one by one; a crowd as hairlines.

    A hairline is opaque, which is six times as fast as a translucent one.
    """

    def __init__(self) -> None:
        super().__init__()
        self.styles: EdgeStyles | None = None
        self.setZValue(0)

    def show_geometry(self, geometry: SceneGeometry, styles: EdgeStyles) -> None:
        """Draw another picture; whoever calls says by ``outdate`` or ``forget`` what became of the old."""
        if self.geometry is None or self.geometry.bounds != geometry.bounds:
            self.prepareGeometryChange()
        self.geometry, self.styles = geometry, styles
        is_crowd = any(node.box is not None for node in geometry.scene.nodes)
        self.rest_opacity = CROWD_OPACITY if is_crowd else 1.0

    def needs_draft(self) -> bool:
        """A crowd is first painted without smooth lines: a third of the time."""
        return self.geometry is not None and len(self.geometry.scene.edges) > MAX_DETAILED_EDGES

    def paint_steps(self, area: QRectF, scale: float, fine: bool) -> Iterator[PaintStep]:
        """Every edge that may be seen in an area, the weakest first."""
        if self.geometry is None or self.styles is None:
            return
        curves, styles = self.geometry.curves, self.styles
        seen = edge_rows_in(curves, area)
        few = seen
        if len(self.geometry.scene.edges) > MAX_DETAILED_EDGES:
            strong = DETAILED_EDGES_IN_CROWD if fine else DETAILED_EDGES_IN_DRAFT
            few, seen = seen[-strong:], seen if fine else seen[-MAX_ROUGH_EDGES:]
            crowd = seen[:-strong]
            smooth = MAX_ANTIALIASED_EDGES if fine else 0
            yield from hairline_steps(curves, styles, crowd[: len(crowd) - smooth], antialiased=False)
            if fine:
                yield from hairline_steps(curves, styles, crowd[-smooth:], antialiased=True)
        yield from edge_steps(curves, styles, few)

    def paint_draft(self, painter: QPainter, area: QRectF, scale: float) -> None:
        """The strongest edges, at once."""
        if self.geometry is None or self.styles is None:
            return
        curves, styles = self.geometry.curves, self.styles
        seen = edge_rows_in(curves, area)[-MAX_DRAFT_EDGES:]
        weak, strong = seen[:-DETAILED_EDGES_IN_DRAFT], seen[-DETAILED_EDGES_IN_DRAFT:]
        for step in hairline_steps(curves, styles, weak, antialiased=False):
            step(painter)
        for step in edge_steps(curves, styles, strong):
            step(painter)


def hairline_steps(
    curves: EdgeCurves, styles: EdgeStyles, rows: IndexArray, antialiased: bool
) -> Iterator[PaintStep]:
    """Edges a pixel wide, those of one colour together, weak ones first; smooth and dashed where fine."""
    for chosen, colour, is_dashed in styles.hairlines(rows):
        pen = QPen(QColor(colour), 0)
        if is_dashed and antialiased:
            pen.setDashPattern([6, 2.4])
        for first in range(0, len(chosen), EDGES_PER_STEP):
            yield partial(_paint_hairlines, curves, chosen[first : first + EDGES_PER_STEP], pen, antialiased)


def _paint_hairlines(curves: EdgeCurves, rows: IndexArray, pen: QPen, fine: bool, painter: QPainter) -> None:
    is_routed = curves.count_pieces(rows) > len(rows)
    points = curves.piece_points(rows, POINTS_PER_PIECE if is_routed else POINTS_PER_CURVE)
    joined = np.ones(points.shape[:2], np.int32)
    joined[:, -1] = 0
    x, y = points[..., 0].ravel(), points[..., 1].ravel()
    painter.setRenderHint(QPainter.RenderHint.Antialiasing, fine)
    painter.setBrush(Qt.BrushStyle.NoBrush)
    painter.setPen(pen)
    painter.drawPath(pg.arrayToQPath(x, y, joined.ravel(), finiteCheck=False))


def edge_rows_in(curves: EdgeCurves, area: QRectF) -> IndexArray:
    """Rows of the edges that may be seen in an area."""
    return curves.rows_in_rect(area.left(), area.top(), area.right(), area.bottom())
