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
from circuitviz.paint.circuit_painter import paint_edges
from circuitviz.scene.circuit_scene import CircuitScene
from circuitviz.scene.edge_arrays import DrawnEdge, EdgeArrays, IndexArray
from circuitviz.scene.edge_curves import EdgeCurves
from circuitviz.scene.theme import Theme

MAX_DETAILED_EDGES = 2500  # more edges than this are hairlines, but for the strongest
DETAILED_EDGES_IN_CROWD, DETAILED_EDGES_IN_DRAFT = 200, 40
EDGES_PER_STEP = 120  # hairlines in one stroke: about a millisecond
POINTS_PER_CURVE = 13  # on a hairline's curve
MAX_DRAFT_EDGES = 3000  # edges in a draft that is painted at once: a frame's worth
MAX_ROUGH_EDGES = (
    8_000  # edges in a rough image: the weaker rest, which these all but hide, comes with the fine one
)
MAX_ANTIALIASED_EDGES = (
    4_000  # smooth ones among the hairlines of a fine image: they cover the weaker, pale rest
)


class EdgesItem(CachedItem):
    """Edges below everything else. Few are painted one by one; a crowd as hairlines.

    A hairline is opaque, its colour mixed with the ground's: six times as fast as a translucent one,
    and the strong stand out from the weak below them instead of drowning in the sum of all.
    """

    def __init__(self) -> None:
        super().__init__()
        self.geometry: SceneGeometry | None = None
        self.theme: Theme | None = None
        self.setZValue(0)

    def extent(self) -> QRectF:
        """The picture's bounds."""
        return QRectF() if self.geometry is None else self.geometry.bounds

    def show_geometry(self, geometry: SceneGeometry, theme: Theme) -> None:
        """Draw another picture; whoever calls says by ``outdate`` or ``forget`` what became of the old."""
        if self.geometry is None or self.geometry.bounds != geometry.bounds:
            self.prepareGeometryChange()
        self.geometry, self.theme = geometry, theme

    def needs_draft(self) -> bool:
        """A crowd is first painted without smooth lines: a third of the time."""
        return self.geometry is not None and len(self.geometry.scene.edges) > MAX_DETAILED_EDGES

    def paint_steps(self, area: QRectF, scale: float, fine: bool) -> Iterator[PaintStep]:
        """Every edge that may be seen in an area, the weakest first."""
        if self.geometry is None or self.theme is None:
            return
        picture, curves = self.geometry.scene, self.geometry.curves
        seen = edge_rows_in(curves, area)
        few = seen
        if len(picture.edges) > MAX_DETAILED_EDGES:
            strong = DETAILED_EDGES_IN_CROWD if fine else DETAILED_EDGES_IN_DRAFT
            few, seen = seen[-strong:], seen if fine else seen[-MAX_ROUGH_EDGES:]
            crowd = seen[:-strong]
            smooth = MAX_ANTIALIASED_EDGES if fine else 0
            yield from hairline_steps(
                self.geometry, self.theme, crowd[: len(crowd) - smooth], antialiased=False
            )
            if fine:
                yield from hairline_steps(self.geometry, self.theme, crowd[-smooth:], antialiased=True)
        for row in few:
            yield partial(_paint_edge, picture, self.theme, picture.edges[row])

    def paint_draft(self, painter: QPainter, area: QRectF, scale: float) -> None:
        """The strongest edges, at once."""
        if self.geometry is None or self.theme is None:
            return
        picture = self.geometry.scene
        seen = edge_rows_in(self.geometry.curves, area)[-MAX_DRAFT_EDGES:]
        for stroke in hairline_steps(
            self.geometry, self.theme, seen[:-DETAILED_EDGES_IN_DRAFT], antialiased=False
        ):
            stroke(painter)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        paint_edges(painter, picture, self.theme, edges_at(picture.edges, seen[-DETAILED_EDGES_IN_DRAFT:]))


def _paint_edge(picture: CircuitScene, theme: Theme, edge: DrawnEdge, painter: QPainter) -> None:
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    paint_edges(painter, picture, theme, (edge,))


def hairline_steps(
    geometry: SceneGeometry, theme: Theme, rows: IndexArray, antialiased: bool
) -> Iterator[PaintStep]:
    """Edges a pixel wide, those of one colour together, weak ones first; smooth and dashed where fine."""
    links = geometry.scene.edges
    tint = links.colour_group[rows]
    level = np.minimum(links.strength_levels[rows], np.ceil(links.opacity[rows] * 7)).astype(np.intp)
    colours = (QColor(theme.positive), QColor(theme.negative), QColor(theme.muted))
    ground = QColor(theme.ground)
    for step in range(8):
        for which, colour in enumerate(colours):
            chosen = rows[(level == step) & (tint == which)]
            if not len(chosen):
                continue
            share = 0.25 if which == 2 else 0.22 + 0.09 * step
            pen = QPen(blend_colours(colour, ground, share), 0)
            if which == 1 and antialiased:
                pen.setDashPattern([6, 2.4])
            for first in range(0, len(chosen), EDGES_PER_STEP):
                yield partial(
                    _paint_hairlines, geometry, chosen[first : first + EDGES_PER_STEP], pen, antialiased
                )


def _paint_hairlines(
    geometry: SceneGeometry, rows: IndexArray, pen: QPen, fine: bool, painter: QPainter
) -> None:
    points = geometry.curves.points(rows, POINTS_PER_CURVE)
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


def edges_at(edges: EdgeArrays, rows: IndexArray) -> list[DrawnEdge]:
    """Some of the edges."""
    return [edges[row] for row in rows]


def blend_colours(colour: QColor, ground: QColor, share: float) -> QColor:
    """A colour as it looks when a share of it covers the ground."""
    made = QColor()
    made.setRgbF(
        ground.redF() + share * (colour.redF() - ground.redF()),
        ground.greenF() + share * (colour.greenF() - ground.greenF()),
        ground.blueF() + share * (colour.blueF() - ground.blueF()),
    )
    return made
