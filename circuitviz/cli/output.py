"""Results go to standard output, progress and messages to standard error.

Everything the command line prints passes ``print_escaped``, so that names and tokens from files cannot send
control sequences to a terminal.
"""

from __future__ import annotations

import json
import logging
import math
import os
import re
import sys
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TextIO, TypeVar

from circuitviz import tasks
from circuitviz.errors import InputWarning
from circuitviz.graph import Circuit
from circuitviz.progress import (
    LINES_VARIABLE,
    Progress,
    ProgressRunner,
    ProgressSteps,
    format_progress_line,
    run_to_completion,
)

PROGRESS_LINE_INTERVAL_S = 0.1

T = TypeVar("T")
FIRST_LINE_INTERVAL_S = 2.0  # between the first lines of progress where there is no terminal
MAX_LINE_INTERVAL_S = 60.0
logger = logging.getLogger(__name__)
INVISIBLE_CHARACTERS = re.compile(
    r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u00ad\u061c\u180e\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f"
    r"\ufeff\ufff9-\ufffb\ud800-\udfff\U000e0000-\U000e007f]"
)


def describe_size(circuit: Circuit) -> str:
    """How many edges and nodes a circuit has; of one by span also how many edges between components."""
    if circuit.graph.spans is None:
        return f"{circuit.n_edges:,} edges between {circuit.n_nodes} nodes"
    of_components = f"{circuit.n_component_edges:,} edges between components"
    return f"{circuit.n_edges:,} edges at spans ({of_components}) between {circuit.n_nodes} nodes"


def print_result(args: Any, data: Any, text: Callable[[], str]) -> int:
    """Print a command's result to standard output, as JSON with ``--json`` and as text without.

    Args:
        args: the parsed command line.
        data: the result as plain data; NaN and infinity become null.
        text: makes the lines for people; called only where they are printed.

    Returns:
        Exit code 0.
    """
    output = json.dumps(_with_null_for_nan(data), indent=1, ensure_ascii=False) if args.json else text()
    print_escaped(output, sys.stdout)
    return 0


def print_escaped(text: str, stream: TextIO) -> None:
    """Print a text with its invisible characters escaped."""
    print(escape_invisible(text), file=stream)


def escape_invisible(text: str) -> str:
    r"""Write control characters (C0, C1), direction overrides and zero-width characters as JSON escapes.

    Line feeds and tabs stay, so JSON stays the same data.

    >>> escape_invisible("a\x1b[2J\u202eb"), escape_invisible("two\nlines")
    ('a\\u001b[2J\\u202eb', 'two\nlines')
    """
    return INVISIBLE_CHARACTERS.sub(lambda match: _json_escape(match[0]), text)


def run_with_progress_bar(steps: ProgressSteps[T], title: str, are_lines_printed: bool = False) -> T:
    """Run a computation with a progress bar on a terminal.

    Args:
        steps: the computation.
        title: what it does, shown before the bar.
        are_lines_printed: elsewhere, as into a file, print a line now and then; else nothing.

    Returns:
        The computation's result.
    """
    if os.environ.get(LINES_VARIABLE):
        return _run_with_progress_lines(steps, title)
    import rich.console  # rich takes 0.1 s, which only commands that compute need
    import rich.progress as bars  # likewise

    start = time.perf_counter()
    console = rich.console.Console(stderr=True)
    if not console.is_terminal:
        result = run_to_completion(steps, _LinePrinter(title) if are_lines_printed else None)
    else:
        texts = [
            bars.TextColumn(what, markup=False) for what in ("{task.description}", "{task.fields[note]}")
        ]
        columns = (texts[0], bars.BarColumn(), texts[1], bars.TimeRemainingColumn())
        with bars.Progress(*columns, console=console, transient=True) as bar:
            row = bar.add_task(escape_invisible(title), total=1.0, note="")

            def update(progress: Progress) -> None:
                bar.update(row, completed=progress.fraction, note=escape_invisible(progress.message))

            result = run_to_completion(steps, update)
    logger.info("%s: %.2f s", title, time.perf_counter() - start)
    return result


def _run_with_progress_lines(steps: ProgressSteps[T], title: str) -> T:
    runner, next_s = ProgressRunner(steps), 0.0
    for step in runner:
        if (now := time.monotonic()) >= next_s:
            next_s = now + PROGRESS_LINE_INTERVAL_S
            print(format_progress_line(step, title), file=sys.stderr, flush=True)
    return runner.result


class _LinePrinter:
    """Prints the progress of a long computation: the first line at once, then ever more seldom."""

    def __init__(self, title: str) -> None:
        self._title, self._start_s, self._next_s = title, time.perf_counter(), 0.0

    def __call__(self, progress: Progress) -> None:
        seconds = time.perf_counter() - self._start_s
        if seconds >= self._next_s and progress.message:
            self._next_s = seconds + min(MAX_LINE_INTERVAL_S, max(FIRST_LINE_INTERVAL_S, 0.2 * seconds))
            print_message(f"{self._title}: {progress.fraction:4.0%} · {progress.message}")


def print_message(message: str) -> None:
    """Print a message for the user to standard error."""
    print_escaped(message, sys.stderr)


def print_on_terminal(message: str) -> None:
    """Print a message to standard error where that is a terminal: someone waits there."""
    if sys.stderr is not None and sys.stderr.isatty():
        print_message(message)
        sys.stderr.flush()


def print_warning(message: str) -> None:
    """Print a warning to standard error, with the program's name."""
    print_message(f"circuitviz: {message}")


def log_to_standard_error() -> None:
    """Write the log of the package to standard error, as ``--verbose`` asks for."""
    handler = logging.StreamHandler()
    handler.setFormatter(
        logging.Formatter("%(relativeCreated)7.0f ms  %(levelname)-5s  %(name)s  %(message)s")
    )
    package = logging.getLogger("circuitviz")
    package.setLevel(logging.DEBUG)
    package.addHandler(handler)


@contextmanager
def input_warnings_printed() -> Iterator[None]:
    """Print each InputWarning inside the block once, as a sentence; others as Python prints them."""
    printed: set[str] = set()
    with warnings.catch_warnings():
        warnings.simplefilter("always", InputWarning)
        show_other = warnings.showwarning

        def show_warning(message: Warning | str, category: type[Warning], *rest: Any, **more: Any) -> None:
            if not issubclass(category, InputWarning):
                show_other(message, category, *rest, **more)
            elif (text := str(message)) not in printed:
                printed.add(text)
                print_warning(text)

        warnings.showwarning = show_warning
        yield


def print_skipped_rows(task: Any) -> None:
    """Say how many rows of a task's file were left out, and why."""
    if reasons := task.options.get("left_out"):
        print_message(f"{len(task):,} pairs are used. Left out: {tasks.count_reasons(reasons)}.")


def format_number(value: float | None, digits: int = 3) -> str:
    """Write a number with a fixed number of digits, or ``undefined`` for None and NaN."""
    return "undefined" if value is None or math.isnan(value) else f"{value:.{digits}f}"


def _json_escape(character: str) -> str:
    """Escape a character as JSON does; one above U+FFFF becomes two surrogates."""
    units = character.encode("utf-16-be", "surrogatepass")
    return "".join(f"\\u{units[i]:02x}{units[i + 1]:02x}" for i in range(0, len(units), 2))


def _with_null_for_nan(data: Any) -> Any:
    if isinstance(data, float) and not math.isfinite(data):
        return None
    if isinstance(data, dict):
        return {k: _with_null_for_nan(v) for k, v in data.items()}
    return [_with_null_for_nan(v) for v in data] if isinstance(data, list | tuple) else data
