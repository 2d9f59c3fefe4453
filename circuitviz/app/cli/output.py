"""Results to standard output, progress to standard error."""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Callable
from typing import Any, TypeVar

from circuitviz.progress import Progress, Steps, finish

T = TypeVar("T")


def show(given: Any, data: Any, text: Callable[[], str]) -> int:
    """Print JSON where it was asked for, else text; returns the exit code 0."""
    print(json.dumps(_finite(data), indent=1, ensure_ascii=False) if given.json else text())
    return 0


def drive(steps: Steps[T], title: str) -> T:
    """Run a computation with a progress bar on a terminal, silently elsewhere."""
    from rich.console import Console
    from rich.progress import BarColumn, TextColumn, TimeRemainingColumn
    from rich.progress import Progress as Bar

    console = Console(stderr=True)
    if not console.is_terminal:
        return finish(steps)
    columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.fields[note]}"))
    with Bar(*columns, TimeRemainingColumn(), console=console, transient=True) as bar:
        row = bar.add_task(title, total=1.0, note="")

        def step(progress: Progress) -> None:
            bar.update(row, completed=progress.share, note=progress.message)

        return finish(steps, step)


def say(message: str) -> None:
    """A message for the person, not for the pipe."""
    print(message, file=sys.stderr)


def say_left_out(task: Any) -> None:
    """Tell how many rows of a task's file could not be used, and why."""
    if reasons := task.options.get("left_out"):
        from circuitviz.tasks.files import count_reasons

        say(f"{len(task):,} pairs are used. Left out: {count_reasons(reasons)}.")


def number(value: float | None, digits: int = 3) -> str:
    """A number for reading; undefined is said."""
    return "undefined" if value is None or math.isnan(value) else f"{value:.{digits}f}"


def _finite(data: Any) -> Any:
    if isinstance(data, float) and not math.isfinite(data):
        return None
    if isinstance(data, dict):
        return {k: _finite(v) for k, v in data.items()}
    return [_finite(v) for v in data] if isinstance(data, list | tuple) else data
