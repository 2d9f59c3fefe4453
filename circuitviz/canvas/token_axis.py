"""Tokens along the foot or the left of the canvas, of one size at every zoom: a prompt can be read."""

from __future__ import annotations

import numpy as np
from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QFont, QFontMetricsF, QPainter, QTransform

from circuitviz.canvas.identity_cache import cache_by_identity
from circuitviz.paint.circuit_painter import canvas_font
from circuitviz.scene.circuit_scene import CircuitScene, TokenColumn
from circuitviz.scene.theme import Theme

FONT_SIZE_PX = 12.0
LEVEL_TEXT_HEIGHT_PX, MAX_SLANTED_HEIGHT_PX = (
    24.0,
    76.0,
)  # pixels that level text takes, and slanted text at most
SLANT_DEGREES = 45.0  # degrees; slanted texts may stand as near to each other as their lines are high
MIN_SLANTED_SPACING_PX = 15.0  # pixels between two slanted texts
MIN_LEVEL_GAP_PX = 6.0  # pixels between two level texts
MAX_TOKEN_WIDTH_PX = 110.0  # pixels of a token at the left
MAX_TEXT_REACH_PX = 200.0  # pixels of a token's text beyond the middle of its column
GAP_BELOW_CIRCUIT_PX = 8.0  # pixels between the circuit and its tokens
ALIGN_TEXT_END = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
MAX_SLANTED_WIDTH_PX = (MAX_SLANTED_HEIGHT_PX - 18) / float(np.sin(np.radians(SLANT_DEGREES)))


def token_axis_height(picture: CircuitScene, scale: float) -> float:
    """Pixels that the tokens take at the foot at a zoom; nothing where there are no columns."""
    if not picture.columns or picture.is_horizontal:
        return 0.0
    if _fits_level_text(picture, scale):
        return LEVEL_TEXT_HEIGHT_PX
    widest = max(_label_widths(picture.columns, canvas_font(FONT_SIZE_PX).key()))
    return float(min(MAX_SLANTED_HEIGHT_PX, 18 + widest * np.sin(np.radians(SLANT_DEGREES))))


def token_axis_width(picture: CircuitScene) -> float:
    """Pixels that the tokens take at the left, where layers go from left to right."""
    if not picture.columns or not picture.is_horizontal:
        return 0.0
    widest = max(_label_widths(picture.columns, canvas_font(FONT_SIZE_PX, bold=True).key()))
    return min(MAX_TOKEN_WIDTH_PX, widest) + 12


def token_axis_rect(picture: CircuitScene, to_view: QTransform, foot: float) -> QRectF:
    """Where the tokens are written, in the viewport: below the circuit, at the lowest above ``foot``."""
    if not picture.nodes or not picture.columns:
        return QRectF()
    if picture.is_horizontal:
        top, bottom = (to_view.map(QPointF(0, y)).y() for y in _ends(picture))
        return QRectF(0.0, top, token_axis_width(picture), bottom - top)
    high = token_axis_height(picture, to_view.m11())
    lowest = picture.lowest_middle + 22
    top = min(to_view.map(QPointF(0, lowest)).y() + GAP_BELOW_CIRCUIT_PX, foot - high)
    left, right = (to_view.map(QPointF(x, 0)).x() for x in _ends(picture))
    return QRectF(left, top, right - left, high)


def paint_token_axis(
    painter: QPainter,
    picture: CircuitScene,
    theme: Theme,
    to_view: QTransform,
    area: QRectF,
    highlighted: frozenset[int],
) -> None:
    """Write the tokens across ``area``, in the viewport's pixels; ``highlighted`` columns stand out."""
    there = token_axis_rect(picture, to_view, area.bottom())
    if there.isEmpty():
        return
    if picture.is_horizontal:
        _paint_tokens_at_left(painter, picture, theme, to_view, area, highlighted)
        return
    if there.bottom() > area.bottom() - 1:  # the circuit goes on behind
        foot = QRectF(area.left(), there.top() - 4, area.width(), area.height())
        painter.fillRect(foot, QColor(theme.ground))
    level = _fits_level_text(picture, to_view.m11())
    for number in labelled_columns(picture, to_view.m11(), highlighted):
        column = picture.columns[number]
        at = to_view.map(QPointF((column.left + column.right) / 2, 0)).x()
        if not area.left() - MAX_TEXT_REACH_PX < at < area.right() + MAX_TEXT_REACH_PX:
            continue
        painter.setFont(canvas_font(FONT_SIZE_PX, bold=number in highlighted))
        ink = theme.muted if column.is_of_any_position else theme.text
        painter.setPen(QColor(theme.accent if number in highlighted else ink))
        if level:
            place = QRectF(at - MAX_TEXT_REACH_PX, there.top(), 2 * MAX_TEXT_REACH_PX, LEVEL_TEXT_HEIGHT_PX)
            painter.drawText(place, Qt.AlignmentFlag.AlignCenter, column.label)
            continue
        text = QFontMetricsF(painter.font()).elidedText(
            column.label, Qt.TextElideMode.ElideRight, MAX_SLANTED_WIDTH_PX
        )
        painter.save()
        painter.translate(at + 4, there.top() + 6)
        painter.rotate(-SLANT_DEGREES)
        painter.drawText(
            QRectF(-MAX_SLANTED_WIDTH_PX - 20, -8, MAX_SLANTED_WIDTH_PX + 20, 16), ALIGN_TEXT_END, text
        )
        painter.restore()


