"""Faithfulness against size of several methods: a line with its interval for each."""

from __future__ import annotations

import math
from typing import Any

from circuitviz.document.groups import GROUP_COLOURS
from circuitviz.number_text import decimal_number, interval_text
from circuitviz.scene.class_colours import colour_in_theme
from circuitviz.shapes.charts.chart_spec import ChartSpec, PlotColour, charts
from circuitviz.shapes.charts.curve_chart import CURVE_TABLE_COLUMNS, log_edges
from circuitviz.shapes.charts.log_ticks import log_ticks


@charts.register("sweep-curves", summary="a curve for each method of a sweep")
def draw_sweep_curves(chart: ChartSpec, result: dict[str, Any]) -> None:
    """``lines``, each with its ``label`` and ``points``; 1 is the whole model.

    Where there are more lines than colours, those that repeat a colour are dashed.
    """
    chart.table_rows = [["method", *CURVE_TABLE_COLUMNS]]
    chart.set_axis_labels("faithfulness", "edges asked for")
    chart.add_rule(chart.theme_colour("line"), y=1.0)
    values, places = [0.0, 1.05], []
    for number, line in enumerate(result["lines"]):
        points = [point for point in line["points"] if point["value"] is not None]
        chart.table_rows += [[line["label"], *(p[key] for key in CURVE_TABLE_COLUMNS)] for p in points]
        if not points:
            continue
        code = colour_in_theme(GROUP_COLOURS[number % len(GROUP_COLOURS)], chart.theme)
        x = [log_edges(point) for point in points]
        y = [point["value"] for point in points]
        low, high = ([p["value"] if p[key] is None else p[key] for p in points] for key in ("low", "high"))
        chart.add_band(x, low, high, PlotColour(code, 0.12))
        is_repeated = number >= len(GROUP_COLOURS)
        if len(points) > 1:
            chart.add_line(x, y, PlotColour(code), line["label"], dashed=is_repeated)
        chart.add_points(x, y, PlotColour(code), "" if len(points) > 1 else line["label"], size_px=5)
        values += [*low, *high]
        places += x
    if places:
        reach = (max(places) - min(places)) / 16 or 1.0
        for method, asked, edges, value, low, high in chart.table_rows[1:]:
            interval = "" if low is None else f" {interval_text(low, high, 3)}"
            text = f"{method}, {edges:,} edges: {decimal_number(value, 3)}{interval}"
            chart.add_hover_region(math.log10(max(1, asked)), value, reach, 0.05, text)
        chart.axis_ticks["bottom"] = log_ticks(10 ** max(places))
        chart.set_ranges(x=(min(places), max(places)), padding=0.04)
    chart.set_ranges(y=(min(values), max(values)), padding=0.05)
