"""``circuitviz evaluate``: the numbers of a circuit file, in its own setting or another."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from circuitviz import evaluation, formats
from circuitviz.cli.available import measure_options
from circuitviz.cli.evaluate_prompt_circuit import run as run_features
from circuitviz.cli.flags import (
    add_device_flags,
    add_option_flags,
    add_other_model_and_task_flags,
    add_setting_flags,
    flag_value,
    options_from_flags,
)
from circuitviz.cli.measure_tables import measure_table
from circuitviz.cli.open_task_document import open_task_document, read_document
from circuitviz.cli.output import (
    describe_size,
    format_number,
    print_message,
    print_result,
    print_warning,
    run_with_progress_bar,
)
from circuitviz.document import Document
from circuitviz.document.sample import SAMPLE_TEXTS, sample_of
from circuitviz.document.verdict_card import VerdictCard, verdict_card
from circuitviz.dtypes import OFFLOAD_CHOICES, OFFLOAD_TOOL_TIP, default_offload, set_default_offload
from circuitviz.errors import InputError, suggest_name

SUMMARY = "measure a circuit"
OPENS_MODEL = True
RANDOM = "random"  # the measure that stands beside every faithfulness


def add_flags(parser: argparse.ArgumentParser, argv: list[str]) -> None:
    """Add the flags of ``evaluate`` and of the measures that are asked for."""
    parser.add_argument("circuit", type=Path, help="a file, or a reference's name")
    add_other_model_and_task_flags(parser)
    parser.add_argument(
        "--measures",
        default="faithfulness",
        help="with commas between them: faithfulness and what 'circuitviz list measures' names",
    )
    text = "judge the circuit by all its measurements, with a threshold each; measures what the file lacks"
    parser.add_argument("--card", action="store_true", help=text)
    text = "with --card: write the document with its measurements, so that they are not taken again"
    parser.add_argument("-o", "--output", type=Path, help=text)
    text = "leave out random circuits of the same size, which are otherwise measured beside the circuit"
    parser.add_argument("--no-random", action="store_true", help=text)
    add_setting_flags(parser)
    text = "of circuits of features: reconstruction errors of SAEs and transcoders, kept or dropped"
    parser.add_argument("--errors", choices=("kept", "dropped"), help=text)
    parser.add_argument("--offload", choices=OFFLOAD_CHOICES, help=OFFLOAD_TOOL_TIP)
    add_device_flags(parser, has_file=True)
    for name in flag_value(argv, "--measures", "faithfulness").split(","):
        measure = name.strip()
        add_option_flags(parser, measure_options(measure), f"measure_{measure}_", f"{measure}-")


def run(args: argparse.Namespace) -> int:
    """Measure a circuit; returns the exit code."""
    if args.offload is not None:
        args.closing.callback(set_default_offload, default_offload())
        set_default_offload(args.offload)
    wanted = [name.strip() for name in args.measures.split(",") if name.strip()]
    known = ["faithfulness", *evaluation.measures.names()]
    for name in wanted:
        if name not in known:
            raise InputError(
                f"There is no measure '{name}'; there is {', '.join(known)}." + suggest_name(name, known)
            )

    if args.output is not None and not args.card:
        raise InputError(
            f"-o was given '{args.output}' without --card, and only the measurements of a card are written "
            "to a file. Add --card, or print numbers with --json."
        )
    document = read_document(args)
    if args.card:
        _check_card_flags(args, document, wanted)
    if document.state.is_prompt_circuit:
        return run_features(args, document, wanted)
    if args.errors is not None:
        raise InputError(
            f"--errors was given '{args.errors}'; it is of circuits of features, and this one is of heads."
        )
    document, experiment = open_task_document(args, document)
    state, origin = document.state, document.state.origin
    circuit = state.live_circuit
    assert circuit is not None
    found = run_with_progress_bar(experiment.evaluate_state_steps(state), "faithfulness")
    subject = evaluation.MeasureInput(
        experiment.bench(circuit.graph, state.method_options),
        circuit,
        state.scores,
        "own" if origin is None else origin.select,
        None if origin is None else origin.requested,
        state.named_node_sets,
    )
    data: dict[str, Any] = found.as_dict()
    sample = sample_of(origin, ((pair.clean, pair.corrupted) for pair in experiment.task.pairs))
    data["setting"]["sample"] = sample
    if circuit.graph.spans is not None:
        data["component_edges"] = circuit.n_component_edges
    if state.active_interventions:
        data["changed"] = {name: what.to_json for name, what in sorted(state.active_interventions.items())}
        if wanted != ["faithfulness"]:
            print_message(
                "Only faithfulness is of changed nodes; other measures are of them as in the model."
            )
    if args.card:
        card = _complete_card(document, subject, data)
        if args.output is not None:
            formats.save_document(document, args.output)
            print_message(f"wrote {args.output}")
        return print_result(args, data | {"card": card.as_dict()}, lambda: card.text)
    if not args.no_random and RANDOM not in wanted:
        wanted.insert(0, RANDOM)
    for name in (name for name in wanted if name != "faithfulness"):
        result = run_with_progress_bar(
            evaluation.measure_steps(name, subject, **options_from_flags(args, f"measure_{name}_")), name
        ).as_dict()
        if name == "curve":  # its areas stand beside it
            data["curve"] = result.pop("points")
            data["curve_random"] = result.pop(RANDOM, [])
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
            f"{describe_size(circuit)}; {found.ablation} ablation, "
            f"{found.prompts} prompts, seed {found.seed}; {sample}: {SAMPLE_TEXTS[sample]}",
        ]
        if state.active_interventions:
            lines.append(
                "; ".join(
                    f"{name} {what.description}" for name, what in sorted(state.active_interventions.items())
                )
            )
        for name in (name for name in wanted if name != "faithfulness"):
            lines += [*([""] if name != RANDOM else []), *measure_table(name, data)]
        return "\n".join(lines)

    return print_result(args, data, text)


def _check_card_flags(args: argparse.Namespace, document: Document, measure_names: list[str]) -> None:
    """Refuse what has no card, other measures than a card's, and another setting than the file's."""
    if document.state.is_prompt_circuit:
        raise InputError(
            f"--card was given, and '{args.circuit}' is a circuit of features on one prompt; a card judges "
            "circuits on a task. Measure this one with --measures."
        )
    if measure_names != ["faithfulness"]:
        raise InputError(
            f"--card was given with --measures {args.measures}; a card takes its own measures. Leave out one "
            "of the two."
        )
    if args.no_random:
        raise InputError("--card was given with --no-random; a card compares with random circuits.")
    for flag in ("model", "task", "metric", "ablation"):
        if getattr(args, flag) is not None:
            raise InputError(
                f"--card was given with --{flag} {getattr(args, flag)}; a card judges in the setting "
                "of its file. Measure it there with --measures, or find it in that setting."
            )


def _complete_card(
    document: Document, subject: evaluation.MeasureInput, numbers: dict[str, Any]
) -> VerdictCard:
    """Measure what the card of a document waits for, with the options of a card, and judge."""
    key = document.state.measurement_key
    document.store_evaluation(key, numbers)
    refusals = {}
    for name in verdict_card(document).missing_measures:
        try:
            one = evaluation.card_measure(name, subject)
            steps = evaluation.measure_steps(name, one.measure_input, **one.options)
            result = one.as_dict(run_with_progress_bar(steps, name))
        except InputError as error:
            refusals[name] = str(error)
            continue
        document.store_measure(name, {"key": key, "options": one.options, "done": True, "result": result})
    for name, reason in refusals.items():
        print_warning(f"{name}: {reason}")
    return verdict_card(document)


def _interval_text(prompts: int, low: float | None, high: float | None) -> str:
    if low is None:
        return "no interval: the task has one prompt" if prompts == 1 else "no interval"
    return f"[{format_number(low)}, {format_number(high)}]  95 % bootstrap interval"
