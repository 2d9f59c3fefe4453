"""One thread owns the model and does one thing at a time; what is urgent interrupts what is long."""

from __future__ import annotations

import os
import threading
import time
import traceback
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial

from PySide6.QtCore import QObject, QThread, Signal

from circuitviz.cancellation import BACKGROUND_THREAD_NAME, Cancelled, cancellable, check_cancelled
from circuitviz.errors import ComputationError, InputError
from circuitviz.jobs.event_loop_queue import EventLoopQueue
from circuitviz.jobs.mailbox import Mailbox
from circuitviz.workbench.engine import Engine
from circuitviz.workbench.requests.discover_circuit import DiscoverCircuit
from circuitviz.workbench.requests.messages import JobFailed, ProgressReported, Reply, Request, WorkerIdle
from circuitviz.workbench.requests.torch_threads import default_thread_count

PROGRESS_INTERVAL_S = (
    0.1  # seconds between two signs of progress, or two partial results, which all are to be drawn
)


MAX_SHUTDOWN_S = (
    10.0  # jobs look every 200 ms whether they are wanted; a library may not come back for longer
)
_abandoned_workers: list[Worker] = []


def has_abandoned_threads() -> bool:
    """Whether a thread that was told to end is still running: then the process must not wait for it."""
    behind = any(thread.name == BACKGROUND_THREAD_NAME for thread in threading.enumerate())
    return behind or any(worker.isRunning() for worker in _abandoned_workers)


@dataclass(frozen=True)
class ReplyEnvelope:
    """A reply on its way between the threads: of which document, and after how many requests."""

    reply: Reply
    document_number: int | None
    n_requests: int


@dataclass(frozen=True)
class Job:
    """A request that is being answered, for the document that was open when it was taken up."""

    request: Request
    replies: Iterator[Reply]
    document_number: int | None  # None: for any


