"""Whether a feature's strongest examples are explained alike: activation against similarity of circuits."""

from __future__ import annotations

from typing import Any

import numpy as np

from circuitviz.number_text import decimal_number
from circuitviz.shapes.charts.chart_spec import ChartSpec, charts


@charts.register("trace-scatter", summary="activation against the mean similarity of circuits")
def draw_trace_scatter(chart: ChartSpec, result: dict[str, Any]) -> None:
    """A point an example, which a click stands for as ``example:NUMBER``; the line is the least squares'."""
    x, y = np.array(result["activations"]), np.array(result["similarities"])
    chart.table_rows = [["example", "activation", "mean_similarity", "text"]]
    points = zip(x.tolist(), y.tolist(), result["texts"], strict=True)
    chart.table_rows += [[number, *point] for number, point in enumerate(points, start=1)]
    chart.set_axis_labels("mean similarity", f"activation of {result['target']}")
    if not len(x):
        return
    wide, high = float(np.ptp(x)) or 1.0, float(np.ptp(y)) or 0.1
    if result["correlation"] is not None:
        slope, start = np.polyfit(x, y, 1)
        ends = np.array([x.min(), x.max()])
        chart.add_line(
            ends, slope * ends + start, chart.theme_colour("muted", 0.7), "least squares", width_px=1.5
        )
    chart.add_points(x, y, chart.theme_colour("positive", 0.8), "an example", size_px=9)
    for i, text in enumerate(result["texts"]):
        values = f"activation {decimal_number(x[i], 2)}, mean similarity {decimal_number(y[i], 3)}"
        tooltip = f"{i + 1}: {values}  {text}"
        chart.add_hover_region(x[i], y[i], 0.05 * wide, 0.09 * high, tooltip, f"example:{i}")
    chart.set_ranges(x=(float(x.min()), float(x.max()) or 1.0), padding=0.06)
    chart.set_ranges(y=(float(y.min()), float(y.min()) + high), padding=0.1)
