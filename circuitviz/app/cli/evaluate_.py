"""``circuitviz evaluate``: the numbers of a circuit file, in its own setting or another."""

from __future__ import annotations

import argparse
from typing import Any

from circuitviz.app.cli.output import drive, number, say, show
from circuitviz.errors import InputError, suggest

MEASURES = ("faithfulness", "curve")


def run(given: argparse.Namespace) -> int:
    """Measure a circuit; returns the exit code."""
    wanted = [name.strip() for name in given.measures.split(",") if name.strip()]
    for name in wanted:
        if name not in MEASURES:
            raise InputError(
                f"There is no measure '{name}'; there is {', '.join(MEASURES)}." + suggest(name, MEASURES)
            )

    from circuitviz.app.cli.reopen import reopen
    from circuitviz.discovery import setting
    from circuitviz.evaluation import Bench, areas, check_graph, curve_steps

    document, where, model, task = reopen(given.circuit, given.device, say)
    state = document.state
    assert state.live is not None
    check_graph(model, state.live)
    bench = Bench(
        setting(model, task, given.metric or where.metric, given.ablation or where.ablation)
    )
    found = drive(bench.evaluate(state.live), "faithfulness")
    data: dict[str, Any] = found.as_dict()
    if "curve" in wanted:
        if state.scores is None:
            raise InputError(f"'{given.circuit}' holds no scores, so there is no curve to draw.")
        points = drive(curve_steps(bench, state.scores, "greedy"), "curve")
        data["curve"] = [point.as_dict() for point in points]
        data.update(areas(points, state.scores.graph.n_edges))

    def text() -> str:
        f = found.faithfulness
        lines = [
            f"faithfulness {number(f.value)}  [{number(f.low)}, {number(f.high)}]  95 % bootstrap interval"
            if f.value is not None
            else "faithfulness is undefined: the full and the ablated model do not differ",
            f"{found.metric}: circuit {number(found.circuit)}, model {number(found.model)}, "
            f"ablated {number(found.ablated)}",
            f"{found.edges:,} edges, {found.nodes} nodes; {found.ablation} ablation, "
            f"{found.prompts} prompts, seed {found.seed}",
        ]
        lines += [f"{p['edges']:>7,} edges  {number(p['value'])}" for p in data.get("curve", [])]
        return "\n".join(lines)

    return show(given, data, text)
