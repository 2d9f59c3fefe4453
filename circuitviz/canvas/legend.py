"""The canvas's legend: only what is drawn, lines first, then the kinds of nodes two by two."""

from __future__ import annotations

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QPainter, QPen

from circuitviz.canvas.kinds import MEANINGS, look_colours
from circuitviz.canvas.paint import edge_pen, font, outline
from circuitviz.canvas.picture import CircuitPicture, DrawnEdge
from circuitviz.canvas.theme import Theme

WIDTH, ROW = 238.0, 19.0
COLUMN = 184.0  # of the kinds of nodes
SAMPLE = 34.0  # from a row's left to its text


def legend_entries(picture: CircuitPicture) -> list[str]:
    """What the legend must explain of lines: only what is drawn."""
    links = picture.links
    tinted = [bool((links.tint == tint).any()) for tint in range(3)]
    if picture.sides:
        entries = {"both": tinted[2], "left": tinted[0], "right": tinted[1]}
    else:
        entries = {"positive": tinted[0], "negative": tinted[1]}
    entries["channels"] = bool(links.channel.any())
    entries["ablated"] = not picture.sides and (tinted[2] or picture.any_ablated)
    return [entry for entry, drawn in entries.items() if drawn]


def legend_size(picture: CircuitPicture) -> tuple[float, float]:
    """Width and height that the legend takes; nothing where there is nothing to explain."""
    lines, kinds = len(legend_entries(picture)), len(picture.looks)
    wide = max(158.0 if lines else 0.0, min(kinds, 2) * COLUMN)
    return wide, ROW * (lines + -(-kinds // 2))


def paint_legend(painter: QPainter, picture: CircuitPicture, theme: Theme, at: QPointF) -> float:
    """Draw the legend with its top left corner at a point; returns its height."""
    painter.save()
    painter.setFont(font(11))
    x, y = at.x(), at.y()
    for entry in legend_entries(picture):
        if entry == "channels":
            _channels(painter, theme, x, y)
        else:
            _line(painter, picture, theme, entry, x, y)
        y += ROW
    for number, look in enumerate(picture.looks):
        _kind(painter, theme, look, x + number % 2 * COLUMN, y + number // 2 * ROW)
    painter.restore()
    return legend_size(picture)[1]


def _channels(painter: QPainter, theme: Theme, x: float, y: float) -> None:
    for text, tint, shift in (("query", theme.query, 0), ("key", theme.key, 62), ("value", theme.value, 111)):
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(QColor(tint))
        painter.drawEllipse(QPointF(x + 4 + shift, y + ROW / 2), 3.2, 3.2)
        painter.setPen(QColor(theme.muted))
        painter.drawText(QRectF(x + 12 + shift, y, 60, ROW), Qt.AlignmentFlag.AlignVCenter, text)


def _line(
    painter: QPainter, picture: CircuitPicture, theme: Theme, entry: str, x: float, y: float
) -> None:
    side = entry if picture.sides else ""
    score = 1.0 if entry == "positive" else -1.0
    sample = DrawnEdge("", "", "", "", score, 0.3, entry == "ablated", side=side)
    painter.setPen(edge_pen(sample, theme))
    painter.drawLine(QPointF(x, y + ROW / 2), QPointF(x + SAMPLE, y + ROW / 2))
    left, right = picture.sides or ("", "")
    features = bool(picture.looks)
    text = {
        "positive": "adds to what it reaches" if features else "raises the metric",
        "negative": "takes away from it" if features else "lowers the metric",
        "ablated": "ablated",
        "both": "in both",
        "left": f"only in {left}",
        "right": f"only in {right}",
    }[entry]
    _text(painter, theme, text, x + SAMPLE + 8, y, WIDTH - SAMPLE - 8)


def _kind(painter: QPainter, theme: Theme, look: str, x: float, y: float) -> None:
    """A small box of the look beside what it means."""
    fill, line = look_colours(look, theme)
    painter.setPen(QPen(QColor(line), 1.2))
    painter.setBrush(QColor(fill))
    painter.drawPath(outline(look, QRectF(x + 2, y + 3.5, SAMPLE - 6, ROW - 7)))
    _text(painter, theme, MEANINGS[look], x + SAMPLE + 4, y, COLUMN - SAMPLE - 8)


def _text(painter: QPainter, theme: Theme, text: str, x: float, y: float, room: float) -> None:
    painter.setPen(QColor(theme.muted))
    text = painter.fontMetrics().elidedText(text, Qt.TextElideMode.ElideRight, int(room))
    painter.drawText(QRectF(x, y, room, ROW), Qt.AlignmentFlag.AlignVCenter, text)