def labelled_columns(
    picture: CircuitScene, scale: float, highlighted: frozenset[int] = frozenset()
) -> list[int]:
    """Numbers of the columns whose tokens have room: the marked, the last, and those apart from them."""
    columns = picture.columns
    if not columns or _fits_level_text(picture, scale):
        return list(range(len(columns)))
    middles = [(column.left + column.right) / 2 * scale for column in columns]
    kept: list[int] = []
    for number in [*sorted(highlighted), *range(len(columns) - 1, -1, -1)]:
        if number not in kept and all(
            abs(middles[number] - middles[other]) >= MIN_SLANTED_SPACING_PX for other in kept
        ):
            kept.append(number)
    return sorted(kept)


def column_at(picture: CircuitScene, to_view: QTransform, foot: float, place: QPointF) -> TokenColumn | None:
    """The column whose token is written at a place of the viewport, or next to it."""
    there = token_axis_rect(picture, to_view, foot)
    at = to_view.inverted()[0].map(place)
    if picture.is_horizontal:
        inside = (c for c in picture.columns if c.left - 10 <= at.y() <= c.right + 10)
        return next(inside, None) if there.left() <= place.x() <= there.right() else None
    if there.isEmpty() or not there.top() - 2 <= place.y() <= there.bottom() + 2:
        return None
    return next((c for c in picture.columns if c.left - 30 <= at.x() <= c.right + 30), None)


def columns_containing(picture: CircuitScene, names: frozenset[str]) -> frozenset[int]:
    """Numbers of the columns that some nodes stand in."""
    if not picture.columns:
        return frozenset()
    nodes = [picture.by_name[name] for name in names if name in picture.by_name]
    at = [-node.y if picture.is_horizontal else node.x for node in nodes]
    spans = enumerate(picture.columns)
    return frozenset(i for i, column in spans if any(column.left <= x <= column.right for x in at))


def _ends(picture: CircuitScene) -> tuple[float, float]:
    return picture.columns[0].left, picture.columns[-1].right


def _paint_tokens_at_left(
    painter: QPainter,
    picture: CircuitScene,
    theme: Theme,
    to_view: QTransform,
    area: QRectF,
    highlighted: frozenset[int],
) -> None:
    """Tokens one below the other, each beside its nodes."""
    width = token_axis_width(picture)
    painter.fillRect(QRectF(area.left(), area.top(), width, area.height()), QColor(theme.ground))
    for number in labelled_columns(picture, to_view.m11(), highlighted):
        column = picture.columns[number]
        y = to_view.map(QPointF(0, (column.left + column.right) / 2)).y()
        if not area.top() + 8 <= y <= area.bottom() - 8:
            continue
        painter.setFont(canvas_font(FONT_SIZE_PX, bold=number in highlighted))
        ink = theme.muted if column.is_of_any_position else theme.text
        painter.setPen(QColor(theme.accent if number in highlighted else ink))
        text = QFontMetricsF(painter.font()).elidedText(
            column.label, Qt.TextElideMode.ElideRight, MAX_TOKEN_WIDTH_PX
        )
        painter.drawText(QRectF(area.left(), y - 9, width - 6, 18), ALIGN_TEXT_END, text)


@cache_by_identity  # asked for several times with every frame
def _label_widths(columns: tuple[TokenColumn, ...], font_key: str) -> list[float]:
    """Pixels that each column's text takes in a font."""
    font = QFont()
    font.fromString(font_key)
    metrics = QFontMetricsF(font)
    return [metrics.horizontalAdvance(column.label) for column in columns]


def _fits_level_text(picture: CircuitScene, scale: float) -> bool:
    if picture.is_horizontal:  # one below the other
        return all((c.right - c.left) * scale >= MIN_SLANTED_SPACING_PX for c in picture.columns)
    return scale >= _least_level_scale(picture.columns, canvas_font(FONT_SIZE_PX, bold=True).key())


@cache_by_identity
def _least_level_scale(columns: tuple[TokenColumn, ...], font_key: str) -> float:
    """Pixels per scene unit from which on each column's text is apart from the next one's."""
    widths = np.array(_label_widths(columns, font_key))
    middles = np.array([(column.left + column.right) / 2 for column in columns])
    needed = (widths[1:] + widths[:-1]) / 2 + MIN_LEVEL_GAP_PX
    return float((needed / np.maximum(np.diff(middles), 1e-9)).max(initial=0.0))
