"""What is hovered or selected, above the pale rest: cheap enough to change with every movement."""

from __future__ import annotations

import numpy as np
from PySide6.QtCore import QRectF, Qt
from PySide6.QtGui import QColor, QPainter, QPen
from PySide6.QtWidgets import QGraphicsItem, QStyleOptionGraphicsItem, QWidget

from circuitviz.canvas.edges import hairlines, rows_of
from circuitviz.canvas.geometry import Geometry
from circuitviz.canvas.links import Indices
from circuitviz.canvas.paint import edge_path, paint_edges
from circuitviz.canvas.theme import Theme

WHOLE, WHOLE_OF_MANY = 40, 12  # edges painted in full; the weaker rest are hairlines
NOTHING = np.zeros(0, np.intp)


class OverlayItem(QGraphicsItem):
    """Edges that stand out, chosen ones on a halo."""

    def __init__(self) -> None:
        super().__init__()
        self.geometry: Geometry | None = None
        self.theme: Theme | None = None
        self.rows = NOTHING
        self.chosen: frozenset[str] = frozenset()
        self._bounds = QRectF()
        self.setZValue(1)

    def boundingRect(self) -> QRectF:  # noqa: N802 - Qt's name
        """The picture's bounds."""
        return self._bounds

    def show_geometry(self, geometry: Geometry, theme: Theme) -> None:
        """Belong to another picture; nothing of it stands out yet."""
        if geometry.bounds != self._bounds:
            self.prepareGeometryChange()
        self.geometry, self.theme, self._bounds = geometry, theme, geometry.bounds
        self.rows = NOTHING
        self.update()

    def show_rows(self, rows: Indices, chosen: frozenset[str]) -> None:
        """Set what stands out: rows of edges, and the names of those that are chosen."""
        self.rows, self.chosen = rows, chosen
        self.update()

    def paint(
        self, painter: QPainter, option: QStyleOptionGraphicsItem, widget: QWidget | None = None
    ) -> None:
        """Draw what stands out."""
        if self.geometry is None or self.theme is None:
            return
        picture = self.geometry.picture
        whole = WHOLE if len(self.rows) <= WHOLE else WHOLE_OF_MANY
        for stroke in hairlines(self.geometry, self.theme, self.rows[:-whole], len(self.rows) < 1000):
            stroke(painter)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        edges = rows_of(picture.edges, self.rows[-whole:])
        halo = QColor(self.theme.accent)
        halo.setAlphaF(0.35)
        for edge in edges:
            if edge.name in self.chosen:
                painter.setPen(QPen(halo, 9, Qt.PenStyle.SolidLine, Qt.PenCapStyle.RoundCap))
                painter.setBrush(Qt.BrushStyle.NoBrush)
                painter.drawPath(edge_path(picture, edge))
        paint_edges(painter, picture, self.theme, edges)
