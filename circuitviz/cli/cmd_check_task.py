"""``circuitviz check-task``: whether a model does a task, before a circuit of it is searched."""

from __future__ import annotations

import argparse
from typing import Any

from circuitviz import evaluation, models, tasks
from circuitviz.cli.flags import add_device_flags, add_model_flag, add_skip_flag
from circuitviz.cli.output import format_number, print_result, print_skipped_rows, run_with_progress_bar
from circuitviz.errors import InputError
from circuitviz.graph import Interval, TaskCheck

SUMMARY = "whether a model does a task: accuracy and metric on clean and corrupted prompts"
OPENS_MODEL = True
ALL_TASKS = "all"


def add_flags(parser: argparse.ArgumentParser, argv: list[str]) -> None:
    """Add the flags of ``check-task``."""
    add_model_flag(parser)
    text = f"names of tasks with commas between them, {ALL_TASKS}, or a CSV, JSONL or JSON file"
    parser.add_argument("-t", "--task", default="ioi", help=text)
    add_skip_flag(parser)
    parser.add_argument("--prompts", type=int, default=64, help="number of prompts (default 64)")
    parser.add_argument("--seed", type=int, default=0, help="seed of the task (default 0)")
    parser.add_argument("--no-bos", action="store_true", help="no beginning-of-sequence token")
    parser.add_argument("--metric", help="the task's own by default")
    add_device_flags(parser)


def run(args: argparse.Namespace) -> int:
    """Check tasks and print the numbers; returns the exit code."""
    model = models.load_model(args.model, args.device, args.dtype)
    is_all = args.task == ALL_TASKS
    names = tasks.tasks.names() if is_all else [args.task]
    if not is_all and not tasks.is_task_file(args.task):
        names = [name.strip() for name in args.task.split(",") if name.strip()]
    checks: dict[str, TaskCheck | str] = {}
    for name in names:
        try:
            checks[name] = _check(args, model, name)
        except InputError as error:
            if not is_all:
                raise
            checks[name] = str(error)
    data: dict[str, Any] = {
        "model": model.name,
        "tasks": {
            name: {"refused": check}
            if isinstance(check, str)
            else {**check.as_dict(), "warning": check.warning}
            for name, check in checks.items()
        },
    }
    return print_result(args, data, lambda: "\n".join(_table_lines(checks)))


def _check(args: argparse.Namespace, model: models.Model, name: str) -> TaskCheck:
    task = tasks.load_task(
        name,
        model,
        args.prompts,
        args.seed,
        bos=False if args.no_bos else None,
        skip_unusable=args.skip_unusable,
    )
    print_skipped_rows(task)
    return run_with_progress_bar(evaluation.check_task_steps(model, task, args.metric), f"checking {name}")


def _table_lines(checks: dict[str, TaskCheck | str]) -> list[str]:
    """A row for each task, then warnings and refusals."""
    header = ("task", "accuracy", "chance", "on corrupted", "metric", "clean", "corrupted", "prompts")
    rows = [header] + [
        (
            name,
            _interval_text(check.accuracy),
            format_number(check.chance, 2),
            format_number(check.corrupted_accuracy.value, 2),
            check.metric,
            _interval_text(check.clean),
            _interval_text(check.corrupted),
            f"{check.prompts:,}",
        )
        for name, check in checks.items()
        if isinstance(check, TaskCheck)
    ]
    widths = [max(len(row[column]) for row in rows) for column in range(len(header))]
    lines = [
        "  ".join(f"{cell:<{width}}" for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in rows
    ]
    notes = [check.warning if isinstance(check, TaskCheck) else check for check in checks.values()]
    return [*(lines if len(rows) > 1 else []), *(note for note in notes if note)]


def _interval_text(interval: Interval) -> str:
    value = format_number(interval.value, 2)
    if interval.low is None:
        return value
    return f"{value} [{format_number(interval.low, 2)}, {format_number(interval.high, 2)}]"
