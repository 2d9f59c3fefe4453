"""The canvas's legend: only what is drawn, in a strip above the circuit."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QFontMetricsF, QPainter

from circuitviz.canvas.identity_cache import cache_by_identity
from circuitviz.paint.circuit_painter import canvas_font
from circuitviz.paint.shape_painter import paint_shape
from circuitviz.scene.circuit_scene import CircuitScene
from circuitviz.scene.theme import Theme
from circuitviz.shapes.circuit_legend import (
    TEXT_GAP,
    LegendEntry,
    importance_entry,
    legend_entries,
    style_entries,
)
from circuitviz.shapes.drawing import placed
from circuitviz.shapes.edge_styles import EdgeStyles

ROW_HEIGHT_PX = 19.0
ENTRY_GAP_PX = 20.0  # from an entry to the next one


def canvas_entries(scene: CircuitScene, styles: EdgeStyles, theme: Theme) -> list[LegendEntry]:
    """What the legend must explain: only what is drawn, kinds of lines before kinds of nodes."""
    entries = legend_entries(scene, styles, theme) + style_entries(scene, scene.legend_styles, theme)
    return [importance_entry(theme), *entries] if scene.cells else entries


def legend_size(entries: Sequence[LegendEntry], max_width: float) -> tuple[float, float]:
    """Width and height that the legend takes of some width; nothing where nothing is to be explained."""
    positioned = _positioned_entries(entries, max_width)
    if not positioned:
        return 0.0, 0.0
    return max(x + wide for _, x, _, wide in positioned), positioned[-1][2] + ROW_HEIGHT_PX


def legend_strip_height(entries: Sequence[LegendEntry], max_width: float) -> float:
    """What has to be left free above a picture for its legend."""
    high = legend_size(entries, max_width)[1]
    return high + 8 if high else 0.0


def paint_legend(
    painter: QPainter, entries: Sequence[LegendEntry], theme: Theme, position: QPointF, max_width: float
) -> None:
    """Draw the legend with its top left corner at a point."""
    painter.save()
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setFont(canvas_font(11))
    for entry, left, top, wide in _positioned_entries(entries, max_width):
        x, y, before = position.x() + left, position.y() + top, entry.sample_width + TEXT_GAP
        for shape in entry.sample:
            paint_shape(painter, placed(shape, x, y + ROW_HEIGHT_PX / 2))
        painter.setPen(QColor(theme.muted))
        within = QRectF(x + before, y, wide - before, ROW_HEIGHT_PX)
        text = painter.fontMetrics().elidedText(
            entry.text, Qt.TextElideMode.ElideRight, int(within.width()) + 1
        )
        painter.drawText(within, Qt.AlignmentFlag.AlignVCenter, text)
    painter.restore()


def _positioned_entries(
    entries: Sequence[LegendEntry], room: float
) -> list[tuple[LegendEntry, float, float, float]]:
    """Entries with their left, top and width, in lines."""
    return _entries_in_lines(entries, room, canvas_font(11).key())


@cache_by_identity  # asked for several times with every frame
def _entries_in_lines(
    entries: Sequence[LegendEntry], room: float, _font_key: str
) -> list[tuple[LegendEntry, float, float, float]]:
    metrics = QFontMetricsF(canvas_font(11))
    found, x, y = [], 0.0, 0.0
    for entry in entries:
        wide = min(room, entry.sample_width + TEXT_GAP + 2 + metrics.horizontalAdvance(entry.text))
        if x and x + wide > room:
            x, y = 0.0, y + ROW_HEIGHT_PX
        found.append((entry, x, y, wide))
        x += wide + ENTRY_GAP_PX
    return found
