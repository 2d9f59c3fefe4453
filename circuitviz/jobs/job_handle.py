"""The caller's side of one job: what becomes of it, as signals in the thread that asked for it."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QObject, Signal

from circuitviz.workbench.requests.messages import JobFailed, ProgressReported, Reply


class JobHandle(QObject):
    """One submitted job. Every job emits exactly one of ``finished``, ``failed`` and ``cancelled``.

    Signals come from the event loop of the window's thread, never from inside ``submit``, so that a caller
    can connect to what ``submit`` returned. A handle stays alive until its job has ended, whether or not the
    caller keeps it.

    Attributes:
        request: What was asked for: a ``Request``, or the key of a task.
        number: Counts the jobs of a worker; 0 of a task.
        is_held: Whether it waits, between two steps or before its first, until it is released.
        is_active: Whether none of the three last signals was emitted yet.
    """

    started = Signal()
    computed = Signal()  # it does not run any more; what it replied may wait until its tab is in front
    replied = Signal(object)  # Reply: each of the worker's, before the signal that it belongs to
    progressed = Signal(object)  # ProgressReported, at most ten times a second
    partial = Signal(object)  # what is there before the result (``Reply.is_final`` is false), or after it
    finished = Signal(object)  # the job's result; None where it has none to give
    failed = Signal(object)  # JobFailed
    cancelled = Signal()
    held_changed = Signal(bool)  # it stands still after its present step, or goes on

    def __init__(self, request: object, cancel: Callable[[], None], number: int = 0) -> None:
        super().__init__()
        self.request, self.number = request, number
        self.is_active, self.is_held = True, False
        self._is_computed = False
        self._cancel = cancel

    def cancel(self) -> None:
        """Ask the job to end at its next step; ``cancelled`` follows, also where it had not begun."""
        if self.is_active:
            self._cancel()

    def set_held(self, is_held: bool) -> None:
        """Tell that the job is held, or was released."""
        if is_held != self.is_held:
            self.is_held = is_held
            self.held_changed.emit(is_held)

    def deliver(self, reply: Reply) -> None:
        """Emit the signal that a worker's reply belongs to."""
        self.replied.emit(reply)
        if isinstance(reply, ProgressReported):
            self.progressed.emit(reply)
        elif isinstance(reply, JobFailed):
            self.fail(reply)
        elif reply.is_final and self.is_active:
            self.finish(reply)
        else:
            self.partial.emit(reply)

    def end_computing(self) -> None:
        """The job does not run any more, whatever was delivered of it so far."""
        if not self._is_computed:
            self._is_computed = True
            self.computed.emit()

    def finish(self, result: object) -> None:
        """The job has its result."""
        if self._end():
            self.finished.emit(result)

    def fail(self, failure: JobFailed) -> None:
        """The job could not be done."""
        if self._end():
            self.failed.emit(failure)

    def end_cancelled(self) -> None:
        """The job ended before it had a result."""
        if self._end():
            self.cancelled.emit()

    def _end(self) -> bool:
        self.end_computing()
        was_active, self.is_active = self.is_active, False
        return was_active
