"""What is hovered or selected, above the pale rest: cheap enough to change with every movement."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from PySide6.QtCore import QRectF
from PySide6.QtGui import QPainter

from circuitviz.canvas.cached_item import CachedItem, PaintStep
from circuitviz.canvas.edges_item import hairline_steps
from circuitviz.canvas.scene_geometry import SceneGeometry
from circuitviz.paint.circuit_painter import edge_steps, halo_steps
from circuitviz.scene.edge_arrays import IndexArray
from circuitviz.scene.theme import LIGHT, Theme
from circuitviz.shapes.edge_styles import EdgeStyles

DETAILED_EDGES, DETAILED_EDGES_OF_MANY = 40, 12  # edges painted in full; the weaker rest are hairlines
MAX_ANTIALIASED_HAIRLINES = 1000  # more hairlines than this are not smooth
MAX_EDGES_PER_FRAME = 250  # edges painted in the frame that brings them forward; the weaker rest follows
NO_ROWS = np.zeros(0, np.intp)


class EdgeHighlightItem(CachedItem):
    """Edges that stand out, chosen ones on a halo; an image as soon as nothing moves."""

    def __init__(self) -> None:
        super().__init__()
        self.styles: EdgeStyles | None = None
        self.theme: Theme = LIGHT
        self.edge_rows = NO_ROWS
        self.selected_edges: frozenset[str] = frozenset()
        self._was_painted = False  # painted before: it pays to keep an image
        self.setZValue(1)

    def show_geometry(self, geometry: SceneGeometry, styles: EdgeStyles, theme: Theme) -> None:
        """Belong to another picture; nothing of it stands out yet."""
        if self.geometry is None or self.geometry.bounds != geometry.bounds:
            self.prepareGeometryChange()
        self.geometry, self.styles, self.theme = geometry, styles, theme
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
        if self.geometry is None or self.styles is None:
            return
        edges, curves, styles = self.geometry.scene.edges, self.geometry.curves, self.styles
        whole = DETAILED_EDGES if len(rows) <= DETAILED_EDGES else DETAILED_EDGES_OF_MANY
        yield from hairline_steps(curves, styles, rows[:-whole], len(rows) < MAX_ANTIALIASED_HAIRLINES)
        detailed = rows[-whole:]
        is_selected = [edges[row].name in self.selected_edges for row in detailed.tolist()]
        yield from halo_steps(curves, styles, detailed[np.array(is_selected, bool)], self.theme)
        yield from edge_steps(curves, styles, detailed)
