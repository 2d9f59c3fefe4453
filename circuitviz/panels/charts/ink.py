"""All marks of a chart are one item of pyqtgraph's: one for each bar, point and word takes milliseconds."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pyqtgraph as pg
from PySide6.QtCore import QLineF, QPointF, QRectF, Qt
from PySide6.QtGui import QBrush, QColor, QFontMetricsF, QPainter, QPen, QPolygonF, QTransform

from circuitviz.canvas.paint import font
from circuitviz.panels.charts.sketch import Area, Boxes, Dots, Mark, Points, Rule, Strokes, Word

MARGIN = 3.0  # pixels between a word's place and the word
SMALL = 11.0  # pixels of words in a plot


class Ink(pg.GraphicsObject):  # type: ignore[misc]  # pyqtgraph has no types
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
            _MARKS[type(mark)](painter, mark, onto, frame)


def _pixels(points: Points, onto: QTransform) -> Points:
    """Places [..., 2] of the plot in pixels; a plot's axes are never turned."""
    scaled = points * (onto.m11(), onto.m22()) + (onto.dx(), onto.dy())
    return np.clip(scaled, -1e5, 1e5)  # beyond, the rasteriser's own numbers overflow


def _pen(colour: QColor, width: float, dashed: bool) -> QPen:
    pen = QPen(colour, width)
    pen.setJoinStyle(Qt.PenJoinStyle.RoundJoin)
    if dashed:
        pen.setDashPattern([4, 3])
    return pen


def _strokes(painter: QPainter, mark: Strokes, onto: QTransform, _frame: QRectF) -> None:
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setPen(_pen(mark.colour, mark.width, mark.dashed))
    at = _pixels(mark.points, onto)
    if at.shape[1] < 2:
        return
    if at.shape[1] == 2:
        painter.drawLines([QLineF(*ends) for ends in at.reshape(-1, 4).tolist()])
        return
    for line in at:
        moved = np.abs(np.diff(np.rint(2 * line), axis=0)).any(1)  # thousands of points, hundreds of pixels
        painter.drawPolyline(QPolygonF([QPointF(x, y) for x, y in line[np.append(True, moved)].tolist()]))


def _rule(painter: QPainter, mark: Rule, onto: QTransform, frame: QRectF) -> None:
    painter.setRenderHint(QPainter.RenderHint.Antialiasing, False)
    painter.setPen(_pen(mark.colour, mark.width, mark.dashed))
    if mark.upright:
        x = onto.m11() * mark.at + onto.dx()
        painter.drawLine(QLineF(x, frame.top(), x, frame.bottom()))
    else:
        y = onto.m22() * mark.at + onto.dy()
        painter.drawLine(QLineF(frame.left(), y, frame.right(), y))


def _area(painter: QPainter, mark: Area, onto: QTransform, _frame: QRectF) -> None:
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(QBrush(mark.colour))
    painter.drawPolygon(QPolygonF([QPointF(x, y) for x, y in _pixels(mark.corners, onto).tolist()]))


def _boxes(painter: QPainter, mark: Boxes, onto: QTransform, frame: QRectF) -> None:
    painter.setRenderHint(QPainter.RenderHint.Antialiasing, False)
    at = np.sort(_pixels(mark.sides.reshape(-1, 2, 2), onto), axis=1).reshape(-1, 4)
    seen = (at[:, 2] >= frame.left()) & (at[:, 0] <= frame.right())
    seen &= (at[:, 3] >= frame.top()) & (at[:, 1] <= frame.bottom())
    for i in np.flatnonzero(seen).tolist():
        left, top, right, bottom = at[i].tolist()
        gap = mark.gap if min(right - left, bottom - top) > 4 else 0.0
        painter.fillRect(QRectF(left, top, right - left - gap, bottom - top - gap), mark.colours[i])


def _dots(painter: QPainter, mark: Dots, onto: QTransform, frame: QRectF) -> None:
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setBrush(QBrush(mark.colour))
    painter.setPen(Qt.PenStyle.NoPen if mark.outline is None else QPen(mark.outline, mark.thick))
    near = frame.adjusted(-mark.size, -mark.size, mark.size, mark.size)
    places = (QPointF(x, y) for x, y in _pixels(mark.points, onto).tolist())
    for place in places:
        if near.contains(place):
            draw_dot(painter, place, mark.size, mark.symbol)


def draw_dot(painter: QPainter, at: QPointF, size: float, symbol: str) -> None:
    """A dot with the painter's pen and brush, also for the key."""
    half = size / 2
    if symbol == "s":
        painter.drawRect(QRectF(at.x() - half, at.y() - half, size, size))
    elif symbol == "d":
        ends = ((0, -1.2), (1, 0), (0, 1.2), (-1, 0))
        painter.drawPolygon(QPolygonF([at + QPointF(x * half, y * half) for x, y in ends]))
    else:
        painter.drawEllipse(at, half, half)


def _word(painter: QPainter, mark: Word, onto: QTransform, frame: QRectF) -> None:
    written = font(SMALL)
    metrics = QFontMetricsF(written)
    wide, high = metrics.horizontalAdvance(mark.text), metrics.height()
    at = onto.map(QPointF(mark.x, mark.y))
    if not frame.adjusted(-1, -1, 1, 1).contains(at) or wide + 2 > mark.room * abs(onto.m11()):
        return
    left = at.x() - mark.across * wide + MARGIN * (1 - 2 * mark.across)
    top = at.y() - mark.down * high
    painter.setFont(written)
    painter.setPen(mark.colour)
    painter.drawText(QPointF(left, top + metrics.ascent()), mark.text)


_MARKS: dict[type, Any] = {
    Strokes: _strokes, Rule: _rule, Area: _area, Boxes: _boxes, Dots: _dots, Word: _word,
}  # fmt: skip
