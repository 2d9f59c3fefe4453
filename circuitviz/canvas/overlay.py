"""What is hovered or selected, above the pale rest: cheap enough to change with every movement."""

from __future__ import annotations

import numpy as np
from PySide6.QtCore import QRectF, Qt
from PySide6.QtGui import QColor, QPainter, QPen
from PySide6.QtWidgets import QGraphicsItem, QStyleOptionGraphicsItem, QWidget

from circuitviz.canvas.edges import hairlines, rows_of
from circuitviz.canvas.geometry import Geometry
from circuitviz.canvas.links import Indices
from circuitviz.canvas.nodes import LEGIBLE, paint_boxes
from circuitviz.canvas.paint import edge_path, paint_edges, paint_node
from circuitviz.canvas.theme import Theme

WHOLE, WHOLE_OF_MANY = 40, 12  # edges painted in full; the weaker rest are hairlines
NAMED = 40  # nodes of a crowd painted with their names
NOTHING = np.zeros(0, np.intp)


class OverlayItem(QGraphicsItem):
    """Edges that stand out, chosen ones on a halo; above a crowd, its nodes that stand out too."""

    def __init__(self) -> None:
        super().__init__()
        self.geometry: Geometry | None = None
        self.theme: Theme | None = None
        self.rows, self.near = NOTHING, NOTHING
        self.chosen: frozenset[str] = frozenset()
        self.selected: frozenset[str] = frozenset()
        self.hovered = ""
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
        self.rows, self.near = NOTHING, NOTHING
        self.update()

    def show_rows(
        self, rows: Indices, chosen: frozenset[str], near: Indices, selected: frozenset[str], hovered: str
    ) -> None:
        """Set what stands out: rows of edges, names of those chosen; rows of a crowd's nodes."""
        self.rows, self.chosen, self.near = rows, chosen, near
        self.selected, self.hovered = selected, hovered
        self.setZValue(3 if len(near) else 1)
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
        self._paint_nodes(painter)

    def _paint_nodes(self, painter: QPainter) -> None:
        assert self.geometry is not None and self.theme is not None
        nodes, rows = self.geometry.picture.nodes, self.geometry.picture.rows
        if painter.worldTransform().m11() < LEGIBLE or len(self.near) > NAMED:
            paint_boxes(painter, self.geometry, self.theme, self.near)
            if not len(self.near):
                return
            names = [n for n in (*self.selected, self.hovered) if n in rows][:NAMED]
        else:
            names = [nodes[row].name for row in self.near]
        for name in names:
            node, chosen = nodes[rows[name]], name in self.selected
            paint_node(painter, node, self.theme, selected=chosen, hovered=name == self.hovered)
