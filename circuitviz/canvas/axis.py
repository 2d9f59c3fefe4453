"""Tokens along the foot of the canvas, of one size at every zoom, so that a long prompt can be read."""

from __future__ import annotations

import numpy as np
from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QFontMetricsF, QPainter, QTransform

from circuitviz.canvas.paint import font
from circuitviz.canvas.picture import CircuitPicture, TokenColumn
from circuitviz.canvas.theme import Theme

SIZE = 12.0
LEVEL, STEEPEST = 24.0, 76.0  # pixels that level text takes, and slanted text at most
SLANT = 45.0  # degrees; slanted texts may stand as near to each other as their lines are high
NEAREST = 15.0  # pixels between two slanted texts
BELOW = 8.0  # pixels between the circuit and its tokens
TO_ITS_END = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
WIDEST = (STEEPEST - 18) / float(np.sin(np.radians(SLANT)))


def axis_height(picture: CircuitPicture, scale: float) -> float:
    """Pixels that the tokens take at a zoom; nothing where there are no columns."""
    if not picture.columns:
        return 0.0
    if _is_level(picture, scale):
        return LEVEL
    metrics = QFontMetricsF(font(SIZE))
    widest = max(metrics.horizontalAdvance(_text(column)) for column in picture.columns)
    return float(min(STEEPEST, 18 + widest * np.sin(np.radians(SLANT))))


def axis_of(picture: CircuitPicture, to_view: QTransform, foot: float) -> QRectF:
    """Where the tokens are written, in the viewport: below the circuit, at the lowest above ``foot``."""
    if not picture.nodes or not picture.columns:
        return QRectF()
    high = axis_height(picture, to_view.m11())
    lowest = max(-node.y for node in picture.nodes) + 22
    top = min(to_view.map(QPointF(0, lowest)).y() + BELOW, foot - high)
    ends = picture.columns[0].left, picture.columns[-1].right
    left, right = (to_view.map(QPointF(x, 0)).x() for x in ends)
    return QRectF(left, top, right - left, high)


def paint_axis(
    painter: QPainter,
    picture: CircuitPicture,
    theme: Theme,
    to_view: QTransform,
    area: QRectF,
    marked: frozenset[int],
) -> None:
    """Write the tokens across ``area``, in the viewport's pixels; ``marked`` columns stand out."""
    there = axis_of(picture, to_view, area.bottom())
    if there.isEmpty():
        return
    if there.bottom() > area.bottom() - 1:  # the circuit goes on behind
        foot = QRectF(area.left(), there.top() - 4, area.width(), area.height())
        painter.fillRect(foot, QColor(theme.ground))
    level = _is_level(picture, to_view.m11())
    for number in written(picture, to_view.m11(), marked):
        column = picture.columns[number]
        at = to_view.map(QPointF((column.left + column.right) / 2, 0)).x()
        painter.setFont(font(SIZE, bold=number in marked))
        ink = theme.muted if column.text == "any position" else theme.text
        painter.setPen(QColor(theme.accent if number in marked else ink))
        if level:
            wide = _width(column, to_view.m11()) + 8
            painter.drawText(
                QRectF(at - wide / 2, there.top(), wide, LEVEL), Qt.AlignmentFlag.AlignCenter, _text(column)
            )
            continue
        text = QFontMetricsF(painter.font()).elidedText(_text(column), Qt.TextElideMode.ElideRight, WIDEST)
        painter.save()
        painter.translate(at + 4, there.top() + 6)
        painter.rotate(-SLANT)
        painter.drawText(QRectF(-WIDEST - 20, -8, WIDEST + 20, 16), TO_ITS_END, text)
        painter.restore()


def written(picture: CircuitPicture, scale: float, marked: frozenset[int] = frozenset()) -> list[int]:
    """Numbers of the columns whose tokens have room: the marked, the last, and those apart from them."""
    columns = picture.columns
    if not columns or _is_level(picture, scale):
        return list(range(len(columns)))
    middles = [(column.left + column.right) / 2 * scale for column in columns]
    kept: list[int] = []
    for number in [*sorted(marked), *range(len(columns) - 1, -1, -1)]:
        if number not in kept and all(abs(middles[number] - middles[other]) >= NEAREST for other in kept):
            kept.append(number)
    return sorted(kept)


def column_at(
    picture: CircuitPicture, to_view: QTransform, foot: float, place: QPointF
) -> TokenColumn | None:
    """The column whose token is written at a place of the viewport, or next to it."""
    there = axis_of(picture, to_view, foot)
    if there.isEmpty() or not there.top() - 2 <= place.y() <= there.bottom() + 2:
        return None
    x = to_view.inverted()[0].map(place).x()
    return next((c for c in picture.columns if c.left - 30 <= x <= c.right + 30), None)


def columns_with(picture: CircuitPicture, names: frozenset[str]) -> frozenset[int]:
    """Numbers of the columns that some nodes stand in."""
    if not picture.columns:
        return frozenset()
    at = [picture.by_name[name].x for name in names if name in picture.by_name]
    spans = enumerate(picture.columns)
    return frozenset(i for i, column in spans if any(column.left <= x <= column.right for x in at))


def _is_level(picture: CircuitPicture, scale: float) -> bool:
    metrics = QFontMetricsF(font(SIZE))
    return all(metrics.horizontalAdvance(_text(c)) <= _width(c, scale) for c in picture.columns)


def _width(column: TokenColumn, scale: float) -> float:
    return (column.right - column.left + 30) * scale


def _text(column: TokenColumn) -> str:
    return column.text.strip() or column.text
