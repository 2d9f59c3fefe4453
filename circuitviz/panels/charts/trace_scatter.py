"""Whether a feature's strongest examples are explained alike: activation against similarity of circuits."""

from __future__ import annotations

from typing import Any

import numpy as np

from circuitviz.panels.charts.sketch import Sketch, charts


@charts.register("trace-scatter", summary="activation against the mean similarity of circuits")
def draw(sketch: Sketch, result: dict[str, Any]) -> None:
    """A point an example, which a click stands for as ``example:NUMBER``; the line is the least squares'."""
    x, y = np.array(result["activations"]), np.array(result["similarities"])
    sketch.rows = [["example", "activation", "mean_similarity", "text"]]
    points = zip(x.tolist(), y.tolist(), result["texts"], strict=True)
    sketch.rows += [[number, *point] for number, point in enumerate(points, start=1)]
    sketch.axes("mean similarity", f"activation of {result['target']}")
    if not len(x):
        return
    wide, high = float(np.ptp(x)) or 1.0, float(np.ptp(y)) or 0.1
    if result["correlation"] is not None:
        slope, start = np.polyfit(x, y, 1)
        ends = np.array([x.min(), x.max()])
        sketch.line(ends, slope * ends + start, sketch.colour("muted", 0.7), "least squares", width=1.5)
    sketch.dots(x, y, sketch.colour("positive", 0.8), "an example", size=9)
    for i, text in enumerate(result["texts"]):
        told = f"{i + 1}: activation {x[i]:.2f}, mean similarity {y[i]:.3f}  {text}"
        sketch.spot(x[i], y[i], 0.05 * wide, 0.09 * high, told, f"example:{i}")
    sketch.span(x=(float(x.min()), float(x.max()) or 1.0), padding=0.06)
    sketch.span(y=(float(y.min()), float(y.min()) + high), padding=0.1)
