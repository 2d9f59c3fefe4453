"""Items of the scene: one for all edges, one per node, one for what is under the pointer."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QPainter, QPen
from PySide6.QtWidgets import QGraphicsItem, QStyleOptionGraphicsItem, QWidget

from circuitviz.canvas.paint import (
    bounds,
    box,
    edge_path,
    ends,
    outline,
    paint_edges,
    paint_node,
)
from circuitviz.canvas.picture import CircuitPicture, DrawnEdge, DrawnNode
from circuitviz.canvas.theme import Theme

SAMPLES = 25


class EdgesItem(QGraphicsItem):
    """All edges of a picture; found by the distance to points along their curves."""

    def __init__(self, picture: CircuitPicture, theme: Theme) -> None:
        super().__init__()
        self.picture, self.theme = picture, theme
        self.faded = False
        self._bounds = bounds(picture)
        self.setCacheMode(QGraphicsItem.CacheMode.DeviceCoordinateCache)
        self.setZValue(0)
        self._points = sample(picture)

    def boundingRect(self) -> QRectF:  # noqa: N802 - Qt's name
        """The picture's bounds."""
        return self._bounds

    def paint(
        self, painter: QPainter, option: QStyleOptionGraphicsItem, widget: QWidget | None = None
    ) -> None:
        """Draw every edge, pale while something is selected."""
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        paint_edges(painter, self.picture, self.theme, self.picture.edges, self.faded)

    def set_faded(self, faded: bool) -> None:
        """Step back behind a selection."""
        if faded != self.faded:
            self.faded = faded
            self.update()

    def edge_at(self, place: QPointF, within: float) -> DrawnEdge | None:
        """The edge nearest to a place, the stronger of two, where one is near enough."""
        if not len(self._points):
            return None
        apart = self._points - np.array([place.x(), place.y()])
        distance = np.sqrt((apart**2).sum(-1)).min(-1)
        nearest = distance.min()
        if nearest > within:
            return None
        close = np.flatnonzero(distance <= nearest + 1.0)
        return self.picture.edges[int(close[-1])]


def sample(picture: CircuitPicture) -> NDArray[np.float64]:
    """Points along each edge's curve [edges, samples, 2]."""
    if not picture.edges:
        return np.zeros((0, SAMPLES, 2))
    points = np.array(
        [[(a.x(), a.y()), (b.x(), b.y())] for a, b in (ends(picture, e) for e in picture.edges)]
    )
    start, end = points[:, None, 0], points[:, None, 1]
    rise = np.stack([np.zeros(len(points)), (points[:, 0, 1] - points[:, 1, 1]) * 0.45], -1)[:, None]
    t = np.linspace(0, 1, SAMPLES)[None, :, None]
    one, two = start - rise, end + rise
    curve: NDArray[np.float64] = (
        (1 - t) ** 3 * start + 3 * (1 - t) ** 2 * t * one + 3 * (1 - t) * t**2 * two + t**3 * end
    )
    return curve


class NodeItem(QGraphicsItem):
    """One node; moved by dragging, drawn by the shared strokes."""

    def __init__(self, node: DrawnNode, theme: Theme) -> None:
        super().__init__()
        self.node, self.theme = node, theme
        self.selected_ = self.hovered = self.faded = False
        self.setZValue(2)

    def boundingRect(self) -> QRectF:  # noqa: N802
        """The box and its ring."""
        return box(self.node).adjusted(-6, -6, 6, 6)

    def paint(
        self, painter: QPainter, option: QStyleOptionGraphicsItem, widget: QWidget | None = None
    ) -> None:
        """Draw the node as it is now."""
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        paint_node(
            painter,
            self.node,
            self.theme,
            selected=self.selected_,
            hovered=self.hovered,
            faded=self.faded,
        )

    def contains_(self, place: QPointF) -> bool:
        """Whether a scene place lies on the node."""
        return outline(self.node.kind, box(self.node)).contains(place)

    def show_as(self, *, selected: bool, hovered: bool, faded: bool) -> None:
        """Set how the node stands out."""
        if (selected, hovered, faded) != (self.selected_, self.hovered, self.faded):
            self.selected_, self.hovered, self.faded = selected, hovered, faded
            self.update()


class OverlayItem(QGraphicsItem):
    """Edges of what is hovered or selected, above the pale rest: cheap to change."""

    def __init__(self, picture: CircuitPicture, theme: Theme) -> None:
        super().__init__()
        self.picture, self.theme = picture, theme
        self.edges: tuple[DrawnEdge, ...] = ()
        self.chosen: frozenset[str] = frozenset()
        self._bounds = bounds(picture)
        self.setZValue(1)

    def boundingRect(self) -> QRectF:  # noqa: N802
        """The picture's bounds."""
        return self._bounds

    def paint(
        self, painter: QPainter, option: QStyleOptionGraphicsItem, widget: QWidget | None = None
    ) -> None:
        """Draw the edges that stand out; chosen ones on a halo."""
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        for edge in self.edges:
            if edge.name in self.chosen:
                halo = QColor(self.theme.accent)
                halo.setAlphaF(0.35)
                painter.setPen(QPen(halo, 9, Qt.PenStyle.SolidLine, Qt.PenCapStyle.RoundCap))
                painter.setBrush(Qt.BrushStyle.NoBrush)
                painter.drawPath(edge_path(self.picture, edge))
        paint_edges(painter, self.picture, self.theme, self.edges)

    def show_edges(self, edges: tuple[DrawnEdge, ...], chosen: frozenset[str]) -> None:
        """Set what stands out."""
        if (edges, chosen) != (self.edges, self.chosen):
            self.edges, self.chosen = edges, chosen
            self.update()
