"""Faithfulness and completeness of features against the number of nodes, as two lines."""

from __future__ import annotations

import math
from typing import Any

from circuitviz.panels.charts.logarithmic import sizes_up_to
from circuitviz.panels.charts.sketch import Sketch, charts

LINES = {
    "faithfulness": ("positive", "faithfulness: the circuit", "o"),
    "completeness": ("negative", "completeness: the rest", "s"),
}


@charts.register("sizes", summary="two lines over the number of nodes")
def draw(sketch: Sketch, result: dict[str, Any]) -> None:
    """The number of nodes on a logarithmic scale; 1 is the whole model, 0 everything ablated."""
    points = result["points"]
    keys = ("nodes", "last", "faithfulness", "completeness")
    sketch.rows = [list(keys), *([point[k] for k in keys] for point in points)]
    sketch.axes("share of the target", f"strongest nodes, {result['ablation']} ablation")
    if not points:
        return
    every = [point[name] for point in points for name in LINES if point[name] is not None]
    low, high = min([0.0, *every]), max([1.0, *every])
    for level in (0.0, 1.0):
        sketch.rule(sketch.colour("line"), y=level)
    reach = math.log10(points[-1]["nodes"]) / 16 or 0.1
    for name, (colour, title, symbol) in LINES.items():
        there = [(math.log10(p["nodes"]), p[name], p) for p in points if p[name] is not None]
        if not there:
            continue
        x, y = [t[0] for t in there], [t[1] for t in there]
        sketch.line(x, y, sketch.colour(colour))
        sketch.dots(x, y, sketch.colour(colour), title, size=6, symbol=symbol)
        for at, value, point in there:
            text = f"{point['nodes']} nodes, down to {point['last']}: {name} {value:.3f}"
            sketch.spot(at, value, reach, (high - low) / 12, text, point["last"])
    sketch.names["bottom"] = sizes_up_to(points[-1]["nodes"])
    sketch.span(y=(low, high), padding=0.1)
    sketch.span(x=(0, math.log10(points[-1]["nodes"]) or 0.1), padding=0.05)
