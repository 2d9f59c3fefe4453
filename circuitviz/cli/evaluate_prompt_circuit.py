"""``circuitviz evaluate`` of a circuit of features: on its prompt, judged by its nodes."""

from __future__ import annotations

import argparse
from typing import Any

from circuitviz import evaluation, workbench
from circuitviz.cli.flags import options_from_flags
from circuitviz.cli.measure_tables import measure_table
from circuitviz.cli.open_task_document import open_prompt_experiment
from circuitviz.cli.output import (
    format_number,
    print_result,
    print_warning,
    run_with_progress_bar,
)
from circuitviz.document import Document, set_evaluation_setting
from circuitviz.errors import InputError, suggest_name
from circuitviz.graph import ERROR_MODES, OUTSIDE_VALUES

MAX_PATTERN_EFFECT = 0.1  # of faithfulness, between free and frozen patterns


def run(args: argparse.Namespace, document: Document, measure_names: list[str]) -> int:
    """Measure a document's circuit as it stands in its file; returns the exit code."""
    trial = _evaluation_request(args, document)
    session = open_prompt_experiment(args, document).session
    data: dict[str, Any] = run_with_progress_bar(
        workbench.evaluate_prompt_request(session, trial), "faithfulness"
    ).as_dict()
    subject = evaluation.FeatureMeasureInput(
        workbench.open_bench(session), trial.nodes, trial.interventions, trial.ablation, trial.errors
    )
    refused = evaluation.inapplicable_measures(evaluation.FEATURE_CIRCUITS)
    taken = [name for name in measure_names if name != "faithfulness" and name not in refused]
    for name in taken:
        options = options_from_flags(args, f"measure_{name}_")
        data[name] = run_with_progress_bar(evaluation.measure_steps(name, subject, **options), name).as_dict()
    for name in (name for name in measure_names if name in refused):
        print_warning(refused[name])
        data.setdefault("refused", {})[name] = refused[name]
    return print_result(
        args,
        data,
        lambda: "\n".join(
            [*_faithfulness_lines(data, not trial.query.contributors), *_measure_lines(taken, data)]
        ),
    )


def _evaluation_request(args: argparse.Namespace, document: Document) -> workbench.PromptEvaluationRequest:
    """The file's own setting, or another; InputError on what a circuit of features has not."""
    if args.task or args.metric:
        flag, value = ("--task", args.task) if args.task else ("--metric", args.metric)
        raise InputError(
            f"{flag} was given '{value}', but this circuit is of features on one prompt and judged by its "
            "own target; leave it out."
        )
    trial = workbench.PromptEvaluationRequest.from_state(document.state)
    if trial is None:
        raise InputError(f"'{args.circuit}' holds no circuit; find one with 'circuitviz local-circuit'.")
    ablation, errors = args.ablation or trial.ablation, args.errors or trial.errors
    there = [name for name in OUTSIDE_VALUES if name != "corrupted" or trial.query.corrupted]
    if ablation not in there:
        why = " (its prompt has no corrupted partner)" if ablation == "corrupted" else ""
        raise InputError(
            f"--ablation was given '{ablation}'; for this circuit{why} there is {', '.join(there)}."
            + suggest_name(ablation, there)
        )
    assert errors in ERROR_MODES
    found = workbench.PromptEvaluationRequest.from_state(
        set_evaluation_setting(ablation, errors).transform(document.state)
    )
    assert found is not None
    return found


def _faithfulness_lines(data: dict[str, Any], may_add_contributors: bool) -> list[str]:
    value, where, metric, target = (data[k] for k in ("faithfulness", "setting", "metric", "target"))
    mean = f" over {where['mean_of']}" if where["mean_of"] else ""
    lines = [
        f"faithfulness {format_number(value['value'])}  completeness {format_number(data['completeness'])}  "
        "one prompt, so no interval",
        *_frozen_lines(value["value"], data["frozen_faithfulness"], may_add_contributors),
        f"{where['metric']}: circuit {format_number(metric['circuit'])}, "
        f"model {format_number(metric['model'])}, ablated {format_number(metric['ablated'])}",
        f"{data['nodes']} nodes, {data['edges']:,} edges; {where['ablation']} ablation{mean}, errors "
        f"{where['errors']}",
    ]
    if target is not None:
        lines.append(
            f"with what was done to nodes, {target['name']} moves from {format_number(target['before'])}: "
            f"predicted {target['predicted']:+.3f}, frozen {target['frozen']:+.3f}, "
            f"free {target['free']:+.3f}"
        )
    return lines


def _frozen_lines(free: float | None, frozen: float | None, may_add_contributors: bool) -> list[str]:
    """What faithfulness is in runs whose heads attend as on the prompt, and why it differs."""
    if free is None or frozen is None:
        return []
    is_moved = abs(frozen - free) > MAX_PATTERN_EFFECT
    moves = "moves attention, which attribution holds" if is_moved else "hardly moves attention"
    reason = f"ablating what is outside the circuit {moves}"
    if is_moved and free < frozen and may_add_contributors:
        reason += "; local-circuit --contributors adds nodes that move it"
    return [
        f"attention free {format_number(free)}, frozen as on the prompt {format_number(frozen)}: {reason}"
    ]


def _measure_lines(names: list[str], data: dict[str, Any]) -> list[str]:
    return [line for name in names for line in ("", *measure_table(name, data))]
