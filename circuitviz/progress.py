"""Every long computation is a generator of these steps, so that anyone can drive or stop it."""

from __future__ import annotations

from collections.abc import Callable, Generator
from dataclasses import dataclass
from typing import TypeVar

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


Steps = Generator[Progress, None, T]


def finish(steps: Steps[T], on_progress: Callable[[Progress], None] | None = None) -> T:
    """Drive a computation to its end and return its result."""
    while True:
        try:
            step = next(steps)
        except StopIteration as end:
            result: T = end.value
            return result
        if on_progress is not None:
            on_progress(step)
