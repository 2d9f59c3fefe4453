"""All marks of a chart are one item of pyqtgraph's: one for each bar, point and word takes milliseconds."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pyqtgraph as pg
from PySide6.QtCore import QLineF, QPointF, QRectF, Qt
from PySide6.QtGui import QBrush, QColor, QFontMetricsF, QPainter, QPen, QPolygonF, QTransform

from circuitviz.paint.circuit_painter import canvas_font
from circuitviz.panels.charts.chart_spec import (
    AreaMark,
    LineMark,
    Mark,
    PointArray,
    PointMark,
    RectMark,
    RuleMark,
    TextMark,
)

TEXT_MARGIN_PX = 3.0  # pixels between a word's place and the word
CHART_TEXT_PX = 11.0  # pixels of words in a plot


class MarksItem(pg.GraphicsObject):  # type: ignore[misc]  # pyqtgraph has no types
    """Paints marks within the stretch that its view box shows."""

    def __init__(self) -> None:
        super().__init__()
        self.marks: Sequence[Mark] = ()

    def show_marks(self, marks: Sequence[Mark]) -> None:
        """Show these instead."""
        self.marks = marks
        self.update()

    def boundingRect(self) -> QRectF:
        """The stretch shown."""
        box = self.getViewBox()
        return QRectF() if box is None else QRectF(box.viewRect())

    def viewTransformChanged(self) -> None:
        """Another stretch is shown."""
        super().viewTransformChanged()
        self.prepareGeometryChange()

    def paint(self, painter: QPainter, *_: Any) -> None:
        """Every mark, in pixels: lines and words are as thick and as large at any zoom."""
        onto = painter.transform()
        frame = onto.mapRect(self.boundingRect())
        painter.resetTransform()
        for mark in self.marks:
            _MARK_PAINTERS[type(mark)](painter, mark, onto, frame)


def _to_pixels(points: PointArray, transform: QTransform) -> PointArray:
    """Places [..., 2] of the plot in pixels; a plot's axes are never turned."""
    scaled = points * (transform.m11(), transform.m22()) + (transform.dx(), transform.dy())
    return np.clip(scaled, -1e5, 1e5)  # beyond, the rasteriser's own numbers overflow


def _pen(colour: QColor, width: float, dashed: bool) -> QPen:
    pen = QPen(colour, width)
    pen.setJoinStyle(Qt.PenJoinStyle.RoundJoin)
    if dashed:
        pen.setDashPattern([4, 3])
    return pen


def _paint_lines(painter: QPainter, mark: LineMark, transform: QTransform, _frame: QRectF) -> None:
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setPen(_pen(mark.colour, mark.width, mark.dashed))
    at = _to_pixels(mark.points, transform)
    if at.shape[1] < 2:
        return
    if at.shape[1] == 2:
        painter.drawLines([QLineF(*ends) for ends in at.reshape(-1, 4).tolist()])
        return
    for line in at:
        moved = np.abs(np.diff(np.rint(2 * line), axis=0)).any(1)  # thousands of points, hundreds of pixels
        painter.drawPolyline(QPolygonF([QPointF(x, y) for x, y in line[np.append(True, moved)].tolist()]))


def _paint_rule(painter: QPainter, mark: RuleMark, transform: QTransform, frame: QRectF) -> None:
    painter.setRenderHint(QPainter.RenderHint.Antialiasing, False)
    painter.setPen(_pen(mark.colour, mark.width, mark.dashed))
    if mark.is_vertical:
        x = transform.m11() * mark.position + transform.dx()
        painter.drawLine(QLineF(x, frame.top(), x, frame.bottom()))
    else:
        y = transform.m22() * mark.position + transform.dy()
        painter.drawLine(QLineF(frame.left(), y, frame.right(), y))


def _paint_area(painter: QPainter, mark: AreaMark, transform: QTransform, _frame: QRectF) -> None:
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(QBrush(mark.colour))
    painter.drawPolygon(QPolygonF([QPointF(x, y) for x, y in _to_pixels(mark.vertices, transform).tolist()]))


def _paint_rects(painter: QPainter, mark: RectMark, transform: QTransform, frame: QRectF) -> None:
    painter.setRenderHint(QPainter.RenderHint.Antialiasing, False)
    at = np.sort(_to_pixels(mark.bounds.reshape(-1, 2, 2), transform), axis=1).reshape(-1, 4)
    seen = (at[:, 2] >= frame.left()) & (at[:, 0] <= frame.right())
    seen &= (at[:, 3] >= frame.top()) & (at[:, 1] <= frame.bottom())
    for i in np.flatnonzero(seen).tolist():
        left, top, right, bottom = at[i].tolist()
        gap = mark.gap_px if min(right - left, bottom - top) > 4 else 0.0
        painter.fillRect(QRectF(left, top, right - left - gap, bottom - top - gap), mark.colours[i])


def _paint_points(painter: QPainter, mark: PointMark, transform: QTransform, frame: QRectF) -> None:
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setBrush(QBrush(mark.colour))
    painter.setPen(Qt.PenStyle.NoPen if mark.outline is None else QPen(mark.outline, mark.thick))
    near = frame.adjusted(-mark.size, -mark.size, mark.size, mark.size)
    places = (QPointF(x, y) for x, y in _to_pixels(mark.points, transform).tolist())
    for place in places:
        if near.contains(place):
            paint_point(painter, place, mark.size, mark.symbol)


def paint_point(painter: QPainter, center: QPointF, size: float, symbol: str) -> None:
    """A dot with the painter's pen and brush, also for the key."""
    half = size / 2
    if symbol == "s":
        painter.drawRect(QRectF(center.x() - half, center.y() - half, size, size))
    elif symbol == "d":
        ends = ((0, -1.2), (1, 0), (0, 1.2), (-1, 0))
        painter.drawPolygon(QPolygonF([center + QPointF(x * half, y * half) for x, y in ends]))
    else:
        painter.drawEllipse(center, half, half)


def _paint_text(painter: QPainter, mark: TextMark, transform: QTransform, frame: QRectF) -> None:
    written = canvas_font(CHART_TEXT_PX)
    metrics = QFontMetricsF(written)
    wide, high = metrics.horizontalAdvance(mark.text), metrics.height()
    at = transform.map(QPointF(mark.x, mark.y))
    if not frame.adjusted(-1, -1, 1, 1).contains(at) or wide + 2 > mark.max_width * abs(transform.m11()):
        return
    left = at.x() - mark.x_anchor * wide + TEXT_MARGIN_PX * (1 - 2 * mark.x_anchor)
    top = at.y() - mark.y_anchor * high
    painter.setFont(written)
    painter.setPen(mark.colour)
    painter.drawText(QPointF(left, top + metrics.ascent()), mark.text)


_MARK_PAINTERS: dict[type, Any] = {
    LineMark: _paint_lines, RuleMark: _paint_rule, AreaMark: _paint_area, RectMark: _paint_rects, PointMark: _paint_points, TextMark: _paint_text,
}  # fmt: skip
