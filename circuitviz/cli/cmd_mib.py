"""``circuitviz mib``: the numbers of MIB's circuit track, for methods or for a submission."""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, NamedTuple

from circuitviz import discovery, evaluation, models, tasks
from circuitviz.cli.flags import add_device_flags, add_setting_flags, add_skip_flag
from circuitviz.cli.output import (
    format_number,
    print_message,
    print_result,
    print_skipped_rows,
    print_warning,
    run_with_progress_bar,
)
from circuitviz.document import Document, State
from circuitviz.document.curve_areas import AREA_TITLES
from circuitviz.document.imported_circuits import fit_state
from circuitviz.errors import InputError, suggest_name
from circuitviz.formats.mib_submission import (
    SubmissionEntry,
    mib_model_name,
    mib_task_name,
    read_submission,
    write_importances,
)
from circuitviz.graph import Circuit, Scores

SUMMARY = "CPR and CMD of methods or of a submission, as the benchmark MIB computes them"
DEFAULT_METHODS = ("eap", "eap-ig")


class NamedTask(NamedTuple):
    """A task as the command line names it: ``NAME`` or ``NAME=FILE``."""

    name: str
    source: str


def add_flags(parser: argparse.ArgumentParser, argv: list[str]) -> None:
    """Add the flags of ``mib``."""
    parser.add_argument("-m", "--models", nargs="+", default=["demo"], help="names or folders (default demo)")
    text = "tasks: names, files, or NAME=FILE to name a file's task, such as arithmetic-addition=test.jsonl"
    parser.add_argument("-t", "--tasks", nargs="+", default=["ioi"], help=text)
    text = f"names of 'circuitviz list methods', or all (default {' '.join(DEFAULT_METHODS)})"
    parser.add_argument("--methods", nargs="*", default=list(DEFAULT_METHODS), help=text)
    text = "measure the submission in this folder instead of methods"
    parser.add_argument("--submission", type=Path, help=text)
    text = "write each method's scores as a submission: FOLDER/METHOD/TASK_MODEL/importances.json"
    parser.add_argument("--export", type=Path, metavar="FOLDER", help=text)
    text = "how edges are chosen at each size: by |score| (top, the default), by score (signed), or greedily"
    parser.add_argument("--select", choices=evaluation.MIB_SELECTIONS, default="top", help=text)
    text = "prompts of the evaluation, and as many others for the search (default 64)"
    parser.add_argument("--prompts", type=int, default=64, help=text)
    text = "search on the prompts of the evaluation, too, instead of on others"
    parser.add_argument("--in-sample", action="store_true", help=text)
    parser.add_argument("--seed", type=int, default=0, help="seed of the tasks and draws (default 0)")
    text = "random rankings to measure beside the others; 0 leaves them out (default 20)"
    parser.add_argument("--random", type=int, default=20, help=text)
    text = "only say how long all of it will take: searches, curves and random rankings"
    parser.add_argument("--dry-run", action="store_true", help=text)
    add_skip_flag(parser)
    add_setting_flags(parser)
    add_device_flags(parser)


def run(args: argparse.Namespace) -> int:
    """Measure, and print tables; returns the exit code."""
    if args.random < 0:
        raise InputError(f"--random was given {args.random}; a number from 0 on would be right.")
    named = [NamedTask(*_task_parts(text)) for text in args.tasks]
    entries = [] if args.submission is None else read_submission(args.submission)
    names = discovery.methods.names() if args.methods == ["all"] else args.methods
    for name in names:
        if name not in discovery.methods.names():
            known = discovery.methods.names()
            raise InputError(
                f"There is no method '{name}'; there is {', '.join(known)}." + suggest_name(name, known)
            )
    if args.dry_run and args.submission is not None:
        raise InputError(
            "--dry-run says what methods cost, and --submission measures scores that are there already; give "
            "one of them."
        )
    rows: list[evaluation.MibRow] = []
    costs: list[evaluation.MibCost] = []
    for model_name in args.models:
        model = models.load_model(model_name, args.device, args.dtype)
        for task_name in named:
            if args.dry_run:
                costs += _estimate_task(args, model, task_name, names)
            else:
                rows += _measure_task(args, model, task_name, names, entries)
    if args.dry_run:
        return _print_costs(args, costs)
    if args.submission is not None and not any(row.method == args.submission.name for row in rows):
        there_is = ", ".join(f"{entry.task}_{entry.model}" for entry in entries)
        raise InputError(
            f"The submission '{args.submission}' has {there_is}, and none of it is of the tasks and models "
            f"given: {', '.join(f'{task.name} on {model}' for task in named for model in args.models)}."
        )
    data = {"shares": list(evaluation.EDGE_SHARES), "rows": [row.as_dict() for row in rows]}
    return print_result(args, data, lambda: "\n".join(_tables(rows)))


def _task_parts(text: str) -> tuple[str, str]:
    name, divider, source = text.partition("=")
    if divider:
        return name, source
    return (Path(text).stem if tasks.is_task_file(text) else text), text


