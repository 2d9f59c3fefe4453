"""Direct effects before and after an ablation: who steps in."""

from __future__ import annotations

from typing import Any

import numpy as np

from circuitviz.number_text import decimal_number, signed_number
from circuitviz.shapes.charts.chart_spec import ChartSpec, LineMark, charts

MAX_CHART_HEADS = 14


@charts.register("backup", summary="a before-after list of heads")
def draw_backup(chart: ChartSpec, result: dict[str, Any]) -> None:
    """A line from before (hollow) to after (full) for the heads that changed most."""
    heads = result["heads"]
    chart.table_rows = [["head", "before", "after", "change", "low", "high"]]
    for head in heads:
        change = head["change"]
        chart.table_rows.append(
            [head["node"], head["before"], head["after"], change["value"], change["low"], change["high"]]
        )
    most = sorted(heads, key=lambda head: -abs(head["after"] - head["before"]))[:MAX_CHART_HEADS]
    most.sort(key=lambda head: head["after"] - head["before"])
    metric = result["metric"]
    ablated = ", ".join(result["ablated"][:4]) + (" …" if len(result["ablated"]) > 4 else "")
    before, after = (decimal_number(metric[when], 2) for when in ("before", "after"))
    chart.set_axis_labels("", f"direct effect, with {ablated} out: {before} → {after}")
    chart.add_rule(chart.theme_colour("line"), x=0.0)
    for name, sign in (("rose", True), ("fell", False)):
        mine = [row for row, head in enumerate(most) if (head["change"]["value"] >= 0) is sign]
        _add_dumbbells(chart, most, mine, "positive" if sign else "negative", name)
    ends = [head[when] for head in most for when in ("before", "after")] or [0.0]
    span = max(ends) - min(ends) or 1.0
    for row, head in enumerate(most):
        change = head["change"]
        interval = (
            ""
            if change["low"] is None
            else f" [{signed_number(change['low'], 3)}, {signed_number(change['high'], 3)}]"
        )
        before, after = (decimal_number(head[when], 3) for when in ("before", "after"))
        text = f"{head['node']}: {before} → {after}, {signed_number(change['value'], 3)}{interval}"
        chart.add_hover_region((head["before"] + head["after"]) / 2, row, 4 * span, 1.0, text, head["node"])
    chart.axis_ticks["left"] = [(row, head["node"]) for row, head in enumerate(most)]
    chart.set_ranges(y=(-0.7, max(1, len(most)) - 0.3))
    chart.set_ranges(x=(min([0.0, *ends]), max([0.0, *ends])), padding=0.06)


def _add_dumbbells(
    chart: ChartSpec, heads: list[dict[str, Any]], rows: list[int], colour: str, legend_label: str
) -> None:
    """The rows of those that rose, or of those that fell."""
    if not rows:
        return
    ink, (before, after) = (
        chart.theme_colour(colour),
        ([heads[i][k] for i in rows] for k in ("before", "after")),
    )
    ends = np.array([((heads[i]["before"], i), (heads[i]["after"], i)) for i in rows], dtype=float)
    chart.marks.append(LineMark(ends, ink))
    chart.add_points(before, rows, chart.theme_colour("panel"), outline=ink, outline_px=1.5)
    chart.add_points(after, rows, ink)
    chart.add_legend_entry(f"{legend_label}: before", "ring", ink)
    chart.add_legend_entry("after", "o", ink)
