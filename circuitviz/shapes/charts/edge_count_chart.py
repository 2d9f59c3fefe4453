"""How many edges are enough: faithfulness against their number, and where the circuit stands."""

from __future__ import annotations

import math
from typing import Any

from circuitviz.shapes.charts.chart_spec import ChartSpec, charts
from circuitviz.shapes.charts.curve_chart import CURVE_TABLE_COLUMNS, add_faithfulness_line
from circuitviz.shapes.charts.log_ticks import log_ticks


@charts.register("amounts", summary="faithfulness against the number of edges")
def draw_edge_count(chart: ChartSpec, result: dict[str, Any]) -> None:
    """``points``: those of the curve; ``most``: edges there are; ``edges`` and ``value``: the circuit's."""
    points = [p for p in result["points"] if p["value"] is not None]
    chart.table_rows = [list(CURVE_TABLE_COLUMNS), *([p[k] for k in CURVE_TABLE_COLUMNS] for p in points)]
    chart.set_axis_labels("faithfulness", "edges")
    chart.axis_ticks["bottom"] = log_ticks(result["most"])
    chart.draggable_axes = (False, False)
    chart.set_ranges(y=(0.0, 1.05), padding=0.05)
    if points:
        add_faithfulness_line(chart, [math.log10(max(1, p["edges"])) for p in points], points)
    if result["edges"]:
        at, ink = math.log10(result["edges"]), chart.theme_colour("negative")
        chart.add_rule(ink, x=at, width_px=1.5, dashed=True)
        if result["value"] is not None:
            chart.add_points([at], [result["value"]], ink, size_px=9)
        chart.add_legend_entry("this circuit", "o" if result["value"] is not None else "dash", ink)
    chart.set_ranges(x=(0.0, math.log10(max(10, result["most"]))), padding=0.03)