class Worker(QThread):
    """The long-lived thread. ``replied`` carries frozen replies to the window's thread.

    A running job looks between its steps whether a more urgent request waits. It then steps aside,
    and goes on where it was; a newer request of its own kind, a new model or a cancel end it. What was
    asked for a document that was left is told no more, even if it was on its way already; and ``WorkerIdle``
    is told only where nothing was asked since.
    """

    replied = Signal(object)
    _reply_sent = Signal(object)

    def __init__(self, engine: Engine | None = None, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._engine = engine or Engine()
        self._mailbox = Mailbox()
        self._wake = threading.Condition()
        self._preempted: list[Job] = []
        self._is_cancel_requested = self._is_stopping = self._stop_when_empty = False
        self._running: Job | None = None
        self._document_number = self._n_requests = 0
        self.event_loop_queue = EventLoopQueue(self)
        self._reply_sent.connect(self._on_reply_sent)

    def submit(self, request: Request) -> None:
        """Leave a request; an older one of its kind is dropped, waiting or running."""
        with self._wake:
            self._n_requests += 1
            self._mailbox.put(request)
            self._wake.notify()

    def drop_document_jobs(self) -> None:
        """Another document is opened: end whatever was asked for the one before, and keep nothing of it."""
        with self._wake:
            self._document_number += 1
            self._mailbox.drop_model_requests()
            self._wake.notify()

    def cancel_all(self) -> None:
        """End all jobs after the present step; what a search has found so far is kept."""
        with self._wake:
            self._is_cancel_requested = True
            self._mailbox.slots.clear()
            self._wake.notify()

    def stop(self) -> None:
        """End the thread and wait for it; to be called before the window goes.

        Where a library keeps it longer than ``MAX_SHUTDOWN_S``, it is left behind (``has_abandoned_threads``): the
        window must close, and destroying a running thread would abort the process.
        """
        with self._wake:
            self._is_stopping = self._is_cancel_requested = True
            self._wake.notify()
        if not self.wait(int(1000 * MAX_SHUTDOWN_S)):
            self.setParent(None)
            _abandoned_workers.append(self)
        self.event_loop_queue.clear()

    def finish_and_stop(self) -> None:
        """End the thread once nothing waits any more, and wait for that: files are written."""
        with self._wake:
            self._stop_when_empty = True
            self._wake.notify()
        self.wait()
        self.event_loop_queue.run_all()

    def run(self) -> None:
        """The thread's life: take the most urgent request, answer it, look again."""
        self._set_thread_count()
        with cancellable(self._is_job_cancelled):
            while (job := self._next_job()) is not None:
                self._running = job
                self._run_job(job)
                with self._wake:
                    self._running = None
                    self._apply_cancellation()
                    self._emit_idle()

    def _next_job(self) -> Job | None:
        """The most urgent of what waits and what stepped aside; None: the thread is to end."""
        with self._wake:
            while not self._is_stopping:
                if self._apply_cancellation():
                    self._emit_idle()  # what was cancelled had not even begun
                aside = self._preempted[-1].request if self._preempted else None
                request = self._mailbox.take_next(aside, self._engine.is_open)
                if request is not None:
                    self._close_preempted(partial(_replaces, request), deliver_partial=False)
                    document = self._document_number if request.priority >= 0 else None
                    return Job(request, self._engine.execute(request), document)
                if self._preempted:
                    return self._preempted.pop()
                if self._stop_when_empty:
                    break
                self._wake.wait()
            self._close_preempted(lambda _job: True)
            return None

    def _apply_cancellation(self) -> bool:
        """End what stepped aside, where all was to be cancelled or is of a document that was left.

        Whoever waits for it is told by Idle. Whether there was such a wish.
        """
        if self._is_stopping:
            return False
        heeded, self._is_cancel_requested = self._is_cancel_requested, False
        self._close_preempted(lambda job: heeded or self._is_of_closed_document(job))
        return heeded

    def _is_job_cancelled(self) -> bool:
        """Whether the running job is to end: asked at each of its steps, and at each ``pause`` between them.

        It is told so once, and can then write down what it has.
        """
        with self._wake:
            job = self._running
            if job is None:
                return False
            ends = self._mailbox.conflict_with(job.request, self._engine.is_open) == "end"
            ends = ends or self._is_cancel_requested or self._is_stopping or self._is_of_closed_document(job)
            if ends:
                self._running = None
            return ends

    def _is_of_closed_document(self, job: Job) -> bool:
        return job.document_number is not None and job.document_number != self._document_number

    def _emit_idle(self) -> None:
        """Say so where nothing is left to do."""
        if not (self._mailbox.slots or self._preempted):
            self._reply_sent.emit(ReplyEnvelope(WorkerIdle(), None, self._n_requests))

    def _on_reply_sent(self, sent: ReplyEnvelope) -> None:
        """In the window's thread: several replies that came at once are told one by one."""
        if self.isRunning():
            self.event_loop_queue.add(partial(self._deliver, sent))
        else:
            self._deliver(sent)  # the window is going, and its turns with it

    def _deliver(self, sent: ReplyEnvelope) -> None:
        """In the window's thread: pass on what still is of interest."""
        if sent.document_number not in (None, self._document_number):
            return
        if not isinstance(sent.reply, WorkerIdle) or sent.n_requests == self._n_requests:
            self.replied.emit(sent.reply)

    def _close_preempted(self, should_close: Callable[[Job], bool], deliver_partial: bool = True) -> None:
        """Close those jobs that stepped aside and are void; ``deliver_partial``: what they kept is told."""
        staying = []
        for job in self._preempted:
            if should_close(job):
                job.replies.close()  # type: ignore[attr-defined]
                self._send_partial_result(job, deliver_partial)
            else:
                staying.append(job)
        self._preempted = staying

    def _run_job(self, job: Job) -> None:
        request, replies = job.request, job.replies
        shown: dict[type[Reply], float] = {}
        try:
            for reply in replies:
                now = time.monotonic()
                if _must_be_sent(reply) or now - shown.get(type(reply), 0.0) > PROGRESS_INTERVAL_S:
                    shown[type(reply)] = now
                    self._send_reply(reply, job)
                check_cancelled()
                with self._wake:
                    wish = self._mailbox.conflict_with(request, self._engine.is_open)
                if wish == "step aside":
                    self._preempted.append(job)
                    return
        except Cancelled:
            replies.close()  # type: ignore[attr-defined]
            self._send_partial_result(job)
        except InputError as error:
            self._send_failure(job, str(error))
        except (ComputationError, MemoryError) as error:
            self._send_failure(job, str(error) or "This machine's memory was not enough.")
        except Exception as error:  # a fault of ours must end as a message, not as a dead thread
            text = f"{type(error).__name__}: {error}"
            self._send_failure(job, text, traceback.format_exc(), is_internal_error=True)

    def _send_reply(self, reply: Reply, job: Job) -> None:
        self._reply_sent.emit(ReplyEnvelope(reply, job.document_number, 0))

    def _send_partial_result(self, job: Job, deliver_partial: bool = True) -> None:
        """A discovery that came to no end keeps what it has, marked partial."""
        kept, self._engine.partial_result = self._engine.partial_result, None
        if (
            deliver_partial
            and kept is not None
            and isinstance(job.request, DiscoverCircuit)
            and not self._is_stopping
        ):
            self._send_reply(kept, job)

    def _send_failure(
        self, job: Job, message: str, details: str = "", is_internal_error: bool = False
    ) -> None:
        """Tell of the failure, then of what the job had: that can become a document of its own, and replies
        to the document before it are not told any more.
        """
        self._send_reply(JobFailed(job.request.title, message, details, is_internal_error, job.request), job)
        self._send_partial_result(job)

    @staticmethod
    def _set_thread_count() -> None:
        """Leave a core to the window; the numbers are read when torch is first imported."""
        os.environ.setdefault("OMP_NUM_THREADS", str(default_thread_count()))


def _replaces(request: Request, job: Job) -> bool:
    return request.invalidates_queue or request.slot == job.request.slot


def _must_be_sent(reply: Reply) -> bool:
    """A beginning and what is whole are always told; what is on the way, where there is time."""
    if isinstance(reply, ProgressReported):
        return reply.fraction == 0
    return bool(getattr(reply, "done", True))
