"""Results to standard output, progress to standard error."""

from __future__ import annotations

import json
import math
import re
import sys
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TextIO, TypeVar

from circuitviz.errors import InputWarning
from circuitviz.progress import Progress, ProgressSteps, run_to_completion

T = TypeVar("T")
INVISIBLE_CHARACTERS = re.compile(
    r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u00ad\u061c\u180e\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f"
    r"\ufeff\ufff9-\ufffb\ud800-\udfff\U000e0000-\U000e007f]"
)


def print_result(args: Any, data: Any, text: Callable[[], str]) -> int:
    """Print JSON where it was asked for, else text; returns the exit code 0."""
    said = json.dumps(_with_null_for_nan(data), indent=1, ensure_ascii=False) if args.json else text()
    print_escaped(said, sys.stdout)
    return 0


def print_escaped(text: str, stream: TextIO) -> None:
    """The one place where the command line prints: names and tokens from files cannot steer a terminal."""
    print(escape_invisible(text), file=stream)


def escape_invisible(text: str) -> str:
    r"""Text whose control characters are written out: C0 and C1, direction overrides, what has no width.

    Line feeds and tabs stay. A character is written as JSON escapes it, so that JSON stays the same data.

    >>> escape_invisible("a\x1b[2J\u202eb"), escape_invisible("two\nlines")
    ('a\\u001b[2J\\u202eb', 'two\nlines')
    """
    return INVISIBLE_CHARACTERS.sub(lambda hit: _json_escape(hit[0]), text)


def run_with_progress_bar(steps: ProgressSteps[T], title: str) -> T:
    """Run a computation with a progress bar on a terminal, silently elsewhere."""
    from rich.console import Console
    from rich.progress import BarColumn, TextColumn, TimeRemainingColumn
    from rich.progress import Progress as Bar

    console = Console(stderr=True)
    if not console.is_terminal:
        return run_to_completion(steps)
    texts = [TextColumn(what, markup=False) for what in ("{task.description}", "{task.fields[note]}")]
    columns = (texts[0], BarColumn(), texts[1])
    with Bar(*columns, TimeRemainingColumn(), console=console, transient=True) as bar:
        row = bar.add_task(escape_invisible(title), total=1.0, note="")

        def step(progress: Progress) -> None:
            bar.update(row, completed=progress.fraction, note=escape_invisible(progress.message))

        return run_to_completion(steps, step)


def print_message(message: str) -> None:
    """A message for the person, not for the pipe."""
    print_escaped(message, sys.stderr)


@contextmanager
def input_warnings_printed() -> Iterator[None]:
    """Within it, each InputWarning is said once, as a sentence; other warnings are printed as Python does."""
    said: set[str] = set()
    with warnings.catch_warnings():
        warnings.simplefilter("always", InputWarning)
        show_other = warnings.showwarning

        def show_warning(message: Warning | str, category: type[Warning], *rest: Any, **more: Any) -> None:
            if not issubclass(category, InputWarning):
                show_other(message, category, *rest, **more)
            elif (text := str(message)) not in said:
                said.add(text)
                print_message(f"circuitviz: {text}")

        warnings.showwarning = show_warning
        yield


def print_skipped_rows(task: Any) -> None:
    """Tell how many rows of a task's file could not be used, and why."""
    if reasons := task.options.get("left_out"):
        from circuitviz.tasks.task_files import count_reasons

        print_message(f"{len(task):,} pairs are used. Left out: {count_reasons(reasons)}.")


def format_number(value: float | None, digits: int = 3) -> str:
    """A number for reading; undefined is said."""
    return "undefined" if value is None or math.isnan(value) else f"{value:.{digits}f}"


def _json_escape(character: str) -> str:
    """A character as JSON escapes it, one above U+FFFF as two surrogates."""
    units = character.encode("utf-16-be", "surrogatepass")
    return "".join(f"\\u{units[i]:02x}{units[i + 1]:02x}" for i in range(0, len(units), 2))


def _with_null_for_nan(data: Any) -> Any:
    if isinstance(data, float) and not math.isfinite(data):
        return None
    if isinstance(data, dict):
        return {k: _with_null_for_nan(v) for k, v in data.items()}
    return [_with_null_for_nan(v) for v in data] if isinstance(data, list | tuple) else data
