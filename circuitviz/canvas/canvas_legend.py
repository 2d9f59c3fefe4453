"""The canvas's legend: only what is drawn, in a strip above the circuit."""

from __future__ import annotations

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QFontMetricsF, QPainter, QPen

from circuitviz.document.view_filters import SIGN_MEANINGS, SIGNS
from circuitviz.paint.circuit_painter import canvas_font, edge_pen, node_outline, paint_pin
from circuitviz.scene.circuit_scene import CircuitScene
from circuitviz.scene.edge_arrays import DrawnEdge
from circuitviz.scene.node_styles import STYLE_DESCRIPTIONS, style_colours
from circuitviz.scene.theme import Theme

ROW_HEIGHT_PX = 19.0
SAMPLE_WIDTH_PX, ENTRY_GAP_PX = 34.0, 20.0  # from an entry's left to its text, and to the next entry's left
PINNED_TEXT = "pinned in its file"


def legend_entries(picture: CircuitScene) -> list[str]:
    """What the legend must explain: only what is drawn, kinds of lines before kinds of nodes."""
    links = picture.edges
    tinted = [bool((links.colour_group == tint).any()) for tint in range(3)]
    if picture.sides:
        entries = {"both": tinted[2], "left": tinted[0], "right": tinted[1]}
    else:
        entries = {"positive": tinted[0], "negative": tinted[1]}
    entries["channels"] = bool(links.channel.any())
    entries["ablated"] = not picture.sides and (tinted[2] or picture.has_ablated_nodes)
    entries["pinned"] = any(node.pinned for node in picture.nodes)
    return [*(entry for entry, drawn in entries.items() if drawn), *picture.legend_styles]


def legend_size(picture: CircuitScene, max_width: float) -> tuple[float, float]:
    """Width and height that the legend takes of some width; nothing where nothing is to be explained."""
    placed = _positioned_entries(picture, max_width)
    if not placed:
        return 0.0, 0.0
    return max(x + wide for _, x, _, wide in placed), placed[-1][2] + ROW_HEIGHT_PX


def legend_strip_height(picture: CircuitScene, max_width: float) -> float:
    """What has to be left free above a picture for its legend."""
    high = legend_size(picture, max_width)[1]
    return high + 8 if high else 0.0


def paint_legend(
    painter: QPainter, picture: CircuitScene, theme: Theme, position: QPointF, max_width: float
) -> None:
    """Draw the legend with its top left corner at a point."""
    painter.save()
    painter.setFont(canvas_font(11))
    for entry, left, top, wide in _positioned_entries(picture, max_width):
        x, y = position.x() + left, position.y() + top
        if entry == "channels":
            _paint_channels(painter, theme, x, y)
            continue
        if entry in STYLE_DESCRIPTIONS:
            fill, line = style_colours(entry, theme)
            painter.setPen(QPen(QColor(line), 1.2))
            painter.setBrush(QColor(fill))
            painter.drawPath(
                node_outline(entry, QRectF(x + 2, y + 3.5, SAMPLE_WIDTH_PX - 6, ROW_HEIGHT_PX - 7))
            )
        elif entry == "pinned":
            paint_pin(painter, theme, QPointF(x + SAMPLE_WIDTH_PX / 2 + 1, y + 5))
        else:
            side = entry if picture.sides else ""
            score = 1.0 if entry == "positive" else -1.0
            sample = DrawnEdge("", "", "", "", score, 0.3, entry == "ablated", side=side)
            painter.setPen(edge_pen(sample, theme))
            painter.drawLine(
                QPointF(x, y + ROW_HEIGHT_PX / 2), QPointF(x + SAMPLE_WIDTH_PX, y + ROW_HEIGHT_PX / 2)
            )
        painter.setPen(QColor(theme.muted))
        within = QRectF(x + SAMPLE_WIDTH_PX + 6, y, wide - SAMPLE_WIDTH_PX - 6, ROW_HEIGHT_PX)
        text = painter.fontMetrics().elidedText(
            _entry_text(picture, entry), Qt.TextElideMode.ElideRight, int(within.width()) + 1
        )
        painter.drawText(within, Qt.AlignmentFlag.AlignVCenter, text)
    painter.restore()


def _positioned_entries(picture: CircuitScene, room: float) -> list[tuple[str, float, float, float]]:
    """Entries with their left, top and width, in lines."""
    entries, metrics = legend_entries(picture), QFontMetricsF(canvas_font(11))
    found, x, y = [], 0.0, 0.0
    for entry in entries:
        text = 0.0 if entry == "channels" else metrics.horizontalAdvance(_entry_text(picture, entry))
        wide = min(room, SAMPLE_WIDTH_PX + 8 + text) if text else 150.0
        if x and x + wide > room:
            x, y = 0.0, y + ROW_HEIGHT_PX
        found.append((entry, x, y, wide))
        x += wide + ENTRY_GAP_PX
    return found


def _entry_text(picture: CircuitScene, entry: str) -> str:
    left, right = picture.sides or ("", "")
    sides = {"both": "in both", "left": f"only in {left}", "right": f"only in {right}"}
    known = "flows" if picture.legend_styles and picture.sign == "helps" else picture.sign
    lines = dict(zip(SIGNS, SIGN_MEANINGS[known], strict=True))
    return {**lines, "ablated": "ablated", "pinned": PINNED_TEXT, **sides, **STYLE_DESCRIPTIONS}[entry]


def _paint_channels(painter: QPainter, theme: Theme, x: float, y: float) -> None:
    for text, tint, shift in (("query", theme.query, 0), ("key", theme.key, 62), ("value", theme.value, 111)):
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(QColor(tint))
        painter.drawEllipse(QPointF(x + 4 + shift, y + ROW_HEIGHT_PX / 2), 3.2, 3.2)
        painter.setPen(QColor(theme.muted))
        painter.drawText(QRectF(x + 12 + shift, y, 60, ROW_HEIGHT_PX), Qt.AlignmentFlag.AlignVCenter, text)
