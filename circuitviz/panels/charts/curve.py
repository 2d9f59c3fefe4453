"""Faithfulness against size, with its interval as a band."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from circuitviz.panels.charts.logarithmic import sizes_up_to
from circuitviz.panels.charts.sketch import Sketch, charts
from circuitviz.session.curve_areas import describe_areas

KEYS = ("asked", "edges", "value", "low", "high")


@charts.register("curve", summary="the curve with its band")
def draw(sketch: Sketch, result: dict[str, Any]) -> None:
    """A line over the number of edges, on a logarithmic scale; 1 is the whole model."""
    points = [p for p in result["points"] if p["value"] is not None]
    sketch.rows = [list(KEYS), *([p[k] for k in KEYS] for p in points)]
    sketch.axes("faithfulness", "edges asked for")
    if not points:
        return
    x = [math.log10(max(1, p["asked"])) for p in points]
    banded(sketch, x, points)
    if "cpr" in result:
        for text in describe_areas(result):
            sketch.say(text)
    sketch.names["bottom"] = sizes_up_to(max(1, points[-1]["asked"]))
    sketch.span(x=(x[0], x[-1]), padding=0.04)


def banded(sketch: Sketch, x: Sequence[float], points: Sequence[dict[str, Any]]) -> None:
    """Faithfulness over x with its interval, a line at 1, and what each point says."""
    y = [p["value"] for p in points]
    low, high = ([p["value"] if p[k] is None else p[k] for p in points] for k in ("low", "high"))
    sketch.band(x, low, high, sketch.colour("positive", 0.18), "95 % interval")
    sketch.rule(sketch.colour("line"), y=1.0)
    sketch.line(x, y, sketch.colour("positive"), "faithfulness; 1 is the whole model")
    sketch.dots(x, y, sketch.colour("positive"), size=6)
    reach = (max(x) - min(x)) / 16 or 1.0
    for at, p in zip(x, points, strict=True):
        text = f"{p['edges']:,} edges: {p['value']:.3f}"
        if p["low"] is not None:
            text += f" [{p['low']:.3f}, {p['high']:.3f}]"
        sketch.spot(at, p["value"], reach, 0.2, text)
    sketch.span(y=(min(0.0, *low), max(1.05, *high)), padding=0.05)
