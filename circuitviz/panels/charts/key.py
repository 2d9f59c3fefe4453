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

from circuitviz.canvas.paint import font
from circuitviz.canvas.theme import LIGHT, Theme
from circuitviz.panels.charts.ink import SMALL, draw_dot
from circuitviz.panels.charts.sketch import Entry

HIGH, SWATCH, RAMP, APART, LEFT = 18, 18.0, 64.0, 16.0, 10.0  # pixels


class Key(QWidget):
    """Entries side by side, in as many rows as they need; of no height where there are none."""

    def __init__(self) -> None:
        super().__init__()
        self.theme = LIGHT
        self.entries: Sequence[Entry] = ()
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        self.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        self.setFixedHeight(0)  # hiding and showing would polish it, and lay out the chart, each time

    def show_entries(self, entries: Sequence[Entry], theme: Theme) -> None:
        """Explain other marks."""
        if (list(entries), theme) != (list(self.entries), self.theme):
            self.entries, self.theme = list(entries), theme
            self.setAccessibleName(", ".join(entry.name for entry in entries))
            self._fit()
            self.update()

    def sizeHint(self) -> QSize:
        """One row."""
        return QSize(0, HIGH)

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Take as many rows as fit."""
        super().resizeEvent(event)
        self._fit()

    def _fit(self) -> None:
        rows = max((row + 1 for _, _, row in self._placed()), default=0)
        if self.height() != HIGH * rows:
            self.setFixedHeight(HIGH * rows)

    def _placed(self) -> Iterator[tuple[Entry, float, int]]:
        """Entries with the left end and the row of each."""
        metrics, left, row = QFontMetricsF(font(SMALL)), LEFT, 0
        for entry in self.entries:
            wide = room(entry, metrics)
            if left > LEFT and left + wide > self.width():
                left, row = LEFT, row + 1
            yield entry, left, row
            left += wide + APART

    def paintEvent(self, event: QPaintEvent) -> None:
        """A swatch and its name, each."""
        painter = QPainter(self)
        painter.fillRect(self.rect(), QColor(self.theme.panel))
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setFont(font(SMALL))
        metrics = QFontMetricsF(font(SMALL))
        for entry, left, row in self._placed():
            middle = HIGH * (row + 0.5)
            base = middle + (metrics.ascent() - metrics.descent()) / 2
            if entry.least:
                painter.setPen(QColor(self.theme.muted))
                painter.drawText(QPointF(left, base), entry.least)
                left += metrics.horizontalAdvance(entry.least) + 6
            left += self._swatch(painter, entry, left, middle)
            painter.setPen(QColor(self.theme.muted))
            text = metrics.elidedText(entry.name, Qt.TextElideMode.ElideRight, self.width() - left - 2)
            painter.drawText(QPointF(left, base), text)
        painter.end()

    def _swatch(self, painter: QPainter, entry: Entry, left: float, middle: float) -> float:
        """Draw what an entry explains; how far its name starts from ``left``."""
        if not entry.look:
            return 0.0
        colour = QColor(entry.colours[0])
        colour.setAlphaF(entry.alpha)
        painter.setPen(Qt.PenStyle.NoPen)
        if entry.look == "ramp":
            ramp = QLinearGradient(left, 0, left + RAMP, 0)
            for i, code in enumerate(entry.colours):
                ramp.setColorAt(i / max(1, len(entry.colours) - 1), QColor(code))
            painter.fillRect(QRectF(left, middle - 4, RAMP, 8), QBrush(ramp))
            return RAMP + 6
        if entry.look in ("line", "dash"):
            pen = QPen(colour, 2)
            if entry.look == "dash":
                pen.setDashPattern([3, 2])
            painter.setPen(pen)
            painter.drawLine(QPointF(left, middle), QPointF(left + SWATCH - 4, middle))
        elif entry.look == "band":
            painter.fillRect(QRectF(left, middle - 5, SWATCH - 4, 10), colour)
        else:
            hollow = entry.look == "ring"
            painter.setPen(QPen(colour, 1.5) if hollow else Qt.PenStyle.NoPen)
            painter.setBrush(Qt.BrushStyle.NoBrush if hollow else QBrush(colour))
            draw_dot(painter, QPointF(left + 7, middle), 8, entry.look)
        return SWATCH


def room(entry: Entry, metrics: QFontMetricsF) -> float:
    """Pixels that an entry takes."""
    least = metrics.horizontalAdvance(entry.least) + 6 if entry.least else 0.0
    swatch = 0.0 if not entry.look else RAMP + 6 if entry.look == "ramp" else SWATCH
    return least + swatch + metrics.horizontalAdvance(entry.name)
