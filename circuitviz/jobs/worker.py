"""One thread owns the model and does one thing at a time; what is urgent interrupts what is long."""

from __future__ import annotations

import logging
import os
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

from PySide6.QtCore import QObject, QThread, Signal

from circuitviz.cancellation import BACKGROUND_THREAD_NAME, Cancelled, cancellable, check_cancelled
from circuitviz.jobs.event_loop_queue import EventLoopQueue
from circuitviz.jobs.failure import describe_failure
from circuitviz.jobs.job_handle import JobHandle
from circuitviz.jobs.mailbox import Job, Mailbox
from circuitviz.workbench.engine import Engine
from circuitviz.workbench.requests.discover_circuit import DiscoverCircuit
from circuitviz.workbench.requests.messages import ProgressReported, Reply, Request, WorkerIdle
from circuitviz.workbench.requests.priority import Priority
from circuitviz.workbench.requests.torch_threads import default_thread_count

PROGRESS_INTERVAL_S = 0.1  # between two progress reports, or two partial results, which all are to be drawn
MAX_SHUTDOWN_S = (
    10.0  # jobs look every 200 ms whether they are wanted; a library may not come back for longer
)

log = logging.getLogger(__name__)
_abandoned_workers: list[Worker] = []


def has_abandoned_threads() -> bool:
    """Whether a thread that was told to end is still running: the process must not wait for it."""
    is_background = any(thread.name == BACKGROUND_THREAD_NAME for thread in threading.enumerate())
    return is_background or any(worker.isRunning() for worker in _abandoned_workers)


@dataclass(frozen=True)
class JobStarted:
    """A job is being answered."""


@dataclass(frozen=True)
class JobEnded:
    """A job gives no more replies."""

    is_cancelled: bool = False


@dataclass(frozen=True)
class Envelope:
    """A message on its way from the worker to the window's thread.

    Attributes:
        message: What is told.
        job_number: Whose message it is; None: the worker's own.
        document_number: Of the document it was asked for; None: any.
        n_requests: How many requests the worker knew of; only of ``WorkerIdle``.
    """

    message: Reply | JobStarted | JobEnded
    job_number: int | None
    document_number: int | None
    n_requests: int = 0


