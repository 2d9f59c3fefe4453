"""What is hovered or selected, above the pale rest: cheap enough to change with every movement."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

import numpy as np
from PySide6.QtCore import QRectF, Qt
from PySide6.QtGui import QColor, QPainter, QPen

from circuitviz.canvas.cached import CachedItem, Stroke
from circuitviz.canvas.edges import hairlines
from circuitviz.canvas.geometry import Geometry
from circuitviz.canvas.links import Indices
from circuitviz.canvas.paint import edge_path, paint_edges
from circuitviz.canvas.picture import CircuitPicture, DrawnEdge
from circuitviz.canvas.theme import Theme

WHOLE, WHOLE_OF_MANY = 40, 12  # edges painted in full; the weaker rest are hairlines
FINE = 1000  # more hairlines than this are not smooth
AT_ONCE = 250  # edges painted in the frame that brings them forward; the weaker rest follows
NOTHING = np.zeros(0, np.intp)


class OverlayItem(CachedItem):
    """Edges that stand out, chosen ones on a halo; an image as soon as nothing moves."""

    def __init__(self) -> None:
        super().__init__()
        self.geometry: Geometry | None = None
        self.theme: Theme | None = None
        self.rows = NOTHING
        self.chosen: frozenset[str] = frozenset()
        self._again = False  # painted before: it pays to keep an image
        self.setZValue(1)

    def reach(self) -> QRectF:
        """The picture's bounds."""
        return QRectF() if self.geometry is None else self.geometry.bounds

    def show_geometry(self, geometry: Geometry, theme: Theme) -> None:
        """Belong to another picture; nothing of it stands out yet."""
        if self.geometry is None or self.geometry.bounds != geometry.bounds:
            self.prepareGeometryChange()
        self.geometry, self.theme = geometry, theme
        self.show_rows(NOTHING, frozenset())

    def show_rows(self, rows: Indices, chosen: frozenset[str]) -> None:
        """Set what stands out: rows of edges, and the names of those that are chosen."""
        if np.array_equal(rows, self.rows) and chosen == self.chosen and len(rows):
            return
        self.rows, self.chosen, self._again = rows, chosen, False
        self.forget()

    def strokes(self, area: QRectF, scale: float, fine: bool) -> Iterator[Stroke]:
        """Everything that stands out, the weakest first."""
        yield from self._strokes(self.rows)

    def draft(self, painter: QPainter, area: QRectF, scale: float) -> None:
        """The strongest of it, at once."""
        for stroke in self._strokes(self.rows[-AT_ONCE:]):
            stroke(painter)

    def _paint_images(self, painter: QPainter, seen: QRectF) -> None:
        if not len(self.rows):
            return
        if self._sharp is None and self._again:
            self.keep_draft(painter, seen)
        self._again = True
        super()._paint_images(painter, seen)

    def _strokes(self, rows: Indices) -> Iterator[Stroke]:
        if self.geometry is None or self.theme is None:
            return
        picture = self.geometry.picture
        whole = WHOLE if len(rows) <= WHOLE else WHOLE_OF_MANY
        yield from hairlines(self.geometry, self.theme, rows[:-whole], len(rows) < FINE)
        edges = [picture.edges[row] for row in rows[-whole:]]
        for edge in edges:
            if edge.name in self.chosen:
                yield partial(_paint_halo, picture, self.theme, edge)
        for edge in edges:
            yield partial(_paint_edge, picture, self.theme, edge)


def _paint_halo(picture: CircuitPicture, theme: Theme, edge: DrawnEdge, painter: QPainter) -> None:
    halo = QColor(theme.accent)
    halo.setAlphaF(0.35)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setPen(QPen(halo, 9, Qt.PenStyle.SolidLine, Qt.PenCapStyle.RoundCap))
    painter.setBrush(Qt.BrushStyle.NoBrush)
    painter.drawPath(edge_path(picture, edge))


def _paint_edge(picture: CircuitPicture, theme: Theme, edge: DrawnEdge, painter: QPainter) -> None:
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    paint_edges(painter, picture, theme, (edge,))
