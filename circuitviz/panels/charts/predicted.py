"""Predicted against measured: each node a point, the diagonal where attribution is right."""

from __future__ import annotations

from typing import Any

from circuitviz.panels.charts.sketch import Sketch, charts

REACH = 0.03  # of the axes: how near the mouse has to be to a point


@charts.register("predicted", summary="a scatter with the diagonal")
def draw(sketch: Sketch, result: dict[str, Any]) -> None:
    """``points``: node, predicted and measured change of the target."""
    points = result["points"]
    sketch.rows = [["node", "predicted", "measured"]]
    sketch.rows += [[p[k] for k in ("node", "predicted", "measured")] for p in points]
    sketch.axes(f"measured, {result['response']}", f"predicted change of {result['target']}")
    if not points:
        return
    x, y = ([p[k] for p in points] for k in ("predicted", "measured"))
    (left, right), (low, high) = _range(x), _range(y)
    ends = [min(left, low), max(right, high)]
    for zero in ({"x": 0.0}, {"y": 0.0}):
        sketch.rule(sketch.colour("line"), **zero)
    sketch.line(ends, ends, sketch.colour("muted"), "as predicted", width=1.0, dashed=True)
    sketch.dots(x, y, sketch.colour("positive", 0.75), "a node", outline=sketch.colour("panel"))
    width, height = (REACH * 2 * (b - a) for a, b in ((left, right), (low, high)))
    for point in points:
        text = f"{point['node']}: predicted {point['predicted']:+.4f}, measured {point['measured']:+.4f}"
        sketch.spot(point["predicted"], point["measured"], width, height, text, point["node"])
    sketch.span((left, right), (low, high), padding=0.06)
    if result["r"] is not None:
        sketch.say(f"r {result['r']:.3f}, {len(points)} nodes")


def _range(values: list[float]) -> tuple[float, float]:
    """From the least to the greatest, with 0 among them and some width."""
    low, high = min(0.0, *values), max(0.0, *values)
    return (low, high) if high > low else (-1.0, 1.0)
