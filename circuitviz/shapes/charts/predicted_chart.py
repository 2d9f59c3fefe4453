"""Predicted against measured: each node a point, the diagonal where attribution is right."""

from __future__ import annotations

from typing import Any

from circuitviz.number_text import decimal_number, signed_number
from circuitviz.shapes.charts.chart_spec import ChartSpec, charts

HOVER_FRACTION = 0.03  # of the axes: how near the mouse has to be to a point


@charts.register("predicted", summary="a scatter with the diagonal")
def draw_predicted(chart: ChartSpec, result: dict[str, Any]) -> None:
    """``points``: node, predicted and measured change of the target."""
    points = result["points"]
    chart.table_rows = [["node", "predicted", "measured"]]
    chart.table_rows += [[p[k] for k in ("node", "predicted", "measured")] for p in points]
    chart.set_axis_labels(f"measured, {result['response']}", f"predicted change of {result['target']}")
    if not points:
        return
    x, y = ([p[k] for p in points] for k in ("predicted", "measured"))
    (left, right), (low, high) = _range_with_zero(x), _range_with_zero(y)
    ends = [min(left, low), max(right, high)]
    chart.add_rule(chart.theme_colour("line"), x=0.0)
    chart.add_rule(chart.theme_colour("line"), y=0.0)
    chart.add_line(ends, ends, chart.theme_colour("muted"), "as predicted", width_px=1.0, dashed=True)
    chart.add_points(
        x, y, chart.theme_colour("positive", 0.75), "a node", outline=chart.theme_colour("panel")
    )
    width, height = (HOVER_FRACTION * 2 * (b - a) for a, b in ((left, right), (low, high)))
    for point in points:
        predicted, measured = (signed_number(point[key], 4) for key in ("predicted", "measured"))
        text = f"{point['node']}: predicted {predicted}, measured {measured}"
        chart.add_hover_region(point["predicted"], point["measured"], width, height, text, point["node"])
    chart.set_ranges((left, right), (low, high), padding=0.06)
    if result["r"] is not None:
        chart.add_legend_note(f"r {decimal_number(result['r'], 3)}, {len(points)} nodes")


def _range_with_zero(values: list[float]) -> tuple[float, float]:
    """From the least to the greatest, with 0 among them and some width."""
    low, high = min(0.0, *values), max(0.0, *values)
    return (low, high) if high > low else (-1.0, 1.0)
