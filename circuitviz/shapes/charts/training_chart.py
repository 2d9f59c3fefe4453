"""The course of a training: one of its numbers against the step."""

from __future__ import annotations

from typing import Any

from circuitviz.number_text import rounded_number
from circuitviz.shapes.charts.chart_spec import ChartSpec, charts


@charts.register("course", summary="a number of a training against its step")
def draw_training(chart: ChartSpec, result: dict[str, Any]) -> None:
    """``steps`` and ``values``; ``what`` they are; ``least``: the range that is shown at least."""
    steps, values, what = result["steps"], result["values"], str(result["what"])
    chart.table_rows = [["step", what], *([a, b] for a, b in zip(steps, values, strict=True))]
    chart.set_axis_labels(what, "step")
    chart.draggable_axes = (False, False)
    chart.add_line(steps, values, chart.theme_colour("positive"))
    most, high = max(steps, default=1), 1.15 * max([*values, result["least"]])
    for i, (step, value) in enumerate(zip(steps, values, strict=True)):
        before, after = steps[max(0, i - 1)], steps[min(len(steps) - 1, i + 1)]
        tooltip = f"step {step:,}: {what} {rounded_number(value, 4)}"
        chart.add_hover_region(step, high / 2, (after - before) / 2 or 1.0, 2 * high, tooltip)
    chart.set_ranges(x=(0, most), padding=0.02)
    chart.set_ranges(y=(0, high))
