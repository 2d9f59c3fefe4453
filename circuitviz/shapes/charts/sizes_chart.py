"""Faithfulness and completeness of features against the number of nodes, as two lines."""

from __future__ import annotations

import math
from typing import Any

from circuitviz.number_text import decimal_number
from circuitviz.shapes.charts.chart_spec import ChartSpec, charts
from circuitviz.shapes.charts.log_ticks import log_ticks

STYLE_OF_LINE = {
    "faithfulness": ("positive", "faithfulness: the circuit", "o"),
    "completeness": ("negative", "completeness: the rest", "s"),
}


@charts.register("sizes", summary="two lines over the number of nodes")
def draw_sizes(chart: ChartSpec, result: dict[str, Any]) -> None:
    """The number of nodes on a logarithmic scale; 1 is the whole model, 0 everything ablated."""
    points = result["points"]
    keys = ("nodes", "last", "faithfulness", "completeness")
    chart.table_rows = [list(keys), *([point[k] for k in keys] for point in points)]
    chart.set_axis_labels("share of the target", f"strongest nodes, {result['ablation']} ablation")
    if not points:
        return
    every = [point[name] for point in points for name in STYLE_OF_LINE if point[name] is not None]
    low, high = min([0.0, *every]), max([1.0, *every])
    for level in (0.0, 1.0):
        chart.add_rule(chart.theme_colour("line"), y=level)
    reach = math.log10(points[-1]["nodes"]) / 16 or 0.1
    for name, (colour, title, symbol) in STYLE_OF_LINE.items():
        there = [(math.log10(p["nodes"]), p[name], p) for p in points if p[name] is not None]
        if not there:
            continue
        x, y = [t[0] for t in there], [t[1] for t in there]
        chart.add_line(x, y, chart.theme_colour(colour))
        chart.add_points(x, y, chart.theme_colour(colour), title, size_px=6, symbol=symbol)
        for at, value, point in there:
            text = f"{point['nodes']} nodes, down to {point['last']}: {name} {decimal_number(value, 3)}"
            chart.add_hover_region(at, value, reach, (high - low) / 12, text, point["last"])
    chart.axis_ticks["bottom"] = log_ticks(points[-1]["nodes"])
    chart.set_ranges(y=(low, high), padding=0.1)
    chart.set_ranges(x=(0, math.log10(points[-1]["nodes"]) or 0.1), padding=0.05)