def _measure_task(
    args: argparse.Namespace,
    model: models.Model,
    named: NamedTask,
    methods: Sequence[str],
    entries: Sequence[SubmissionEntry],
) -> Iterator[evaluation.MibRow]:
    """Rows of one task on one model."""
    search, evaluated = _make_settings(args, model, named)
    bench = evaluation.FaithfulnessBench(evaluated)
    where = f"{named.name} on {model.name}"
    if args.submission is not None:
        wanted = mib_task_name(named.name), mib_model_name(model.name)
        for entry in entries:
            if (mib_task_name(entry.task), entry.model) == wanted:
                yield run_with_progress_bar(_submission_steps(args, bench, entry), where)
    else:
        for method in methods:
            row, scores = run_with_progress_bar(
                evaluation.mib_method_steps(search, bench, method, args.select), f"{method}, {where}"
            )
            if row.error:
                print_warning(f"{method}: {row.error}")
            elif args.export is not None:
                _export(args.export / method, named.name, model.name, scores)
            yield row
    if args.random:
        steps = evaluation.mib_random_steps(bench, args.random, args.select, args.seed)
        yield run_with_progress_bar(steps, f"random rankings, {where}")


def _make_settings(
    args: argparse.Namespace, model: models.Model, named: NamedTask
) -> tuple[discovery.TaskSetting, discovery.TaskSetting]:
    """The settings of the searches and of the evaluation."""
    in_sample = args.in_sample or args.submission is not None
    n_prompts = args.prompts if in_sample else 2 * args.prompts
    task = tasks.load_task(named.source, model, n_prompts, args.seed, skip_unusable=args.skip_unusable)
    print_skipped_rows(task)
    searched, evaluated = evaluation.split_prompts(task, in_sample)
    ablation = args.ablation or "corrupted"
    return (
        discovery.make_setting(model, searched, args.metric, ablation),
        discovery.make_setting(model, evaluated, args.metric, ablation),
    )


def _estimate_task(
    args: argparse.Namespace, model: models.Model, named: NamedTask, methods: Sequence[str]
) -> list[evaluation.MibCost]:
    """How long the rows of one task on one model will take."""
    search, evaluated = _make_settings(args, model, named)
    steps = evaluation.estimate_mib_steps(search, evaluated, methods, args.random)
    return run_with_progress_bar(steps, f"estimating {named.name} on {model.name}")


def _print_costs(args: argparse.Namespace, costs: Sequence[evaluation.MibCost]) -> int:
    """Print what each row takes, and all together."""
    known = [cost.seconds for cost in costs if cost.seconds is not None]
    data = {
        "seconds": sum(known),
        "memory_bytes": max((cost.memory_bytes for cost in costs), default=0.0),
        "rows": [asdict(cost) for cost in costs],
    }

    def lines() -> Iterator[str]:
        for cost in costs:
            begin = f"{cost.method}, {cost.task} ({mib_model_name(cost.model)})"
            bound = "at most" if cost.is_upper_bound else "about"
            time = (
                "unknown" if cost.seconds is None else f"{bound} {discovery.describe_seconds(cost.seconds)}"
            )
            yield f"{begin}: {cost.error or time}"
        yield f"all: about {discovery.describe_seconds(sum(known))} (an estimate)"

    return print_result(args, data, lambda: "\n".join(lines()))


def _submission_steps(
    args: argparse.Namespace, bench: evaluation.FaithfulnessBench, entry: SubmissionEntry
) -> Any:
    model = bench.setting.model
    states = [fit_state(document.state, model.shape, model.name) for document in entry.read()]
    if not entry.has_importances:
        circuits = [state.circuit for state in states if state.circuit is not None]
        return evaluation.mib_submission_steps(bench, args.submission.name, circuits)
    scores = states[0].scores
    assert scores is not None  # the format gives every circuit scores
    if args.select == "signed":
        scores = scores.with_known_sign(False, "MIB: a positive score helps.")
    return evaluation.mib_scores_steps(bench, args.submission.name, scores, args.select)


def _export(folder: Path, task: str, model: str, scores: Scores | None) -> None:
    assert scores is not None
    document = Document(State(scores=scores, circuit=Circuit.full(scores.graph)))
    print_message(f"wrote {write_importances(folder, task, model, document)}")


def _tables(rows: Sequence[evaluation.MibRow]) -> Iterator[str]:
    """One table for each area: a row for each method, a column for each task and model."""
    columns = list(dict.fromkeys((row.task, row.model) for row in rows))
    names = list(dict.fromkeys(row.method for row in rows))
    by_place = {(row.method, row.task, row.model): row for row in rows}
    heads = [f"{task} ({mib_model_name(model)})" for task, model in columns]
    width, first = max(22, *map(len, heads)), max(map(len, ("method", *names)))
    for area, title in AREA_TITLES.items():
        yield f"{title}, {_sample_text(rows)}"
        yield "  ".join([f"{'method':<{first}}", *(f"{head:<{width}}" for head in heads)]).rstrip()
        for name in names:
            cells = [_cell(by_place.get((name, *column)), area) for column in columns]
            yield "  ".join([f"{name:<{first}}", *(f"{cell:<{width}}" for cell in cells)]).rstrip()
        yield ""
    yield "edges at each size (weighted as MIB counts them)"
    for row in rows:
        if row.points:
            counts = ", ".join(f"{point.weighted_edges:,.0f}" for point in row.points)
            yield f"{row.method}, {row.task} ({mib_model_name(row.model)}): {counts}"


def _sample_text(rows: Sequence[evaluation.MibRow]) -> str:
    samples = sorted({f"{row.sample}, {row.prompts} prompts" for row in rows if not row.error})
    return "; ".join(samples) or "nothing measured"


def _cell(row: evaluation.MibRow | None, area: str) -> str:
    interval = None if row is None else row.areas.get(area)
    if interval is None:
        return "–"
    if interval.low is None:
        return format_number(interval.value)
    ends = f"[{format_number(interval.low)}, {format_number(interval.high)}]"
    return f"{format_number(interval.value)} {ends}"
