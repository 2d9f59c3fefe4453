"""Cooperative cancellation of long computations, at points where nothing is half done.

Whoever drives a computation says inside ``cancellable`` how to find out whether it is still wanted. The
computation calls ``check_cancelled`` at least every 200 ms, in its own loops; passes of a model call it in
every block. Library calls that take seconds run in a thread of their own (``run_in_background``).
"""

from __future__ import annotations

import contextvars
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from circuitviz.progress import Progress, ProgressRunner, ProgressSteps, T

BACKGROUND_THREAD_NAME = "work in the background"
POLL_INTERVAL_S = 0.05  # between two checks of a background thread
_is_cancelled: ContextVar[Callable[[], bool] | None] = ContextVar("is_cancelled", default=None)
_library_lock = threading.Lock()  # libraries that load models are not thread-safe


class Cancelled(BaseException):
    """The computation was cancelled. Not an ``Exception``, so that error handlers let it through."""


@contextmanager
def cancellable(is_cancelled: Callable[[], bool]) -> Iterator[None]:
    """Within a ``with`` block, ``check_cancelled`` raises ``Cancelled`` once a function returns true.

    Blocks can be nested: an outer function cancels, too.

    >>> with cancellable(lambda: False):
    ...     check_cancelled()

    Args:
        is_cancelled: Called at every ``check_cancelled``, so it must be quick.
    """
    outer = _is_cancelled.get()
    token = _is_cancelled.set(is_cancelled if outer is None else lambda: is_cancelled() or outer())
    try:
        yield
    finally:
        _is_cancelled.reset(token)


def check_cancelled() -> None:
    """Do nothing, or end the computation where it was cancelled.

    Raises:
        Cancelled: Cancelling was requested in this thread.
    """
    is_cancelled = _is_cancelled.get()
    if is_cancelled is not None and is_cancelled():
        raise Cancelled


def run_in_background(steps: ProgressSteps[T]) -> ProgressSteps[T]:
    """Run steps in a thread of their own, because their libraries block for seconds.

    When this generator is closed or cancelled, the thread is abandoned: it ends at its next
    ``check_cancelled`` or step, and its result is dropped. One such thread runs at a time; further ones wait
    and yield progress.

    Args:
        steps: The computation.

    Returns:
        Its result.
    """
    abandoned, latest = threading.Event(), [Progress(0, 1)]
    done: list[T] = []
    failed: list[BaseException] = []

    def work() -> None:
        try:
            with cancellable(abandoned.is_set), _library_lock:
                runner = ProgressRunner(steps)
                for step in runner:
                    latest[0] = step
                    check_cancelled()
                done.append(runner.result)
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
        abandoned.set()
    if failed:
        raise failed[0]
    return done[0]
