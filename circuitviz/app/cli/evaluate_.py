"""``circuitviz evaluate``: the numbers of a circuit file, in its own setting or another."""

from __future__ import annotations

import argparse
from typing import Any

from circuitviz.app.cli.output import drive, number, say, show
from circuitviz.app.cli.tables import table
from circuitviz.errors import InputError, suggest


def run(given: argparse.Namespace) -> int:
    """Measure a circuit; returns the exit code."""
    from circuitviz.evaluation import measures

    wanted = [name.strip() for name in given.measures.split(",") if name.strip()]
    known = ["faithfulness", *measures.names()]
    for name in wanted:
        if name not in known:
            raise InputError(
                f"There is no measure '{name}'; there is {', '.join(known)}." + suggest(name, known)
            )

    from circuitviz.app.cli.reopen import read, reopen
    from circuitviz.session.question import Question

    document = read(given)
    if Question.of(document.state.provenance) is not None:
        from circuitviz.app.cli.evaluate_features import run as run_features

        return run_features(given, document, wanted)
    if given.errors is not None:
        raise InputError(
            f"--errors was given '{given.errors}'; it is of circuits of features, and this one is of heads."
        )
    from circuitviz.discovery import setting
    from circuitviz.evaluation import Subject, bench_of, check_graph, measure_steps

    opened = reopen(given, say, document)
    state, model = opened.document.state, opened.model
    assert state.live is not None
    check_graph(model, state.live)
    metric, ablation = given.metric or opened.metric, given.ablation or opened.ablation
    where = state.provenance
    options = {} if where is None else where.options
    bench = bench_of(setting(model, opened.task, metric, ablation), state.live.graph, options)
    subject = Subject(bench, state.live, state.scores, opened.select, opened.asked, state.sets)
    changed = bench_of(bench.setting, state.live.graph, options, free=True) if state.changed else bench
    found = drive(changed.evaluate(state.live, state.changed), "faithfulness")
    data: dict[str, Any] = found.as_dict()
    if state.changed:
        data["changed"] = {name: what.identity for name, what in sorted(state.changed.items())}
        if wanted != ["faithfulness"]:
            say("Only faithfulness is of changed nodes; other measures are of them as in the model.")
    for name in (name for name in wanted if name != "faithfulness"):
        result = drive(measure_steps(name, subject, **_options(given, name)), name).as_dict()
        if name == "curve":  # its areas stand beside it
            data["curve"] = result.pop("points")
            data.update(result)
        else:
            data[name] = result

    def text() -> str:
        f = found.faithfulness
        lines = [
            f"faithfulness {number(f.value)}  {_interval(found.prompts, f.low, f.high)}"
            if f.value is not None
            else "faithfulness is undefined: the full and the ablated model do not differ",
            f"{found.metric}: circuit {number(found.circuit)}, model {number(found.model)}, "
            f"ablated {number(found.ablated)}",
            f"{found.edges:,} edges, {found.nodes} nodes; {found.ablation} ablation, "
            f"{found.prompts} prompts, seed {found.seed}",
        ]
        if state.changed:
            lines.append("; ".join(f"{name} {what.text}" for name, what in sorted(state.changed.items())))
        for name in (name for name in wanted if name != "faithfulness"):
            lines += ["", *table(name, data)]
        return "\n".join(lines)

    return show(given, data, text)


def _interval(prompts: int, low: float | None, high: float | None) -> str:
    if low is None:
        return "no interval: the task has one prompt" if prompts == 1 else "no interval"
    return f"[{number(low)}, {number(high)}]  95 % bootstrap interval"


def _options(given: argparse.Namespace, measure: str) -> dict[str, object]:
    start = f"measure_{measure}_"
    return {
        name.removeprefix(start): value
        for name, value in vars(given).items()
        if name.startswith(start) and value is not None
    }
