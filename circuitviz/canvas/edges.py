"""All edges of a picture as one layer, painted into an image in short strokes."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

import numpy as np
import pyqtgraph as pg
from PySide6.QtCore import QRectF, Qt
from PySide6.QtGui import QColor, QPainter, QPen

from circuitviz.canvas.cached import CachedItem, Stroke
from circuitviz.canvas.geometry import Geometry
from circuitviz.canvas.links import Curves, Indices
from circuitviz.canvas.paint import paint_edges
from circuitviz.canvas.picture import CircuitPicture, DrawnEdge
from circuitviz.canvas.theme import Theme

CROWD = 2500  # more edges than this are hairlines, but for the strongest
STRONG, STRONG_IN_DRAFT = 200, 40
CHUNK = 120  # hairlines in one stroke: about a millisecond
POINTS = 13  # on a hairline's curve
DRAFT = 3000  # edges in a draft that is painted at once: a frame's worth
ROUGH = 8_000  # edges in a rough image: the weaker rest, which these all but hide, comes with the fine one
SMOOTH = 4_000  # smooth ones among the hairlines of a fine image: they cover the weaker, pale rest


class EdgesItem(CachedItem):
    """Edges below everything else. Few are painted one by one; a crowd as hairlines.

    A hairline is opaque, its colour mixed with the ground's: six times as fast as a translucent one,
    and the strong stand out from the weak below them instead of drowning in the sum of all.
    """

    def __init__(self) -> None:
        super().__init__()
        self.geometry: Geometry | None = None
        self.theme: Theme | None = None
        self.setZValue(0)

    def reach(self) -> QRectF:
        """The picture's bounds."""
        return QRectF() if self.geometry is None else self.geometry.bounds

    def show_geometry(self, geometry: Geometry, theme: Theme) -> None:
        """Draw another picture; whoever calls says by ``outdate`` or ``forget`` what became of the old."""
        if self.geometry is None or self.geometry.bounds != geometry.bounds:
            self.prepareGeometryChange()
        self.geometry, self.theme = geometry, theme

    def wants_draft(self) -> bool:
        """A crowd is first painted without smooth lines: a third of the time."""
        return self.geometry is not None and len(self.geometry.picture.links) > CROWD

    def strokes(self, area: QRectF, scale: float, fine: bool) -> Iterator[Stroke]:
        """Every edge that may be seen in an area, the weakest first."""
        if self.geometry is None or self.theme is None:
            return
        picture, curves = self.geometry.picture, self.geometry.curves
        seen = crossing(curves, area)
        few = seen
        if len(picture.links) > CROWD:
            strong = STRONG if fine else STRONG_IN_DRAFT
            few, seen = seen[-strong:], seen if fine else seen[-ROUGH:]
            crowd = seen[:-strong]
            smooth = SMOOTH if fine else 0
            yield from hairlines(self.geometry, self.theme, crowd[: len(crowd) - smooth], fine=False)
            if fine:
                yield from hairlines(self.geometry, self.theme, crowd[-smooth:], fine=True)
        for row in few:
            yield partial(_paint_edge, picture, self.theme, picture.edges[row])

    def draft(self, painter: QPainter, area: QRectF, scale: float) -> None:
        """The strongest edges, at once."""
        if self.geometry is None or self.theme is None:
            return
        picture = self.geometry.picture
        seen = crossing(self.geometry.curves, area)[-DRAFT:]
        for stroke in hairlines(self.geometry, self.theme, seen[:-STRONG_IN_DRAFT], fine=False):
            stroke(painter)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        paint_edges(painter, picture, self.theme, rows_of(picture.edges, seen[-STRONG_IN_DRAFT:]))


def _paint_edge(picture: CircuitPicture, theme: Theme, edge: DrawnEdge, painter: QPainter) -> None:
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    paint_edges(painter, picture, theme, (edge,))


def hairlines(geometry: Geometry, theme: Theme, rows: Indices, fine: bool) -> Iterator[Stroke]:
    """Edges a pixel wide, those of one colour together, weak ones first; smooth and dashed where fine."""
    links = geometry.picture.links
    tint = links.tint[rows]
    level = np.minimum(links.levels[rows], np.ceil(links.opacity[rows] * 7)).astype(np.intp)
    colours = (QColor(theme.positive), QColor(theme.negative), QColor(theme.muted))
    ground = QColor(theme.ground)
    for step in range(8):
        for which, colour in enumerate(colours):
            chosen = rows[(level == step) & (tint == which)]
            if not len(chosen):
                continue
            share = 0.25 if which == 2 else 0.22 + 0.09 * step
            pen = QPen(mixed(colour, ground, share), 0)
            if which == 1 and fine:
                pen.setDashPattern([6, 2.4])
            for first in range(0, len(chosen), CHUNK):
                yield partial(_paint_hairlines, geometry, chosen[first : first + CHUNK], pen, fine)


def _paint_hairlines(geometry: Geometry, rows: Indices, pen: QPen, fine: bool, painter: QPainter) -> None:
    points = geometry.curves.points(rows, POINTS)
    joined = np.ones(points.shape[:2], np.int32)
    joined[:, -1] = 0
    x, y = points[..., 0].ravel(), points[..., 1].ravel()
    painter.setRenderHint(QPainter.RenderHint.Antialiasing, fine)
    painter.setBrush(Qt.BrushStyle.NoBrush)
    painter.setPen(pen)
    painter.drawPath(pg.arrayToQPath(x, y, joined.ravel(), finiteCheck=False))


def crossing(curves: Curves, area: QRectF) -> Indices:
    """Rows of the edges that may be seen in an area."""
    return curves.crossing(area.left(), area.top(), area.right(), area.bottom())


def rows_of(edges: tuple[DrawnEdge, ...], rows: Indices) -> list[DrawnEdge]:
    """Some of the edges."""
    return [edges[row] for row in rows]


def mixed(colour: QColor, ground: QColor, share: float) -> QColor:
    """A colour as it looks when a share of it covers the ground."""
    made = QColor()
    made.setRgbF(
        ground.redF() + share * (colour.redF() - ground.redF()),
        ground.greenF() + share * (colour.greenF() - ground.greenF()),
        ground.blueF() + share * (colour.blueF() - ground.blueF()),
    )
    return made
