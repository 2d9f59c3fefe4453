"""What is hovered or selected, above the pale rest: cheap enough to change with every movement."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

import numpy as np
from PySide6.QtCore import QRectF, Qt
from PySide6.QtGui import QColor, QPainter, QPen

from circuitviz.canvas.cached_item import CachedItem, PaintStep
from circuitviz.canvas.edges_item import hairline_steps
from circuitviz.canvas.scene_geometry import SceneGeometry
from circuitviz.paint.circuit_painter import edge_path, paint_edges
from circuitviz.scene.circuit_scene import CircuitScene
from circuitviz.scene.edge_arrays import DrawnEdge, IndexArray
from circuitviz.scene.theme import Theme

DETAILED_EDGES, DETAILED_EDGES_OF_MANY = 40, 12  # edges painted in full; the weaker rest are hairlines
MAX_ANTIALIASED_HAIRLINES = 1000  # more hairlines than this are not smooth
MAX_EDGES_PER_FRAME = 250  # edges painted in the frame that brings them forward; the weaker rest follows
NO_ROWS = np.zeros(0, np.intp)


class EdgeHighlightItem(CachedItem):
    """Edges that stand out, chosen ones on a halo; an image as soon as nothing moves."""

    def __init__(self) -> None:
        super().__init__()
        self.geometry: SceneGeometry | None = None
        self.theme: Theme | None = None
        self.edge_rows = NO_ROWS
        self.selected_edges: frozenset[str] = frozenset()
        self._was_painted = False  # painted before: it pays to keep an image
        self.setZValue(1)

    def extent(self) -> QRectF:
        """The picture's bounds."""
        return QRectF() if self.geometry is None else self.geometry.bounds

    def show_geometry(self, geometry: SceneGeometry, theme: Theme) -> None:
        """Belong to another picture; nothing of it stands out yet."""
        if self.geometry is None or self.geometry.bounds != geometry.bounds:
            self.prepareGeometryChange()
        self.geometry, self.theme = geometry, theme
        self.show_edges(NO_ROWS, frozenset())

    def show_edges(self, rows: IndexArray, selected: frozenset[str]) -> None:
        """Set what stands out: rows of edges, and the names of those that are chosen."""
        if np.array_equal(rows, self.edge_rows) and selected == self.selected_edges and len(rows):
            return
        self.edge_rows, self.selected_edges, self._was_painted = rows, selected, False
        self.clear_images()

    def paint_steps(self, area: QRectF, scale: float, fine: bool) -> Iterator[PaintStep]:
        """Everything that stands out, the weakest first."""
        yield from self._strokes(self.edge_rows)

    def paint_draft(self, painter: QPainter, area: QRectF, scale: float) -> None:
        """The strongest of it, at once."""
        for stroke in self._strokes(self.edge_rows[-MAX_EDGES_PER_FRAME:]):
            stroke(painter)

    def _paint_images(self, painter: QPainter, seen: QRectF) -> None:
        if not len(self.edge_rows):
            return
        if self._current_image is None and self._was_painted:
            self.cache_draft(painter, seen)
        self._was_painted = True
        super()._paint_images(painter, seen)

    def _strokes(self, rows: IndexArray) -> Iterator[PaintStep]:
        if self.geometry is None or self.theme is None:
            return
        picture = self.geometry.scene
        whole = DETAILED_EDGES if len(rows) <= DETAILED_EDGES else DETAILED_EDGES_OF_MANY
        yield from hairline_steps(
            self.geometry, self.theme, rows[:-whole], len(rows) < MAX_ANTIALIASED_HAIRLINES
        )
        edges = [picture.edges[row] for row in rows[-whole:]]
        for edge in edges:
            if edge.name in self.selected_edges:
                yield partial(_paint_halo, picture, self.theme, edge)
        for edge in edges:
            yield partial(_paint_edge, picture, self.theme, edge)


def _paint_halo(picture: CircuitScene, theme: Theme, edge: DrawnEdge, painter: QPainter) -> None:
    halo = QColor(theme.accent)
    halo.setAlphaF(0.35)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setPen(QPen(halo, 9, Qt.PenStyle.SolidLine, Qt.PenCapStyle.RoundCap))
    painter.setBrush(Qt.BrushStyle.NoBrush)
    painter.drawPath(edge_path(picture, edge))


def _paint_edge(picture: CircuitScene, theme: Theme, edge: DrawnEdge, painter: QPainter) -> None:
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    paint_edges(painter, picture, theme, (edge,))
