"""Long computations as generators of progress, so that anyone can drive, show or cancel them."""

from __future__ import annotations

import json
from collections.abc import Callable, Generator, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Generic, TypeVar

S = TypeVar("S")
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a computation is.

    Attributes:
        done: Amount of work done.
        total: Amount of all work.
        message: What is being done.
        partial: A result of the computation's own kind, of what is done so far.
    """

    done: float
    total: float
    message: str = ""
    partial: object | None = None

    @property
    def fraction(self) -> float:
        """Fraction that is done, from 0 to 1; 0 where there is nothing to do.

        >>> Progress(1, 4).fraction
        0.25
        """
        return self.done / self.total if self.total else 0.0


ProgressSteps = Generator[Progress, None, T]

LINES_VARIABLE = "CIRCUITVIZ_PROGRESS"
"""Set in the environment by a program that runs a command and reads its progress from standard error."""
_LINE_MARK = "\x1e"  # so that no other line is taken for one of progress


def format_progress_line(progress: Progress, title: str) -> str:
    """A line of standard error that says how far a command is.

    Args:
        progress: How far it is.
        title: What it does.
    """
    message = f"{title}: {progress.message}" if progress.message else title
    return f"{_LINE_MARK}{json.dumps({'fraction': progress.fraction, 'message': message})}"


def parse_progress_line(line: str) -> Progress | None:
    """What ``format_progress_line`` wrote; None of another line.

    >>> parse_progress_line(format_progress_line(Progress(1, 4, "batch 1"), "eap"))
    Progress(done=0.25, total=1, message='eap: batch 1', partial=None)
    """
    if not line.startswith(_LINE_MARK):
        return None
    fields = json.loads(line[len(_LINE_MARK) :])
    return Progress(fields["fraction"], 1, fields["message"])


class ProgressRunner(Generic[T]):
    """Iterates over a computation's progress; ``result`` is there once the loop is through.

    Leaving the loop early ends the computation.

    >>> def halves() -> ProgressSteps[str]:
    ...     yield Progress(1, 2)
    ...     return "all"
    >>> runner = ProgressRunner(halves())
    >>> [step.fraction for step in runner], runner.result
    ([0.5], 'all')
    """

    result: T

    def __init__(self, steps: ProgressSteps[T]) -> None:
        self._steps = steps

    def __iter__(self) -> Iterator[Progress]:
        self.result = yield from self._steps


def run_to_completion(steps: ProgressSteps[T], on_progress: Callable[[Progress], None] | None = None) -> T:
    """Drive a computation to its end and return its result.

    Args:
        steps: The computation.
        on_progress: Called with each step.
    """
    runner = ProgressRunner(steps)
    for step in runner:
        if on_progress is not None:
            on_progress(step)
    return runner.result


def run_steps_within(
    open_context: Callable[[], AbstractContextManager[object]], steps: Generator[S, None, T]
) -> Generator[S, None, T]:
    """Run each step of a computation inside a context, which is left between two: others may run there.

    Args:
        open_context: Makes the context of one step.
        steps: The computation.
    """
    try:
        while True:
            with open_context():
                try:
                    step = next(steps)
                except StopIteration as end:
                    result: T = end.value
                    return result
            yield step
    finally:
        steps.close()
