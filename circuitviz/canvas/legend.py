"""The canvas's legend: only what is drawn, in a strip above the circuit."""

from __future__ import annotations

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QFontMetricsF, QPainter, QPen

from circuitviz.canvas.kinds import MEANINGS, look_colours
from circuitviz.canvas.paint import edge_pen, font, outline, paint_pin
from circuitviz.canvas.picture import CircuitPicture, DrawnEdge
from circuitviz.canvas.theme import Theme
from circuitviz.session.sight import SIGN_MEANINGS, SIGNS

ROW = 19.0
SAMPLE, GAP = 34.0, 20.0  # from an entry's left to its text, and to the next entry's left
PINNED = "pinned in its file"


def legend_entries(picture: CircuitPicture) -> list[str]:
    """What the legend must explain: only what is drawn, kinds of lines before kinds of nodes."""
    links = picture.links
    tinted = [bool((links.tint == tint).any()) for tint in range(3)]
    if picture.sides:
        entries = {"both": tinted[2], "left": tinted[0], "right": tinted[1]}
    else:
        entries = {"positive": tinted[0], "negative": tinted[1]}
    entries["channels"] = bool(links.channel.any())
    entries["ablated"] = not picture.sides and (tinted[2] or picture.any_ablated)
    entries["pinned"] = any(node.pinned for node in picture.nodes)
    return [*(entry for entry, drawn in entries.items() if drawn), *picture.looks]


def legend_size(picture: CircuitPicture, room: float) -> tuple[float, float]:
    """Width and height that the legend takes of some width; nothing where nothing is to be explained."""
    placed = _placed(picture, room)
    if not placed:
        return 0.0, 0.0
    return max(x + wide for _, x, _, wide in placed), placed[-1][2] + ROW


def strip_height(picture: CircuitPicture, room: float) -> float:
    """What has to be left free above a picture for its legend."""
    high = legend_size(picture, room)[1]
    return high + 8 if high else 0.0


def paint_legend(painter: QPainter, picture: CircuitPicture, theme: Theme, at: QPointF, room: float) -> None:
    """Draw the legend with its top left corner at a point."""
    painter.save()
    painter.setFont(font(11))
    for entry, left, top, wide in _placed(picture, room):
        x, y = at.x() + left, at.y() + top
        if entry == "channels":
            _channels(painter, theme, x, y)
            continue
        if entry in MEANINGS:
            fill, line = look_colours(entry, theme)
            painter.setPen(QPen(QColor(line), 1.2))
            painter.setBrush(QColor(fill))
            painter.drawPath(outline(entry, QRectF(x + 2, y + 3.5, SAMPLE - 6, ROW - 7)))
        elif entry == "pinned":
            paint_pin(painter, theme, QPointF(x + SAMPLE / 2 + 1, y + 5))
        else:
            side = entry if picture.sides else ""
            score = 1.0 if entry == "positive" else -1.0
            sample = DrawnEdge("", "", "", "", score, 0.3, entry == "ablated", side=side)
            painter.setPen(edge_pen(sample, theme))
            painter.drawLine(QPointF(x, y + ROW / 2), QPointF(x + SAMPLE, y + ROW / 2))
        painter.setPen(QColor(theme.muted))
        within = QRectF(x + SAMPLE + 6, y, wide - SAMPLE - 6, ROW)
        text = painter.fontMetrics().elidedText(
            _text(picture, entry), Qt.TextElideMode.ElideRight, int(within.width()) + 1
        )
        painter.drawText(within, Qt.AlignmentFlag.AlignVCenter, text)
    painter.restore()


def _placed(picture: CircuitPicture, room: float) -> list[tuple[str, float, float, float]]:
    """Entries with their left, top and width, in lines."""
    entries, metrics = legend_entries(picture), QFontMetricsF(font(11))
    found, x, y = [], 0.0, 0.0
    for entry in entries:
        text = 0.0 if entry == "channels" else metrics.horizontalAdvance(_text(picture, entry))
        wide = min(room, SAMPLE + 8 + text) if text else 150.0
        if x and x + wide > room:
            x, y = 0.0, y + ROW
        found.append((entry, x, y, wide))
        x += wide + GAP
    return found


def _text(picture: CircuitPicture, entry: str) -> str:
    left, right = picture.sides or ("", "")
    sides = {"both": "in both", "left": f"only in {left}", "right": f"only in {right}"}
    known = "flows" if picture.looks and picture.sign == "helps" else picture.sign
    lines = dict(zip(SIGNS, SIGN_MEANINGS[known], strict=True))
    return {**lines, "ablated": "ablated", "pinned": PINNED, **sides, **MEANINGS}[entry]


def _channels(painter: QPainter, theme: Theme, x: float, y: float) -> None:
    for text, tint, shift in (("query", theme.query, 0), ("key", theme.key, 62), ("value", theme.value, 111)):
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(QColor(tint))
        painter.drawEllipse(QPointF(x + 4 + shift, y + ROW / 2), 3.2, 3.2)
        painter.setPen(QColor(theme.muted))
        painter.drawText(QRectF(x + 12 + shift, y, 60, ROW), Qt.AlignmentFlag.AlignVCenter, text)
