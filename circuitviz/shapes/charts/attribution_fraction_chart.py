"""How much of a target's value the kept leaves explain, against the threshold that keeps them."""

from __future__ import annotations

import math
from typing import Any

from circuitviz.number_text import decimal_number, rounded_number
from circuitviz.shapes.charts.chart_spec import ChartSpec, charts


@charts.register("fraction", summary="attribution fraction against threshold")
def draw_attribution_fraction(chart: ChartSpec, result: dict[str, Any]) -> None:
    """``points``: tau, nodes, fraction; ``tau``: where the circuit stands now, or None."""
    points = result["points"]
    chart.table_rows = [["tau", "nodes", "fraction"], *([p.tau, p.n_nodes, p.fraction] for p in points)]
    chart.set_axis_labels("attribution fraction", "threshold τ")
    chart.draggable_axes = (False, False)
    if not points:
        return
    x, y = [math.log10(p.tau) for p in points], [p.fraction for p in points]
    low, high = min(0.0, *y), max(1.05, *y)
    chart.add_rule(chart.theme_colour("line"), y=1.0)
    chart.add_line(x, y, chart.theme_colour("positive"), "fraction")
    chart.add_points(x, y, chart.theme_colour("positive"), size_px=5)
    first, last = math.floor(min(x)), math.ceil(max(x))
    chart.axis_ticks["bottom"] = [(float(at), f"{10.0**at:g}") for at in range(first, last + 1)]
    if result["tau"]:
        ink = chart.theme_colour("negative")
        chart.add_rule(ink, x=math.log10(result["tau"]), width_px=1.5, dashed=True)
        chart.add_legend_entry(f"τ of this circuit, {rounded_number(result['tau'], 3)}", "dash", ink)
    for i, p in enumerate(points):
        text = f"τ {rounded_number(p.tau, 3)}: {p.n_nodes:,} nodes, fraction {decimal_number(p.fraction, 3)}"
        chart.add_hover_region(x[i], y[i], (max(x) - min(x)) / 16 or 1.0, (high - low) / 3, text)
    chart.set_ranges(y=(low, high), padding=0.05)
    chart.set_ranges(x=(min(x), max(x)), padding=0.04)
