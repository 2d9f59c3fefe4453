"""Long work in another thread ends when nobody wants it any more, at places where nothing is half done."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar

_asked: ContextVar[Callable[[], bool] | None] = ContextVar("asked", default=None)


class Stopped(Exception):
    """Nobody wants the result any more."""


@contextmanager
def stopping(asked: Callable[[], bool]) -> Iterator[None]:
    """What is done inside ends at its next ``pause`` once ``asked`` is true.

    >>> with stopping(lambda: False):
    ...     pause()
    """
    token = _asked.set(asked)
    try:
        yield
    finally:
        _asked.reset(token)


def pause() -> None:
    """A place to end at; raises Stopped where that was asked for in this thread."""
    asked = _asked.get()
    if asked is not None and asked():
        raise Stopped
