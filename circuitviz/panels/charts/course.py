"""The course of a training: one of its numbers against the step."""

from __future__ import annotations

from typing import Any

from circuitviz.panels.charts.sketch import Sketch, charts


@charts.register("course", summary="a number of a training against its step")
def draw(sketch: Sketch, result: dict[str, Any]) -> None:
    """``steps`` and ``values``; ``what`` they are; ``least``: the range that is shown at least."""
    steps, values, what = result["steps"], result["values"], str(result["what"])
    sketch.rows = [["step", what], *([a, b] for a, b in zip(steps, values, strict=True))]
    sketch.axes(what, "step")
    sketch.moves = (False, False)
    sketch.line(steps, values, sketch.colour("positive"))
    most, high = max(steps, default=1), 1.15 * max([*values, result["least"]])
    for i, (step, value) in enumerate(zip(steps, values, strict=True)):
        before, after = steps[max(0, i - 1)], steps[min(len(steps) - 1, i + 1)]
        said = f"step {step:,}: {what} {value:.4g}"
        sketch.spot(step, high / 2, (after - before) / 2 or 1.0, 2 * high, said)
    sketch.span(x=(0, most), padding=0.02)
    sketch.span(y=(0, high))
