"""The course of a training: one of its numbers against the step, of each dictionary that is trained."""

from __future__ import annotations

from typing import Any

from circuitviz.number_text import rounded_number
from circuitviz.shapes.charts.chart_spec import ChartSpec, charts

MAX_NAMED_CURVES = 4


@charts.register("course", summary="a number of a training against its step")
def draw_training(chart: ChartSpec, result: dict[str, Any]) -> None:
    """``curves``: steps and values by name; ``what`` they are; ``least``: the least range that is shown."""
    curves, what = result["curves"], str(result["what"])
    chart.table_rows = [["step", what]] if len(curves) == 1 else [["site", "step", what]]
    chart.set_axis_labels(what, "step")
    chart.draggable_axes = (False, False)
    values = [value for _, one in curves.values() for value in one]
    most, high = (
        max((steps[-1] for steps, _ in curves.values()), default=1),
        1.15 * max([*values, result["least"]]),
    )
    for number, (name, (steps, of_curve)) in enumerate(curves.items()):
        is_only = len(curves) == 1
        opacity = 1.0 if is_only else 1 - 0.65 * number / (len(curves) - 1)
        colour = chart.theme_colour("positive", opacity)
        chart.add_line(steps, of_curve, colour)
        if 1 < len(curves) <= MAX_NAMED_CURVES:
            chart.add_legend_entry(name, "line", colour)
        for i, (step, value) in enumerate(zip(steps, of_curve, strict=True)):
            chart.table_rows.append([step, value] if is_only else [name, step, value])
            if not is_only and (number or len(curves) > MAX_NAMED_CURVES):
                continue
            before, after = steps[max(0, i - 1)], steps[min(len(steps) - 1, i + 1)]
            values_there = [
                f"{'' if is_only else other + ': '}{rounded_number(one[i], 4)}"
                for other, (_, one) in curves.items()
                if i < len(one)
            ]
            tooltip = f"step {step:,}: {what} {', '.join(values_there)}"
            chart.add_hover_region(step, high / 2, (after - before) / 2 or 1.0, 2 * high, tooltip)
    chart.set_ranges(x=(0, most), padding=0.02)
    chart.set_ranges(y=(0, high))
