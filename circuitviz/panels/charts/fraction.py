"""How much of a target's value the kept leaves explain, against the threshold that keeps them."""

from __future__ import annotations

import math
from typing import Any

from circuitviz.panels.charts.sketch import Sketch, charts


@charts.register("fraction", summary="attribution fraction against threshold")
def draw(sketch: Sketch, result: dict[str, Any]) -> None:
    """``points``: tau, nodes, fraction; ``tau``: where the circuit stands now, or None."""
    points = result["points"]
    sketch.rows = [["tau", "nodes", "fraction"], *([p.tau, p.nodes, p.fraction] for p in points)]
    sketch.axes("attribution fraction", "threshold τ")
    sketch.moves = (False, False)
    if not points:
        return
    x, y = [math.log10(p.tau) for p in points], [p.fraction for p in points]
    low, high = min(0.0, *y), max(1.05, *y)
    sketch.rule(sketch.colour("line"), y=1.0)
    sketch.line(x, y, sketch.colour("positive"), "fraction")
    sketch.dots(x, y, sketch.colour("positive"), size=5)
    first, last = math.floor(min(x)), math.ceil(max(x))
    sketch.names["bottom"] = [(float(at), f"{10.0**at:g}") for at in range(first, last + 1)]
    if result["tau"]:
        ink = sketch.colour("negative")
        sketch.rule(ink, x=math.log10(result["tau"]), width=1.5, dashed=True)
        sketch.explain(f"τ of this circuit, {result['tau']:.3g}", "dash", ink)
    for i, p in enumerate(points):
        said = f"τ {p.tau:.3g}: {p.nodes:,} nodes, fraction {p.fraction:.3f}"
        sketch.spot(x[i], y[i], (max(x) - min(x)) / 16 or 1.0, (high - low) / 3, said)
    sketch.span(y=(low, high), padding=0.05)
    sketch.span(x=(min(x), max(x)), padding=0.04)
