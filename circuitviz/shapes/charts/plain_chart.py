"""Charts of plain data: of measures and readings that describe their plot with ``circuitviz.plots``."""

from __future__ import annotations

from typing import Any, assert_never

import numpy as np

from circuitviz.number_text import rounded_number
from circuitviz.plots import BarPlot, HeatMapPlot, LinePlot, Plot, TablePlot
from circuitviz.shapes.charts.bar_rows import MAX_VISIBLE_BARS, add_bars
from circuitviz.shapes.charts.cell_matrix import MatrixCell, add_matrix
from circuitviz.shapes.charts.chart_spec import ChartSpec, PlotColour, charts
from circuitviz.shapes.heat_grid import HeatGrid, diverging_colours, rgb_to_hex

LINE_COLOURS = ("positive", "negative", "accent", "text", "muted")  # fields of the theme


@charts.register("plain", summary="bars, lines, a heat map or a table")
def draw_plain_chart(chart: ChartSpec, result: dict[str, Any]) -> None:
    """``plot``: one of ``circuitviz.plots``."""
    plot: Plot = result["plot"]
    chart.table_rows = plot.table()
    match plot:
        case BarPlot():
            _draw_bars(chart, plot)
        case LinePlot():
            _draw_lines(chart, plot)
        case HeatMapPlot():
            _draw_heat_map(chart, plot)
        case TablePlot():
            _draw_table(chart, plot)
        case _:
            assert_never(plot)


def _draw_bars(chart: ChartSpec, plot: BarPlot) -> None:
    chart.set_axis_labels("", plot.axis_label)
    none = [None] * len(plot.names)
    texts = [
        f"{name}: {rounded_number(value, 4)}" for name, value in zip(plot.names, plot.values, strict=True)
    ]
    low, high = list(plot.low or none), list(plot.high or none)
    add_bars(chart, plot.names, plot.values, low, high, texts, nodes=plot.nodes)


def _draw_lines(chart: ChartSpec, plot: LinePlot) -> None:
    chart.set_axis_labels(plot.y_label, plot.x_label)
    values = [float(y) for line in plot.lines.values() for y in line]
    if not values:
        return
    width, height = (float(np.ptp(ends)) or 1.0 for ends in (plot.x, values))
    for i, (name, line) in enumerate(plot.lines.items()):
        colour = chart.theme_colour(LINE_COLOURS[i % len(LINE_COLOURS)])
        chart.add_line(plot.x, line, colour, name)
        chart.add_points(plot.x, line, colour, size_px=5)
        for x, y in zip(plot.x, line, strict=True):
            chart.add_hover_region(x, y, width / 16, height / 8, f"{name} at {x:g}: {rounded_number(y, 4)}")
    chart.set_ranges((min(plot.x), max(plot.x)), (min(values), max(values)), padding=0.06)


def _draw_heat_map(chart: ChartSpec, plot: HeatMapPlot) -> None:
    grid = HeatGrid.from_plot(plot)
    colours = grid.cell_colours(chart.theme)
    cells: list[MatrixCell] = [
        (i, j, PlotColour(rgb_to_hex(colours[i, j])), rounded_number(grid.values[i, j], 3))
        for i, j in np.argwhere(np.isfinite(grid.values)).tolist()
    ]
    add_matrix(chart, plot.rows, plot.columns, cells)
    for i, j, _colour, _text in cells:
        nodes = [plot.nodes[i]] if plot.nodes and plot.nodes[i] else []
        chart.add_hover_region(j + 0.5, i + 0.5, 1.0, 1.0, grid.cell_description(i, j), *nodes)
    ends = diverging_colours(np.linspace(-1.0 if grid.is_signed else 0.0, 1.0, 9), chart.theme)
    start = rounded_number(-grid.scale_end, 3) if grid.is_signed else "0"
    chart.add_colour_ramp(
        f"{rounded_number(grid.scale_end, 3)}: {plot.unit}",
        start,
        [PlotColour(rgb_to_hex(code)) for code in ends],
    )


def _draw_table(chart: ChartSpec, plot: TablePlot) -> None:
    """The first column names the rows; of many rows the first are seen, dragging shows the others."""
    colour = chart.theme_colour("raised")
    cells = [
        (i, j, colour, _cell_text(cell)) for i, row in enumerate(plot.rows) for j, cell in enumerate(row[1:])
    ]
    add_matrix(chart, [str(row[0]) for row in plot.rows], plot.columns[1:], cells)
    n_columns = max(1, len(plot.columns) - 1)
    for i, row in enumerate(plot.rows):
        text = ", ".join(f"{name} {_cell_text(cell)}" for name, cell in zip(plot.columns, row, strict=True))
        chart.add_hover_region(n_columns / 2, i + 0.5, n_columns, 1.0, text)
    if len(plot.rows) > MAX_VISIBLE_BARS:
        chart.set_ranges(y=(0, MAX_VISIBLE_BARS))
        chart.draggable_axes = (False, True)


def _cell_text(cell: Any) -> str:
    return rounded_number(cell, 4) if isinstance(cell, float) else "–" if cell is None else str(cell)
