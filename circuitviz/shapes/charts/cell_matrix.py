"""A matrix of coloured cells with a number in each, for the charts that are one."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from circuitviz.number_text import decimal_number
from circuitviz.shapes.charts.chart_spec import ChartSpec, PlotColour, RectMark, TextMark
from circuitviz.shapes.heat_grid import hex_to_rgb, text_colour_on

MatrixCell = tuple[int, int, PlotColour, str]
"""(row, column, colour, text)"""


def add_matrix(
    chart: ChartSpec, rows: Sequence[str], columns: Sequence[str], cells: Sequence[MatrixCell]
) -> None:
    """Draw cells with their texts, the rows' names at the left and the columns' above."""
    if cells:
        bounds = np.array([(x + 0.01, y + 0.015, x + 0.99, y + 0.985) for y, x, _, _ in cells])
        chart.marks.append(RectMark(bounds, [colour for _, _, colour, _ in cells]))
    for y, x, colour, text in cells:
        text_colour = PlotColour(text_colour_on(hex_to_rgb(colour.code)))
        chart.marks.append(TextMark(x + 0.5, y + 0.5, text, text_colour, max_width=0.98))
    chart.axis_ticks = {
        "left": [(i + 0.5, name) for i, name in enumerate(rows)],
        "top": [(i + 0.5, name) for i, name in enumerate(columns)],
    }
    chart.is_y_upwards, chart.draggable_axes = False, (False, False)
    chart.set_ranges((0, max(1, len(columns))), (0, max(1, len(rows))))


def faithfulness_colour(chart: ChartSpec, value: float) -> PlotColour:
    """The theme's negative colour up to 0, the background's at 0.5, the positive one from 1 on."""
    fraction = float(np.clip(value, 0, 1))
    low, middle, high = (chart.theme_colour(name) for name in ("negative", "raised", "positive"))
    if fraction < 0.5:
        return mix_colours(low, middle, fraction * 2)
    return mix_colours(middle, high, fraction * 2 - 1)


def mix_colours(start: PlotColour, end: PlotColour, fraction: float) -> PlotColour:
    """The opaque colour a ``fraction`` of the way from one to another, mixed in sRGB."""
    low, high = hex_to_rgb(start.code), hex_to_rgb(end.code)
    red, green, blue = np.rint(low + (high - low) * fraction).astype(int).tolist()
    return PlotColour(f"#{red:02x}{green:02x}{blue:02x}")


def add_faithfulness_scale(chart: ChartSpec, unit: str) -> None:
    """Explain ``faithfulness_colour`` in the legend."""
    colours = [faithfulness_colour(chart, i / 8) for i in range(9)]
    chart.add_colour_ramp(f"1 and more: {unit}", "0 and less", colours)


def format_cell_value(value: float | None) -> str:
    """A number with two decimals; a dash where there is none."""
    return "–" if value is None else decimal_number(value, 2)
