"""``circuitviz evaluate``: the numbers of a circuit file, in its own setting or another."""

from __future__ import annotations

import argparse
from typing import Any

from circuitviz.cli.measure_tables import measure_table
from circuitviz.cli.output import format_number, print_message, print_result, run_with_progress_bar
from circuitviz.errors import InputError, suggest_name


def run(args: argparse.Namespace) -> int:
    """Measure a circuit; returns the exit code."""
    from circuitviz.evaluation import measures

    wanted = [name.strip() for name in args.measures.split(",") if name.strip()]
    known = ["faithfulness", *measures.names()]
    for name in wanted:
        if name not in known:
            raise InputError(
                f"There is no measure '{name}'; there is {', '.join(known)}." + suggest_name(name, known)
            )

    from circuitviz.cli.open_task_document import open_task_document, read_document
    from circuitviz.document.attribution_query import AttributionQuery

    document = read_document(args)
    if AttributionQuery.from_provenance(document.state.provenance) is not None:
        from circuitviz.cli.evaluate_prompt_circuit import run as run_features

        return run_features(args, document, wanted)
    if args.errors is not None:
        raise InputError(
            f"--errors was given '{args.errors}'; it is of circuits of features, and this one is of heads."
        )
    from circuitviz.discovery import make_setting
    from circuitviz.evaluation import MeasureInput, check_circuit_fits_model, make_bench, measure_steps

    opened = open_task_document(args, print_message, document)
    state, model = opened.document.state, opened.model
    assert state.live_circuit is not None
    check_circuit_fits_model(model, state.live_circuit)
    metric, ablation = args.metric or opened.metric, args.ablation or opened.ablation
    where = state.provenance
    options = {} if where is None else where.options
    bench = make_bench(make_setting(model, opened.task, metric, ablation), state.live_circuit.graph, options)
    subject = MeasureInput(
        bench, state.live_circuit, state.scores, opened.select, opened.requested_size, state.named_node_sets
    )
    changed = (
        make_bench(bench.setting, state.live_circuit.graph, options, allow_interventions=True)
        if state.active_interventions
        else bench
    )
    found = run_with_progress_bar(
        changed.evaluate(state.live_circuit, state.active_interventions), "faithfulness"
    )
    data: dict[str, Any] = found.as_dict()
    if state.active_interventions:
        data["changed"] = {name: what.to_json for name, what in sorted(state.active_interventions.items())}
        if wanted != ["faithfulness"]:
            print_message(
                "Only faithfulness is of changed nodes; other measures are of them as in the model."
            )
    for name in (name for name in wanted if name != "faithfulness"):
        result = run_with_progress_bar(
            measure_steps(name, subject, **_measure_options(args, name)), name
        ).as_dict()
        if name == "curve":  # its areas stand beside it
            data["curve"] = result.pop("points")
            data.update(result)
        else:
            data[name] = result

    def text() -> str:
        f = found.faithfulness
        lines = [
            f"faithfulness {format_number(f.value)}  {_interval_text(found.prompts, f.low, f.high)}"
            if f.value is not None
            else "faithfulness is undefined: the full and the ablated model do not differ",
            f"{found.metric}: circuit {format_number(found.circuit)}, model {format_number(found.model)}, "
            f"ablated {format_number(found.ablated)}",
            f"{found.edges:,} edges, {found.nodes} nodes; {found.ablation} ablation, "
            f"{found.prompts} prompts, seed {found.seed}",
        ]
        if state.active_interventions:
            lines.append(
                "; ".join(
                    f"{name} {what.description}" for name, what in sorted(state.active_interventions.items())
                )
            )
        for name in (name for name in wanted if name != "faithfulness"):
            lines += ["", *measure_table(name, data)]
        return "\n".join(lines)

    return print_result(args, data, text)


def _interval_text(prompts: int, low: float | None, high: float | None) -> str:
    if low is None:
        return "no interval: the task has one prompt" if prompts == 1 else "no interval"
    return f"[{format_number(low)}, {format_number(high)}]  95 % bootstrap interval"


def _measure_options(args: argparse.Namespace, measure: str) -> dict[str, object]:
    start = f"measure_{measure}_"
    return {
        name.removeprefix(start): value
        for name, value in vars(args).items()
        if name.startswith(start) and value is not None
    }
