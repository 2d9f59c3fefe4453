"""Faithfulness of a ranking's circuit against the step of its training."""

from __future__ import annotations

from typing import Any

from circuitviz.shapes.charts.chart_spec import ChartSpec, charts
from circuitviz.shapes.charts.curve_chart import add_faithfulness_line

COURSE_TABLE_COLUMNS = ("step", "edges", "prompts", "value", "low", "high")


@charts.register("ranking-course", summary="faithfulness while a ranking was trained")
def draw_ranking_course(chart: ChartSpec, result: dict[str, Any]) -> None:
    """``points``, each of a step; 1 is the whole model."""
    points = [point for point in result["points"] if point["value"] is not None]
    chart.table_rows = [list(COURSE_TABLE_COLUMNS)]
    chart.table_rows += [[point[key] for key in COURSE_TABLE_COLUMNS] for point in points]
    chart.set_axis_labels("faithfulness", "step")
    chart.draggable_axes = (False, False)
    if not points:
        return
    steps = [point["step"] for point in points]
    add_faithfulness_line(chart, steps, points, is_named=False)  # the panel says what it is, in less room
    chart.set_ranges(x=(0, steps[-1]), padding=0.04)
