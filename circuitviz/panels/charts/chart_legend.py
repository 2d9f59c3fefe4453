"""The key of a chart: what its lines, dots and colours are, in a row of its own that covers no data."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from PySide6.QtCore import QPointF, QRectF, QSize, Qt
from PySide6.QtGui import (
    QBrush,
    QColor,
    QFontMetricsF,
    QLinearGradient,
    QPainter,
    QPaintEvent,
    QPen,
    QResizeEvent,
)  # fmt: skip
from PySide6.QtWidgets import QSizePolicy, QWidget

from circuitviz.paint.circuit_painter import canvas_font
from circuitviz.panels.charts.chart_spec import LegendEntry
from circuitviz.panels.charts.marks_item import CHART_TEXT_PX, paint_point
from circuitviz.scene.theme import LIGHT, Theme

LEGEND_ROW_PX, SWATCH_WIDTH_PX, RAMP_WIDTH_PX, ENTRY_GAP_PX, LEGEND_INSET_PX = (
    18,
    18.0,
    64.0,
    16.0,
    10.0,
)  # pixels


class ChartLegend(QWidget):
    """Entries side by side, in as many rows as they need; of no height where there are none."""

    def __init__(self) -> None:
        super().__init__()
        self.theme = LIGHT
        self.entries: Sequence[LegendEntry] = ()
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        self.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        self.setFixedHeight(0)  # hiding and showing would polish it, and lay out the chart, each time

    def show_entries(self, entries: Sequence[LegendEntry], theme: Theme) -> None:
        """Explain other marks."""
        if (list(entries), theme) != (list(self.entries), self.theme):
            self.entries, self.theme = list(entries), theme
            self.setAccessibleName(", ".join(entry.label for entry in entries))
            self._fit_height()
            self.update()

    def sizeHint(self) -> QSize:
        """One row."""
        return QSize(0, LEGEND_ROW_PX)

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Take as many rows as fit."""
        super().resizeEvent(event)
        self._fit_height()

    def _fit_height(self) -> None:
        rows = max((row + 1 for _, _, row in self._placed_entries()), default=0)
        if self.height() != LEGEND_ROW_PX * rows:
            self.setFixedHeight(LEGEND_ROW_PX * rows)

    def _placed_entries(self) -> Iterator[tuple[LegendEntry, float, int]]:
        """Entries with the left end and the row of each."""
        metrics, left, row = QFontMetricsF(canvas_font(CHART_TEXT_PX)), LEGEND_INSET_PX, 0
        for entry in self.entries:
            wide = entry_width_px(entry, metrics)
            if left > LEGEND_INSET_PX and left + wide > self.width():
                left, row = LEGEND_INSET_PX, row + 1
            yield entry, left, row
            left += wide + ENTRY_GAP_PX

    def paintEvent(self, event: QPaintEvent) -> None:
        """A swatch and its name, each."""
        painter = QPainter(self)
        painter.fillRect(self.rect(), QColor(self.theme.panel))
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setFont(canvas_font(CHART_TEXT_PX))
        metrics = QFontMetricsF(canvas_font(CHART_TEXT_PX))
        for entry, left, row in self._placed_entries():
            middle = LEGEND_ROW_PX * (row + 0.5)
            base = middle + (metrics.ascent() - metrics.descent()) / 2
            if entry.ramp_start_label:
                painter.setPen(QColor(self.theme.muted))
                painter.drawText(QPointF(left, base), entry.ramp_start_label)
                left += metrics.horizontalAdvance(entry.ramp_start_label) + 6
            left += self._paint_swatch(painter, entry, left, middle)
            painter.setPen(QColor(self.theme.muted))
            text = metrics.elidedText(entry.label, Qt.TextElideMode.ElideRight, self.width() - left - 2)
            painter.drawText(QPointF(left, base), text)
        painter.end()

    def _paint_swatch(self, painter: QPainter, entry: LegendEntry, left: float, middle: float) -> float:
        """Draw what an entry explains; how far its name starts from ``left``."""
        if not entry.swatch:
            return 0.0
        colour = QColor(entry.colours[0])
        colour.setAlphaF(entry.alpha)
        painter.setPen(Qt.PenStyle.NoPen)
        if entry.swatch == "ramp":
            ramp = QLinearGradient(left, 0, left + RAMP_WIDTH_PX, 0)
            for i, code in enumerate(entry.colours):
                ramp.setColorAt(i / max(1, len(entry.colours) - 1), QColor(code))
            painter.fillRect(QRectF(left, middle - 4, RAMP_WIDTH_PX, 8), QBrush(ramp))
            return RAMP_WIDTH_PX + 6
        if entry.swatch in ("line", "dash"):
            pen = QPen(colour, 2)
            if entry.swatch == "dash":
                pen.setDashPattern([3, 2])
            painter.setPen(pen)
            painter.drawLine(QPointF(left, middle), QPointF(left + SWATCH_WIDTH_PX - 4, middle))
        elif entry.swatch == "band":
            painter.fillRect(QRectF(left, middle - 5, SWATCH_WIDTH_PX - 4, 10), colour)
        else:
            hollow = entry.swatch == "ring"
            painter.setPen(QPen(colour, 1.5) if hollow else Qt.PenStyle.NoPen)
            painter.setBrush(Qt.BrushStyle.NoBrush if hollow else QBrush(colour))
            paint_point(painter, QPointF(left + 7, middle), 8, entry.swatch)
        return SWATCH_WIDTH_PX


def entry_width_px(entry: LegendEntry, metrics: QFontMetricsF) -> float:
    """Pixels that an entry takes."""
    least = metrics.horizontalAdvance(entry.ramp_start_label) + 6 if entry.ramp_start_label else 0.0
    swatch = 0.0 if not entry.swatch else RAMP_WIDTH_PX + 6 if entry.swatch == "ramp" else SWATCH_WIDTH_PX
    return least + swatch + metrics.horizontalAdvance(entry.label)
