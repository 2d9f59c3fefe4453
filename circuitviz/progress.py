"""Every long computation is a generator of these steps, so that anyone can drive or stop it."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass
from typing import Generic, TypeVar

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a computation is: ``done`` of ``total``, and what is known so far.

    ``partial``, where given, is a result of the computation's own kind, marked partial.
    """

    done: float
    total: float
    message: str = ""
    partial: object | None = None

    @property
    def fraction(self) -> float:
        """How much is done, 0 to 1; 0 where there is nothing to do.

        >>> Progress(1, 4).fraction
        0.25
        """
        return self.done / self.total if self.total else 0.0


ProgressSteps = Generator[Progress, None, T]


class ProgressRunner(Generic[T]):
    """A computation as a ``for`` loop takes it; its ``result`` is there once the loop is through.

    Who leaves the loop early ends the computation.

    >>> def halves() -> ProgressSteps[str]:
    ...     yield Progress(1, 2)
    ...     return "whole"
    >>> runner = ProgressRunner(halves())
    >>> [step.fraction for step in runner], runner.result
    ([0.5], 'whole')
    """

    result: T

    def __init__(self, steps: ProgressSteps[T]) -> None:
        self._steps = steps

    def __iter__(self) -> Iterator[Progress]:
        self.result = yield from self._steps


def run_to_completion(steps: ProgressSteps[T], on_progress: Callable[[Progress], None] | None = None) -> T:
    """Drive a computation to its end and return its result."""
    driven = ProgressRunner(steps)
    for step in driven:
        if on_progress is not None:
            on_progress(step)
    return driven.result
