"""Every head's score in every role's test: a strip a role, a cell a head."""

from __future__ import annotations

from typing import Any

import numpy as np

from circuitviz.evaluation import roles
from circuitviz.number_text import decimal_number
from circuitviz.shapes.charts.chart_spec import ChartSpec, RectMark, charts


@charts.register("roles", summary="a heat map of heads by role")
def draw_roles(chart: ChartSpec, result: dict[str, Any]) -> None:
    """Rows: roles; columns: heads, layer by layer. More colour: nearer to the role's highest score."""
    results_by_role = result["roles"]
    heads = list(next(iter(results_by_role.values()))["scores"]) if results_by_role else []
    chart.table_rows = [["role", "head", "score", "percentile"]]
    sides, colours = [], []
    for y, found in enumerate(results_by_role.values()):
        scores = found["scores"]
        most = max((abs(v) for v in scores.values() if v is not None), default=0.0) or 1.0
        for x, head in enumerate(heads):
            value, rank = scores[head], roles.head_percentile(scores, head)
            chart.table_rows.append([found["role"], head, value, rank])
            tooltip = f"{found['role']}, {head}: "
            tooltip += "not defined" if value is None else f"{decimal_number(value, 3)} {found['unit']}"
            tooltip += "" if rank is None else f", percentile {decimal_number(rank, 0)}"
            chart.add_hover_region(x + 0.5, y + 0.5, 1.0, 1.0, tooltip, head)
            if value is not None:
                sides.append((x + 0.04, y + 0.08, x + 0.96, y + 0.92))
                colours.append(
                    chart.theme_colour("positive" if value >= 0 else "negative", abs(value) / most)
                )
    if sides:
        chart.marks.append(RectMark(np.array(sides), colours))
    layers = dict.fromkeys(head.partition(".")[0] for head in heads)
    starts = [(next(i for i, h in enumerate(heads) if h.startswith(f"{name}.")), name) for name in layers]
    for at, _ in starts[1:]:
        chart.add_rule(chart.theme_colour("line"), x=at)
    after = [*(at for at, _ in starts[1:]), *([len(heads)] if starts else [])]
    chart.axis_ticks["bottom"] = [
        ((at + end) / 2, name) for (at, name), end in zip(starts, after, strict=True)
    ]
    chart.axis_ticks["left"] = [(y + 0.5, found["role"]) for y, found in enumerate(results_by_role.values())]
    chart.is_y_upwards, chart.draggable_axes = False, (False, False)
    chart.set_ranges((0, max(1, len(heads))), (0, max(1, len(results_by_role))))
    ends = [chart.theme_colour(name) for name in ("negative", "panel", "positive")]
    chart.add_colour_ramp("1: the role's highest score", "−1", ends)
