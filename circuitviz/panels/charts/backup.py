"""Direct effects before and after an ablation: who steps in."""

from __future__ import annotations

from typing import Any

import numpy as np

from circuitviz.panels.charts.sketch import Sketch, Strokes, charts

MOST = 14


@charts.register("backup", summary="a before-after list of heads")
def draw(sketch: Sketch, result: dict[str, Any]) -> None:
    """A line from before (hollow) to after (full) for the heads that changed most."""
    heads = result["heads"]
    sketch.rows = [["head", "before", "after", "change", "low", "high"]]
    for head in heads:
        change = head["change"]
        sketch.rows.append(
            [head["node"], head["before"], head["after"], change["value"], change["low"], change["high"]]
        )
    most = sorted(heads, key=lambda head: -abs(head["after"] - head["before"]))[:MOST]
    most.sort(key=lambda head: head["after"] - head["before"])
    metric = result["metric"]
    ablated = ", ".join(result["ablated"][:4]) + (" …" if len(result["ablated"]) > 4 else "")
    sketch.axes("", f"direct effect, with {ablated} out: {metric['before']:.2f} → {metric['after']:.2f}")
    sketch.rule(sketch.colour("line"), x=0.0)
    for name, sign in (("rose", True), ("fell", False)):
        mine = [row for row, head in enumerate(most) if (head["change"]["value"] >= 0) is sign]
        _dumbbells(sketch, most, mine, "positive" if sign else "negative", name)
    ends = [head[when] for head in most for when in ("before", "after")] or [0.0]
    span = max(ends) - min(ends) or 1.0
    for row, head in enumerate(most):
        change = head["change"]
        interval = "" if change["low"] is None else f" [{change['low']:+.3f}, {change['high']:+.3f}]"
        text = f"{head['node']}: {head['before']:.3f} → {head['after']:.3f}, {change['value']:+.3f}{interval}"
        sketch.spot((head["before"] + head["after"]) / 2, row, 4 * span, 1.0, text, head["node"])
    sketch.names["left"] = [(row, head["node"]) for row, head in enumerate(most)]
    sketch.span(y=(-0.7, max(1, len(most)) - 0.3))
    sketch.span(x=(min([0.0, *ends]), max([0.0, *ends])), padding=0.06)


def _dumbbells(sketch: Sketch, heads: list[dict[str, Any]], mine: list[int], colour: str, name: str) -> None:
    """The rows of those that rose, or of those that fell."""
    if not mine:
        return
    ink, (before, after) = sketch.colour(colour), ([heads[i][k] for i in mine] for k in ("before", "after"))
    ends = np.array([((heads[i]["before"], i), (heads[i]["after"], i)) for i in mine], dtype=float)
    sketch.marks.append(Strokes(ends, ink))
    sketch.dots(before, mine, sketch.colour("panel"), outline=ink, thick=1.5)
    sketch.dots(after, mine, ink)
    sketch.explain(f"{name}: before", "ring", ink)
    sketch.explain("after", "o", ink)
