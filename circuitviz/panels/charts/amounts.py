"""How many edges are enough: faithfulness against their number, and where the circuit stands."""

from __future__ import annotations

import math
from typing import Any

from circuitviz.panels.charts.curve import KEYS, banded
from circuitviz.panels.charts.logarithmic import sizes_up_to
from circuitviz.panels.charts.sketch import Sketch, charts


@charts.register("amounts", summary="faithfulness against the number of edges")
def draw(sketch: Sketch, result: dict[str, Any]) -> None:
    """``points``: those of the curve; ``most``: edges there are; ``edges`` and ``value``: the circuit's."""
    points = [p for p in result["points"] if p["value"] is not None]
    sketch.rows = [list(KEYS), *([p[k] for k in KEYS] for p in points)]
    sketch.axes("faithfulness", "edges")
    sketch.names["bottom"] = sizes_up_to(result["most"])
    sketch.moves = (False, False)
    sketch.span(y=(0.0, 1.05), padding=0.05)
    if points:
        banded(sketch, [math.log10(max(1, p["edges"])) for p in points], points)
    if result["edges"]:
        at, ink = math.log10(result["edges"]), sketch.colour("negative")
        sketch.rule(ink, x=at, width=1.5, dashed=True)
        if result["value"] is not None:
            sketch.dots([at], [result["value"]], ink, size=9)
        sketch.explain("this circuit", "o" if result["value"] is not None else "dash", ink)
    sketch.span(x=(0.0, math.log10(max(10, result["most"]))), padding=0.03)