class Worker(QThread):
    """The long-lived thread that owns the model.

    A running job looks between its steps whether a more urgent request waits. It then steps aside and goes
    on later where it was; a newer request of its own kind, a new model or a cancellation end it. Replies to
    what was asked for a document that was closed are dropped, even if they were on their way already; the
    handle of such a job is told that it was cancelled. ``WorkerIdle`` is delivered only where nothing was
    submitted since.

    ``replied`` carries every reply to the window's thread, before the job's own handle is told.
    """

    submitted = Signal(object)  # JobHandle
    replied = Signal(object)
    _message_sent = Signal(object)

    def __init__(self, engine: Engine | None = None, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._engine = engine or Engine()
        self._mailbox = Mailbox()
        self._wake = threading.Condition()
        self._preempted: list[Job] = []
        self._is_cancel_requested = self._is_stopping = False
        self._cancelled_numbers: set[int] = set()
        self._running: Job | None = None
        self._document_number = self._n_requests = 0
        self._handles: dict[int, JobHandle] = {}  # used in the window's thread only
        self.event_loop_queue = EventLoopQueue(self)
        self._message_sent.connect(self._on_message_sent)

    def submit(self, request: Request) -> JobHandle:
        """Leave a request; an older one of its kind is dropped, waiting or running.

        Returns:
            The job's handle; its signals come later, from the event loop.
        """
        with self._wake:
            self._n_requests += 1
            number = self._n_requests
            needs_model = request.priority >= Priority.OPEN_MODEL
            document_number = self._document_number if needs_model else None
            handle = self._handles[number] = JobHandle(request, partial(self._cancel_job, number))
            dropped = self._mailbox.put(Job(number, request, document_number))
            self._wake.notify()
        log.debug("job %d submitted: %s", number, type(request).__name__)
        self._send_dropped(dropped)
        self.submitted.emit(handle)
        return handle

    def drop_document_jobs(self) -> None:
        """Another document is opened: end whatever was asked for the one before, and keep nothing of it."""
        with self._wake:
            self._document_number += 1
            dropped = self._mailbox.drop_model_jobs()
            self._wake.notify()
        self._send_dropped(dropped)

    def cancel_all(self) -> None:
        """End all jobs after the present step; what a search has found so far is kept."""
        with self._wake:
            self._is_cancel_requested = True
            dropped = self._mailbox.drop_all()
            self._wake.notify()
        self._send_dropped(dropped)

    def stop(self) -> None:
        """End the thread and wait for it; to be called before the window goes.

        Where a library keeps it longer than ``MAX_SHUTDOWN_S``, it is left behind
        (``has_abandoned_threads``): the window must close, and destroying a running thread would abort
        the process.
        """
        with self._wake:
            self._is_stopping = self._is_cancel_requested = True
            self._wake.notify()
        if not self.wait(int(1000 * MAX_SHUTDOWN_S)):
            log.warning("the worker did not end in %g s", MAX_SHUTDOWN_S)
            self.setParent(None)
            _abandoned_workers.append(self)
        self.event_loop_queue.clear()

    def run(self) -> None:
        """The thread's life: take the most urgent request, answer it, look again."""
        os.environ.setdefault(
            "OMP_NUM_THREADS", str(default_thread_count())
        )  # read when torch is first imported
        with cancellable(self._is_job_cancelled):
            while (job := self._next_job()) is not None:
                self._running = job
                self._run_job(job)
                with self._wake:
                    self._running = None
                    self._apply_cancellation()
                    self._emit_idle()

    # in the worker's thread

    def _next_job(self) -> Job | None:
        """The most urgent of what waits and what stepped aside; None: the thread is to end."""
        with self._wake:
            while not self._is_stopping:
                if self._apply_cancellation():
                    self._emit_idle()  # what was cancelled had not even begun
                preempted = self._preempted[-1].request if self._preempted else None
                job = self._mailbox.take_next(preempted, self._engine.is_open)
                if job is not None:
                    self._close_preempted(partial(_replaces, job.request), deliver_partial=False)
                    job.replies = self._engine.execute(job.request)
                    self._send(JobStarted(), job)
                    return job
                if self._preempted:
                    return self._preempted.pop()
                self._wake.wait()
            self._close_preempted(lambda _job: True)
            return None

    def _apply_cancellation(self) -> bool:
        """End what stepped aside and was cancelled, or is of a document that was closed.

        Returns:
            Whether all jobs were to be cancelled.
        """
        if self._is_stopping:
            return False
        cancels_all, self._is_cancel_requested = self._is_cancel_requested, False
        self._close_preempted(lambda job: cancels_all or self._is_unwanted(job))
        return cancels_all

    def _is_job_cancelled(self) -> bool:
        """Whether the running job is to end: asked at each of its steps and at each ``check_cancelled``.

        It is told so once, and can then write down what it has.
        """
        with self._wake:
            job = self._running
            if job is None:
                return False
            conflict = self._mailbox.conflict_with(job.request, self._engine.is_open)
            is_cancelled = (
                conflict == "end" or self._is_cancel_requested or self._is_stopping or self._is_unwanted(job)
            )
            if is_cancelled:
                self._running = None
            return is_cancelled

    def _is_unwanted(self, job: Job) -> bool:
        """Whether this one job was cancelled, or is of a document that was closed."""
        is_of_closed_document = job.document_number not in (None, self._document_number)
        return is_of_closed_document or job.number in self._cancelled_numbers

    def _close_preempted(self, should_close: Callable[[Job], bool], deliver_partial: bool = True) -> None:
        """Close jobs that stepped aside; ``deliver_partial``: what they have so far is told."""
        closing = [job for job in self._preempted if should_close(job)]
        self._preempted = [job for job in self._preempted if job not in closing]
        for job in closing:
            self._close(job, deliver_partial)

    def _run_job(self, job: Job) -> None:
        """Answer a request until it is done, ends or has to step aside."""
        last_sent_s: dict[type[Reply], float] = {}
        assert job.replies is not None
        try:
            for reply in job.replies:
                now = time.monotonic()
                is_due = now - last_sent_s.get(type(reply), 0.0) > PROGRESS_INTERVAL_S
                if is_due or _must_be_sent(reply):
                    last_sent_s[type(reply)] = now
                    self._send(reply, job)
                check_cancelled()
                with self._wake:
                    conflict = self._mailbox.conflict_with(job.request, self._engine.is_open)
                    if conflict == "step aside":
                        self._preempted.append(job)
                        return
        except Cancelled:
            self._close(job)
            return
        except Exception as error:  # a fault of ours must end as a message, not as a dead thread
            failure = describe_failure(error, job.request.title, job.request)
            log.info("job %d failed: %s", job.number, failure.message)
            # first the failure, then what the job had: that can become a document of its own, and replies
            # to the document before it are not delivered any more
            self._send(failure, job)
            self._send_partial_result(job)
        self._send(JobEnded(), job)

    def _close(self, job: Job, deliver_partial: bool = True) -> None:
        assert job.replies is not None
        job.replies.close()  # type: ignore[attr-defined]  # answers are generators
        self._send_partial_result(job, deliver_partial)
        self._send(JobEnded(is_cancelled=True), job)

    def _send_partial_result(self, job: Job, deliver: bool = True) -> None:
        """A discovery that came to no end keeps what it has, marked partial."""
        kept, self._engine.partial_result = self._engine.partial_result, None
        if (
            deliver
            and kept is not None
            and isinstance(job.request, DiscoverCircuit)
            and not self._is_stopping
        ):
            self._send(kept, job)

    def _send(self, message: Reply | JobStarted | JobEnded, job: Job) -> None:
        self._message_sent.emit(Envelope(message, job.number, job.document_number))

    def _emit_idle(self) -> None:
        """Say so where nothing is left to do."""
        if not (self._mailbox.slots or self._preempted):
            self._message_sent.emit(Envelope(WorkerIdle(), None, None, self._n_requests))

    # in the window's thread

    def _send_dropped(self, jobs: Sequence[Job]) -> None:
        for job in jobs:
            self._send(JobEnded(is_cancelled=True), job)

    def _cancel_job(self, number: int) -> None:
        with self._wake:
            self._cancelled_numbers.add(number)
            dropped = self._mailbox.drop(number)
            self._wake.notify()
        self._send_dropped(dropped)

    def _on_message_sent(self, envelope: Envelope) -> None:
        """Replies that come at once are delivered one for each turn of the event loop."""
        if self.isFinished():
            self._deliver(envelope)  # the window is going, and its queue with it
        else:
            self.event_loop_queue.add(partial(self._deliver, envelope))

    def _deliver(self, envelope: Envelope) -> None:
        """Pass on what still is of interest."""
        message, number = envelope.message, envelope.job_number
        if isinstance(message, WorkerIdle):
            if envelope.n_requests == self._n_requests:
                self.replied.emit(message)
            return
        assert number is not None
        is_current = envelope.document_number in (None, self._document_number)
        if isinstance(message, JobEnded):
            self._cancelled_numbers.discard(number)
            handle = self._handles.pop(number)
            if message.is_cancelled or not is_current:
                handle.end_cancelled()
            else:
                handle.finish(None)  # where it had no result to give
            return
        if not is_current:
            return
        handle = self._handles[number]
        if isinstance(message, JobStarted):
            handle.started.emit()
            return
        self.replied.emit(message)
        handle.deliver(message)


def _replaces(request: Request, job: Job) -> bool:
    return request.invalidates_queue or request.slot == job.request.slot


def _must_be_sent(reply: Reply) -> bool:
    """Beginnings and results are always told; what is on the way, where there is time."""
    if isinstance(reply, ProgressReported):
        return reply.fraction == 0
    return bool(getattr(reply, "done", True))
