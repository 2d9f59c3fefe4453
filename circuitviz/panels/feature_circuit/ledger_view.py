"""Ledger of a target's value: each attribution term as a signed bar with its number, and their sum."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from PySide6.QtCore import QEvent, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QFont, QFontMetricsF, QHelpEvent, QPainter, QPaintEvent
from PySide6.QtWidgets import QSizePolicy, QToolTip

from circuitviz.number_text import decimal_number, signed_number
from circuitviz.panels.widgets.fields import RIGHT_ALIGNED
from circuitviz.panels.widgets.font_scaling import scale_pixels
from circuitviz.panels.widgets.themed_widget import ThemedWidget
from circuitviz.shapes.charts.chart_shapes import MeasureChart
from circuitviz.shapes.drawing import Drawing
from circuitviz.shapes.plot_axes import PlotFigureOptions

LEDGER_TERMS = {
    "features": (
        "Kept features, heads",
        "kept features, neurons and heads whose inputs are not followed (direct attribution)",
    ),
    "tokens": ("Tokens", "token embeddings of the prompt, through kept nodes"),
    "positions": ("Positions", "position embeddings"),
    "errors": ("Errors", "reconstruction errors of the dictionaries, and neurons that are no nodes"),
    "components": ("MLPs", "MLPs without a dictionary, whose inputs are not followed"),
    "decoder_biases": ("Decoder biases", "output biases and decoder biases"),
    "encoder_biases": ("Encoder biases", "encoder biases of the kept nodes and the target"),
    "pruned": ("Pruned", "nodes that are not kept"),
}
ATTENTION_TERMS = {  # not part of the sum, of which patterns are held
    "queries": ("Scores, queries", "the circuit's nodes, as queries"),
    "keys": ("Scores, keys", "the circuit's nodes, as keys"),
}
ROW_HEIGHT_PX, SUM_EXTRA_PX, GAP_PX = 20, 6, 8
MIN_BAR_WIDTH_PX, NAME_GAP_PX, NUMBER_GAP_PX = 20, 10, 8


class LedgerView(ThemedWidget):
    """Paints the terms, and below a rule their sum, which equals the target's value at every threshold."""

    def __init__(self) -> None:
        super().__init__()
        self.terms: dict[str, float] = {}
        self.attention_terms: dict[str, float] = {}
        self.target = ""
        self.setAccessibleName("Ledger")
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)

    @property
    def _row_height_px(self) -> int:
        """Height of a row, which grows with the text."""
        return max(scale_pixels(self, ROW_HEIGHT_PX), self.fontMetrics().height())

    @property
    def _bold_font(self) -> QFont:
        font = self.font()
        font.setBold(True)
        return font

    @property
    def _sum_height_px(self) -> int:
        return self._row_height_px + SUM_EXTRA_PX

    @property
    def total(self) -> float:
        """Sum of the terms."""
        return sum(self.terms.values())

    def sizeHint(self) -> QSize:
        """Height of all rows."""
        below = GAP_PX + self._row_height_px * len(ATTENTION_TERMS) if self.attention_terms else 0
        return QSize(300, self._row_height_px * len(LEDGER_TERMS) + self._sum_height_px + 4 + below)

    def minimumSizeHint(self) -> QSize:
        """Width of numbers, the shortest bars and names that are cut to the longest term of one word."""
        metrics = self.fontMetrics()
        name_px = max(metrics.horizontalAdvance(name) for name, _ in LEDGER_TERMS.values() if " " not in name)
        number_px = math.ceil(QFontMetricsF(self._bold_font).horizontalAdvance(signed_number(-10, 4)))
        width_px = name_px + NAME_GAP_PX + MIN_BAR_WIDTH_PX + NUMBER_GAP_PX + number_px
        for name in self._attention_rows:
            texts = ATTENTION_TERMS[name][0] + self._attention_text(name)
            width_px = max(width_px, metrics.horizontalAdvance(texts) + NAME_GAP_PX)
        return QSize(width_px, self.sizeHint().height())

    def changeEvent(self, event: QEvent) -> None:
        """Take the height of rows of larger text."""
        super().changeEvent(event)
        if event.type() is QEvent.Type.FontChange:
            self.updateGeometry()

    def show_ledger(
        self, terms: Mapping[str, float] | None, target: str, attention: Mapping[str, float] | None = None
    ) -> None:
        """Show other terms; None clears the view.

        Args:
            terms: The terms, by name.
            target: The target in words.
            attention: What attention scores are made of, of a circuit with contributors.
        """
        self.terms = {} if terms is None else {name: float(terms[name]) for name in LEDGER_TERMS}
        self.attention_terms = dict(attention or {}) if self.terms else {}
        self.updateGeometry()
        self.target = target
        self.setAccessibleDescription(self.summary_text())
        self.update()

    def summary_text(self) -> str:
        """The ledger as text, for screen readers."""
        terms = [f"{LEDGER_TERMS[name][0]} {signed_number(value, 4)}" for name, value in self.terms.items()]
        through = [
            f"{ATTENTION_TERMS[name][0]} {self._attention_text(name)}" for name in self._attention_rows
        ]
        return (
            "; ".join([*terms, f"sum {decimal_number(self.total, 4)}, the value of {self.target}", *through])
            if terms
            else ""
        )

    @property
    def _attention_rows(self) -> tuple[str, ...]:
        return tuple(ATTENTION_TERMS) if self.attention_terms else ()

    def _attention_text(self, side: str) -> str:
        """What the circuit's nodes are on a side of the scores, and that of all nodes and biases."""
        terms = self.attention_terms
        whole = (
            terms[side]
            + terms[f"other_{side}"]
            + terms[{"queries": "query", "keys": "key"}[side] + "_biases"]
        )
        return f"{signed_number(terms[side], 4)} of {signed_number(whole, 4)}"

    def drawing(self, figure: PlotFigureOptions) -> Drawing:
        """The ledger as a bar chart for export."""
        return MeasureChart("shares", self._bar_chart_data()).drawing(figure)

    def cells(self) -> Sequence[Sequence[Any]]:
        """Rows of the exported table: one per term, then the sum."""
        return [["term", "value"], *([LEDGER_TERMS[name][0], value] for name, value in self.terms.items()),
                ["sum", self.total],
                *([f"attention scores: {name.replace('_', ' ')}", value]
                  for name, value in self.attention_terms.items())]  # fmt: skip

    def _bar_chart_data(self) -> dict[str, Any]:
        shares = [(LEDGER_TERMS[name][0], value, "") for name, value in self.terms.items()]
        return {"shares": shares, "axis": f"sum {decimal_number(self.total, 4)}, the value of {self.target}"}

    def event(self, event: QEvent) -> bool:
        """Show what a term means as a tooltip."""
        if event.type() is QEvent.Type.ToolTip and isinstance(event, QHelpEvent):
            QToolTip.showText(event.globalPos(), self.tip_at(event.pos().y()), self)
            return True
        return super().event(event)

    def tip_at(self, y: int) -> str:
        """What the term in a line means; empty beside all terms."""
        tips = [tip for _, tip in LEDGER_TERMS.values()]
        if self.terms and y < self._row_height_px * len(tips):
            return tips[max(0, y) // self._row_height_px]
        row = (y - self._row_height_px * len(tips) - self._sum_height_px - GAP_PX) // self._row_height_px
        if not 0 <= row < len(self._attention_rows):
            return ""
        part = ATTENTION_TERMS[self._attention_rows[row]][1]
        return (
            f"the part of attention scores that comes from {part}, of "
            "that of all nodes and biases, times what scores count for the target; not in the sum, of which "
            "patterns are held"
        )

    def paintEvent(self, event: QPaintEvent) -> None:
        """Paint names on the left, bars around a common zero, numbers on the right."""
        if not self.terms:
            return
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        bold = self._bold_font
        metrics, bold_metrics = QFontMetricsF(self.font()), QFontMetricsF(bold)
        value_texts = [signed_number(value, 4) for value in self.terms.values()]
        number_width = max(
            *map(metrics.horizontalAdvance, value_texts),
            bold_metrics.horizontalAdvance(signed_number(self.total, 4)),
        )
        number_width += NUMBER_GAP_PX
        longest = max(metrics.horizontalAdvance(name) for name, _ in LEDGER_TERMS.values())
        name_width = min(longest + NAME_GAP_PX, self.width() - number_width - MIN_BAR_WIDTH_PX)
        bar_width = max(float(MIN_BAR_WIDTH_PX), self.width() - name_width - number_width)
        values = [*self.terms.values(), self.total, 0.0]
        low, high = min(values), max(values)
        scale = bar_width / ((high - low) or 1.0)
        zero = name_width - low * scale
        for number, (name, value) in enumerate(self.terms.items()):
            shown_name = metrics.elidedText(
                LEDGER_TERMS[name][0], Qt.TextElideMode.ElideRight, name_width - NAME_GAP_PX
            )
            self._paint_row(
                painter, number * self._row_height_px, self._row_height_px, shown_name, value, zero, scale
            )
        top = len(self.terms) * self._row_height_px
        painter.setPen(QColor(self.theme.line))
        painter.drawLine(0, top + 2, self.width(), top + 2)
        painter.setFont(bold)
        total_name = bold_metrics.elidedText(
            f"= {self.target}", Qt.TextElideMode.ElideRight, name_width - NAME_GAP_PX
        )
        self._paint_row(
            painter, top + 4, self._sum_height_px - 4, total_name, self.total, zero, scale, is_sum=True
        )
        painter.setPen(QColor(self.theme.muted))
        painter.drawLine(round(zero), 2, round(zero), round(top + self._sum_height_px))
        painter.setFont(self.font())
        for number, name in enumerate(self._attention_rows):
            line = QRectF(
                0,
                top + self._sum_height_px + GAP_PX + number * self._row_height_px,
                self.width(),
                self._row_height_px,
            )
            painter.setPen(QColor(self.theme.text))
            painter.drawText(line, Qt.AlignmentFlag.AlignVCenter, ATTENTION_TERMS[name][0])
            painter.drawText(line, RIGHT_ALIGNED, self._attention_text(name))
        painter.end()

    def _paint_row(
        self,
        painter: QPainter,
        y: float,
        height: float,
        name: str,
        value: float,
        zero_x: float,
        scale: float,
        is_sum: bool = False,
    ) -> None:
        theme = self.theme
        painter.setPen(QColor(theme.text if is_sum or value else theme.muted))
        painter.drawText(QRectF(0, y, self.width(), height), Qt.AlignmentFlag.AlignVCenter, name)
        right = RIGHT_ALIGNED
        painter.drawText(QRectF(0, y, self.width(), height), right, signed_number(value, 4))
        colour = theme.accent if is_sum else theme.positive if value >= 0 else theme.negative
        left, width = min(zero_x, zero_x + value * scale), abs(value) * scale
        painter.fillRect(QRectF(left, y + height / 2 - 5, width, 10), QColor(colour))
