"""Long work ends when nobody wants it any more, at places where nothing is half done.

Whoever drives work says inside ``cancellable`` how to find out whether it is still wanted; the work itself
calls ``check_cancelled`` at least every 200 ms: in loops of its own, and in every block of every pass of a model, which
does so by itself. What cannot call it, because a library does not come back for seconds, runs in a thread of
its own (``run_in_background``).
"""

from __future__ import annotations

import contextvars
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from circuitviz.progress import Progress, ProgressRunner, ProgressSteps, T

BACKGROUND_THREAD_NAME = "work in the background"  # the name of such threads
POLL_INTERVAL_S = 0.05  # between two looks at what goes on in the background
_is_cancelled: ContextVar[Callable[[], bool] | None] = ContextVar("asked", default=None)
_library_lock = threading.Lock()  # libraries that load models are not made for two threads


class Cancelled(BaseException):
    """Nobody wants the result any more. No Exception, so that what mends failures lets it through."""


@contextmanager
def cancellable(is_cancelled: Callable[[], bool]) -> Iterator[None]:
    """What is done inside ends at its next ``check_cancelled`` once ``is_cancelled`` is true, here or in whatever is around.

    >>> with cancellable(lambda: False):
    ...     check_cancelled()
    """
    outer = _is_cancelled.get()
    token = _is_cancelled.set(is_cancelled if outer is None else lambda: is_cancelled() or outer())
    try:
        yield
    finally:
        _is_cancelled.reset(token)


def check_cancelled() -> None:
    """A place to end at; raises Stopped where that was asked for in this thread."""
    asked = _is_cancelled.get()
    if asked is not None and asked():
        raise Cancelled


def run_in_background(steps: ProgressSteps[T]) -> ProgressSteps[T]:
    """Work whose libraries do not come back for seconds, in a thread of its own; its steps, and more between.

    Closed or stopped, it is left alone: its thread ends at its next ``check_cancelled`` or step, and its result is
    dropped. Work that begins meanwhile waits for that, with steps.
    """
    left, latest = threading.Event(), [Progress(0, 1)]
    done: list[T] = []
    failed: list[BaseException] = []

    def work() -> None:
        try:
            with cancellable(left.is_set), _library_lock:
                driven = ProgressRunner(steps)
                for step in driven:
                    latest[0] = step
                    check_cancelled()
                done.append(driven.result)
        except BaseException as error:
            failed.append(error)

    thread = threading.Thread(
        target=contextvars.copy_context().run, args=(work,), name=BACKGROUND_THREAD_NAME, daemon=True
    )
    thread.start()
    try:
        while thread.is_alive():
            thread.join(POLL_INTERVAL_S)
            check_cancelled()
            yield latest[0]
    finally:
        left.set()
    if failed:
        raise failed[0]
    return done[0]
