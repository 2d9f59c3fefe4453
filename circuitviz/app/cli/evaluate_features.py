"""``circuitviz evaluate`` of a circuit of features: on its prompt, judged by its nodes."""

from __future__ import annotations

import argparse
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from circuitviz.app.cli.output import drive, number, say, show
from circuitviz.app.cli.tables import table
from circuitviz.errors import InputError, suggest
from circuitviz.progress import finish

if TYPE_CHECKING:
    from circuitviz.session import Document, Trial
    from circuitviz.session.prompted import Prompted


def run(given: argparse.Namespace, document: Document, wanted: list[str]) -> int:
    """Measure a document's circuit as it stands in its file; returns the exit code."""
    from circuitviz.evaluation import FEATURES, FeatureSubject, measure_steps, measures_of
    from circuitviz.session import measure_trial
    from circuitviz.session.causal import bench_of

    trial = _trial(given, document)
    opened = _opened(given, document, trial)
    data: dict[str, Any] = drive(measure_trial(opened, trial), "faithfulness")
    changed = tuple(trial.changes())
    subject = FeatureSubject(bench_of(opened), trial.nodes, changed, trial.ablation, trial.errors)
    refused = measures_of(FEATURES)
    taken = [name for name in wanted if name != "faithfulness" and name not in refused]
    for name in taken:
        start = f"measure_{name}_"
        options = {k.removeprefix(start): v for k, v in vars(given).items() if k.startswith(start)}
        options = {k: v for k, v in options.items() if v is not None}
        data[name] = drive(measure_steps(name, subject, **options), name).as_dict()
    for name in (name for name in wanted if name in refused):
        say(f"circuitviz: {refused[name]}")
        data.setdefault("refused", {})[name] = refused[name]
    return show(given, data, lambda: "\n".join([*_lines(data), *_tables(taken, data)]))


def _trial(given: argparse.Namespace, document: Document) -> Trial:
    """The file's own setting, or another; InputError on what a circuit of features has not."""
    from circuitviz.graph import ERRORS, OUTSIDE
    from circuitviz.session import Trial, judge_by

    if given.task or given.metric:
        flag, value = ("--task", given.task) if given.task else ("--metric", given.metric)
        raise InputError(
            f"{flag} was given '{value}', but this circuit is of features on one prompt and judged by its "
            "own target; leave it out."
        )
    trial = Trial.of(document.state)
    if trial is None:
        raise InputError(f"'{given.circuit}' holds no circuit; find one with 'circuitviz local-circuit'.")
    ablation, errors = given.ablation or trial.ablation, given.errors or trial.errors
    there = [name for name in OUTSIDE if name != "corrupted" or trial.question.corrupted]
    if ablation not in there:
        why = " (its prompt has no corrupted partner)" if ablation == "corrupted" else ""
        raise InputError(
            f"--ablation was given '{ablation}'; for this circuit{why} there is {', '.join(there)}."
            + suggest(ablation, there)
        )
    assert errors in ERRORS
    found = Trial.of(judge_by(ablation, errors).change(document.state))
    assert found is not None
    return found


def _opened(given: argparse.Namespace, document: Document, trial: Trial) -> Prompted:
    """The model with the prompt and dictionaries of a file; says what does not fit."""
    from circuitviz.app.cli.reopen import stay_unasked
    from circuitviz.features import given_or_shipped, load_dictionaries_steps
    from circuitviz.models import load_model
    from circuitviz.session.origin import mismatch
    from circuitviz.session.prompted import open_prompt

    where, circuit, question = document.state.provenance, document.state.circuit, trial.question
    assert where is not None and circuit is not None
    stay_unasked(given)
    model = load_model(given.model or question.model, given.device)
    message = mismatch(where, model, circuit)
    places = given_or_shipped(question.dictionaries, model)
    found = finish(load_dictionaries_steps(places, model))
    opened = open_prompt(model, replace(question, model=model.name), found)
    for warning in ([message] if message else []) + list(opened.warnings):
        say(f"circuitviz: {warning}")
    return opened


def _lines(data: dict[str, Any]) -> list[str]:
    value, where, metric, target = (data[k] for k in ("faithfulness", "setting", "metric", "target"))
    mean = f" over {where['mean_of']}" if where["mean_of"] else ""
    lines = [
        f"faithfulness {number(value['value'])}  completeness {number(data['completeness'])}  one prompt, so "
        "no interval",
        f"{where['metric']}: circuit {number(metric['circuit'])}, model {number(metric['model'])}, "
        f"ablated {number(metric['ablated'])}",
        f"{data['nodes']} nodes, {data['edges']:,} edges; {where['ablation']} ablation{mean}, errors "
        f"{where['errors']}",
    ]
    if target is not None:
        lines.append(
            f"with what was done to nodes, {target['name']} moves from {number(target['before'])}: predicted "
            f"{target['predicted']:+.3f}, frozen {target['frozen']:+.3f}, free {target['free']:+.3f}"
        )
    return lines


def _tables(names: list[str], data: dict[str, Any]) -> list[str]:
    return [line for name in names for line in ("", *table(name, data))]
