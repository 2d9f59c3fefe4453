"""Rows and columns of named cells, with a number in each and a scale of their colours in the key."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from PySide6.QtGui import QColor

from circuitviz.panels.charts.chart_spec import ChartSpec, RectMark, TextMark
from circuitviz.panels.heat.heat_grid import text_colour_on

MatrixCell = tuple[int, int, QColor, str]
"""(row, column, colour, text)"""


def add_matrix(
    chart: ChartSpec, rows: Sequence[str], columns: Sequence[str], cells: Sequence[MatrixCell]
) -> None:
    """Cells with their texts, names at the left and above; nothing can be dragged."""
    if cells:
        sides = np.array([(x + 0.01, y + 0.015, x + 0.99, y + 0.985) for y, x, _, _ in cells])
        chart.marks.append(RectMark(sides, [colour for _, _, colour, _ in cells]))
    for y, x, colour, text in cells:
        over = QColor(text_colour_on(_rgb(colour)))
        chart.marks.append(TextMark(x + 0.5, y + 0.5, text, over, max_width=0.98))
    chart.axis_ticks = {
        "left": [(i + 0.5, name) for i, name in enumerate(rows)],
        "top": [(i + 0.5, name) for i, name in enumerate(columns)],
    }
    chart.is_y_upwards, chart.draggable_axes = False, (False, False)
    chart.set_ranges((0, max(1, len(columns))), (0, max(1, len(rows))))


def faithfulness_colour(chart: ChartSpec, value: float) -> QColor:
    """From the negative colour at 0 and below, over the ground, to the positive one at 1."""
    share = float(np.clip(value, 0, 1))
    low, middle, high = (chart.theme_colour(name) for name in ("negative", "raised", "positive"))
    return mix_colours(low, middle, share * 2) if share < 0.5 else mix_colours(middle, high, share * 2 - 1)


def mix_colours(start: QColor, end: QColor, fraction: float) -> QColor:
    """``fraction`` of the way from one colour to another."""
    codes = (a + (b - a) * fraction for a, b in zip(_rgb(start), _rgb(end), strict=True))
    return QColor(*(round(code) for code in codes))


def _rgb(colour: QColor) -> tuple[int, int, int]:
    return colour.red(), colour.green(), colour.blue()


def add_faithfulness_scale(chart: ChartSpec, unit: str) -> None:
    """The key of ``faithfulness_colour``."""
    chart.add_colour_ramp(
        f"1 and more: {unit}", "0 and less", [faithfulness_colour(chart, i / 8) for i in range(9)]
    )


def format_cell_value(value: float | None) -> str:
    """A number in a cell; a dash where there is none."""
    return "–" if value is None else f"{value:.2f}".replace("-0.00", "0.00").replace("-", "−")
