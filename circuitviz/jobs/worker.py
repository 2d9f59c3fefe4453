"""One thread owns the model and does one thing at a time; what is urgent interrupts what is long."""

from __future__ import annotations

import logging
import os
import threading
import weakref
from collections.abc import Callable, Sequence
from functools import partial

from PySide6.QtCore import QObject, QThread, Signal

from circuitviz.cancellation import BACKGROUND_THREAD_NAME, Cancelled, cancellable, check_cancelled
from circuitviz.cluster import ComputePlace, RemoteEngines
from circuitviz.jobs.event_loop_queue import EventLoopQueue
from circuitviz.jobs.failure import describe_failure
from circuitviz.jobs.garbage_collector import GarbageCollector
from circuitviz.jobs.job_handle import JobHandle
from circuitviz.jobs.mailbox import Job, Mailbox
from circuitviz.jobs.reply_delivery import (
    Envelope,
    JobEnded,
    JobStarted,
    Message,
    ReplyDelivery,
    TabDocuments,
)
from circuitviz.jobs.reply_throttle import ReplyThrottle
from circuitviz.workbench.engine import Engine
from circuitviz.workbench.engine_pool import EnginePool
from circuitviz.workbench.requests.discover_circuit import DiscoverCircuit
from circuitviz.workbench.requests.messages import Request, WorkerIdle
from circuitviz.workbench.requests.priority import Priority
from circuitviz.workbench.requests.torch_threads import default_thread_count

MAX_SHUTDOWN_S = 10.0  # jobs look every 200 ms whether they are wanted; a library may take longer

log = logging.getLogger(__name__)
_abandoned_workers: list[Worker] = []


def has_abandoned_threads() -> bool:
    """Whether a thread that was told to end is still running: the process must not wait for it."""
    is_background = any(thread.name == BACKGROUND_THREAD_NAME for thread in threading.enumerate())
    return is_background or any(worker.isRunning() for worker in _abandoned_workers)


class Worker(QThread):
    """The long-lived thread that owns the models of all tabs.

    A running job looks between its steps whether a more urgent request waits. It then steps aside and goes
    on later where it was; a newer request of its own kind, a new model or a cancellation end it. Replies to
    what was asked for a document that was closed are dropped, even if they were on their way already; the
    handle of such a job is told that it was cancelled. ``WorkerIdle`` is delivered only where nothing was
    submitted since.

    Jobs of a tab that is not in front go on, and what they reply waits (``ReplyDelivery``): whoever listens
    to their handles never hears of another tab than the one on the screen.

    ``replied`` carries every reply to the window's thread, before the job's own handle is told.
    """

    submitted = Signal(object)  # JobHandle
    replied = Signal(object)
    _message_sent = Signal(object)

    def __init__(self, engine: Engine | None = None, parent: QObject | None = None) -> None:
        super().__init__(parent)
        # weakly: a worker in a cycle would be destroyed by whichever thread collects garbage
        is_busy = weakref.WeakMethod(self._is_tab_busy)
        self.garbage_collector = GarbageCollector(self)
        self._engines: EnginePool | RemoteEngines = EnginePool(
            engine,
            lambda tab: (ask := is_busy()) is not None and ask(tab),
            self.garbage_collector.collect_and_wait,
        )
        self._mailbox = Mailbox()
        self._wake = threading.Condition()
        self._preempted: list[Job] = []
        self._held: dict[int, Job] = {}
        self._numbers_to_hold: set[int] = set()
        self._is_cancel_requested = self._is_stopping = False
        self._cancelled_numbers: set[int] = set()
        self._running: Job | None = None
        self._n_requests = self._n_tabs = 0
        self._documents = TabDocuments()
        self._closed_tabs: list[int] = []
        self.place_text = ""  # where models run, where that is not this computer
        # used in the window's thread only
        self.event_loop_queue = EventLoopQueue(self)
        self._delivery = ReplyDelivery(self._documents, self)
        self._delivery.replied.connect(self.replied)
        self._delivery.job_ended.connect(self._forget_job)
        self._message_sent.connect(self._on_message_sent)

    def use_remote_engines(self, place: ComputePlace) -> None:
        """Answer on another place than this computer; to be called before the thread starts."""
        self._engines, self.place_text = RemoteEngines(place), place.text

    # tabs

    def open_tab(self) -> int:
        """The number of a new tab; the first is 0."""
        number, self._n_tabs = self._n_tabs, self._n_tabs + 1
        return number

    def set_front_tab(self, tab: int, instead_of: int | None) -> None:
        """Deliver what is replied to a tab, and what waits for it, instead of another one's."""
        self._delivery.set_front_tab(tab, instead_of)
        self._queue_waiting(tab)

    def close_tab(self, tab: int) -> None:
        """End a tab's jobs, and let go of what it has open."""
        self.drop_document_jobs(tab)
        with self._wake:
            self._closed_tabs.append(tab)
            self._wake.notify()

    # jobs

    def submit(
        self, request: Request, tab: int = 0, *, is_search: bool = False, is_held: bool = False
    ) -> JobHandle:
        """Leave a request; an older one of its kind and tab is dropped, waiting or running.

        Args:
            request: What is asked for.
            tab: The number of the tab that asks.
            is_search: It runs beside the person's work: jobs of other tabs interrupt it, and its replies are
                delivered whichever tab is in front.
            is_held: It waits until it is released.

        Returns:
            The job's handle; its signals come later, from the event loop.
        """
        with self._wake:
            self._n_requests += 1
            number = self._n_requests
            job = Job(number, request, is_search=is_search)
            if request.priority >= Priority.OPEN_MODEL:
                job.tab, job.document_number = tab, self._documents.number_of(tab)
            cancel = partial(self._cancel_job, number)
            handle = self._delivery.handles[number] = JobHandle(request, cancel, number)
            dropped = []
            if is_held:
                self._held[number] = job
                handle.set_held(True)
            else:
                dropped = self._mailbox.put(job)
            self._wake.notify()
        log.debug("job %d submitted: %s", number, type(request).__name__)
        self._send_dropped(dropped)
        self.submitted.emit(handle)
        return handle

    def hold(self, handle: JobHandle) -> None:
        """Stop a job after its present step, or before its first; it keeps what it has."""
        with self._wake:
            number = handle.number
            waiting = self._mailbox.drop(number)
            stopped = [job for job in self._preempted if job.number == number]
            self._preempted = [job for job in self._preempted if job.number != number]
            if waiting or stopped:
                self._held[number] = (waiting or stopped)[0]
            else:
                self._numbers_to_hold.add(number)
        handle.set_held(True)

    def release(self, handle: JobHandle) -> None:
        """Let a job that is held go on, once nothing more urgent runs."""
        with self._wake:
            self._n_requests += 1  # what says that nothing is left to do is out of date
            self._numbers_to_hold.discard(handle.number)
            dropped = self._release(handle.number)
            self._wake.notify()
        handle.set_held(False)
        self._send_dropped(dropped)

    def drop_document_jobs(self, tab: int = 0) -> None:
        """Another document is opened in a tab: end what was asked for the one before, and keep none of it."""
        with self._wake:
            self._documents.begin_next(tab)
            dropped = self._mailbox.drop_tab(tab)
            for number in [number for number, job in self._held.items() if job.tab == tab]:
                dropped += self._end_held(number)
            self._wake.notify()
        self._send_dropped(dropped)
        self._queue_waiting(tab)  # handles are told that they ended

    def cancel_all(self) -> None:
        """End all jobs after the present step, but for those that are held; a search keeps what it found."""
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
        self._engines.close_all()

    # in the worker's thread

    def _next_job(self) -> Job | None:
        """The most urgent of what waits and what stepped aside; None: the thread is to end."""
        with self._wake:
            while not self._is_stopping:
                if self._apply_cancellation():
                    self._emit_idle()  # what was cancelled had not even begun
                preempted = self._preempted[-1] if self._preempted else None
                job = self._mailbox.take_next(preempted, self._engines.is_open)
                if job is not None:
                    self._close_preempted(job.replaces, deliver_partial=False)
                    job.replies = self._engines.engine(job.tab).execute(job.request)
                    self._send(JobStarted(), job)
                    return job
                if self._preempted:
                    return self._preempted.pop()
                self._wake.wait()
            self._preempted += [job for job in self._held.values() if job.replies is not None]
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
        self._close_engines()
        return cancels_all

    def _close_engines(self, but: int | None = None) -> None:
        """Let go of what closed tabs have open; ``but``: the tab of the job that runs."""
        for tab in [tab for tab in self._closed_tabs if tab != but]:
            self._closed_tabs.remove(tab)
            self._engines.close(tab)

    def _is_tab_busy(self, tab: int | None) -> bool:
        """Whether a tab has jobs that run, wait or stepped aside."""
        with self._wake:
            jobs = (*self._mailbox.slots.values(), *self._preempted, *self._held.values())
            return any(job.tab == tab for job in jobs)

    def _is_job_cancelled(self) -> bool:
        """Whether the running job is to end: asked at each of its steps and at each ``check_cancelled``.

        It is told so once, and can then write down what it has.
        """
        with self._wake:
            job = self._running
            if job is None:
                return False
            conflict = self._mailbox.conflict_with(job, self._engines.is_open)
            is_cancelled = (
                conflict == "end" or self._is_cancel_requested or self._is_stopping or self._is_unwanted(job)
            )
            if is_cancelled:
                self._running = None
            return is_cancelled

    def _is_unwanted(self, job: Job) -> bool:
        """Whether this one job was cancelled, or is of a document that was closed."""
        return not self._documents.is_current(job) or job.number in self._cancelled_numbers

    def _close_preempted(self, should_close: Callable[[Job], bool], deliver_partial: bool = True) -> None:
        """Close jobs that stepped aside; ``deliver_partial``: what they have so far is told."""
        closing = [job for job in self._preempted if should_close(job)]
        self._preempted = [job for job in self._preempted if job not in closing]
        for job in closing:
            self._close(job, deliver_partial)

    def _run_job(self, job: Job) -> None:
        """Answer a request until it is done, ends or has to step aside."""
        throttle = ReplyThrottle()
        assert job.replies is not None
        try:
            for reply in job.replies:
                if throttle.is_due(reply):
                    self._send(reply, job)
                check_cancelled()
                with self._wake:
                    self._close_preempted(self._is_unwanted)  # such as a paused search whose tab was closed
                    self._close_engines(but=job.tab)
                    if job.number in self._numbers_to_hold:
                        self._numbers_to_hold.discard(job.number)
                        self._held[job.number] = job
                        return
                    if self._mailbox.conflict_with(job, self._engines.is_open) == "step aside":
                        self._preempted.append(job)
                        return
        except Cancelled:
            self._close(job)
            return
        except Exception as error:  # a fault of ours must end as a message, not as a dead thread
            failure = describe_failure(error, job.request.title, job.request)
            log.info("job %d failed: %s", job.number, failure.message)
            self._send_partial_result(job)  # before its handle is told that nothing more comes
            self._send(failure, job)
        self._send(JobEnded(), job)

    def _close(self, job: Job, deliver_partial: bool = True) -> None:
        assert job.replies is not None
        job.replies.close()
        self._send_partial_result(job, deliver_partial)
        self._send(JobEnded(is_cancelled=True), job)

    def _send_partial_result(self, job: Job, deliver: bool = True) -> None:
        """A discovery that came to no end keeps what it has, marked partial."""
        engine = self._engines.engine(job.tab)
        kept, engine.partial_result = engine.partial_result, None
        is_wanted = deliver and isinstance(job.request, DiscoverCircuit) and not self._is_stopping
        if is_wanted and kept is not None:
            self._send(kept, job)

    def _send(self, message: Message, job: Job) -> None:
        self._message_sent.emit(Envelope(message, job))

    def _emit_idle(self) -> None:
        """Say so where nothing is left to do."""
        if not (self._mailbox.slots or self._preempted):
            self._message_sent.emit(Envelope(WorkerIdle(), None, self._n_requests))

    # in the window's thread

    def _send_dropped(self, jobs: Sequence[Job]) -> None:
        for job in jobs:
            self._send(JobEnded(is_cancelled=True), job)

    def _cancel_job(self, number: int) -> None:
        with self._wake:
            self._cancelled_numbers.add(number)
            dropped = self._mailbox.drop(number) + self._end_held(number)
            self._wake.notify()
        self._send_dropped(dropped)

    def _release(self, number: int) -> list[Job]:
        """Let a job that is held go on; returns the jobs that it replaces."""
        job = self._held.pop(number, None)
        if job is None:
            return []
        if job.replies is None:
            return self._mailbox.put(job)
        self._preempted.insert(0, job)
        return []

    def _end_held(self, number: int) -> list[Job]:
        """Let the thread close a job that is held and unwanted; returns it where it had not begun."""
        job = self._held.get(number)
        if job is not None and job.replies is None:
            return [self._held.pop(number)]
        self._release(number)
        return []

    def _on_message_sent(self, envelope: Envelope) -> None:
        """Replies that come at once are delivered one for each turn of the event loop."""
        if self.isFinished():
            self._deliver(envelope)  # the window is going, and its queue with it
        else:
            self.event_loop_queue.add(partial(self._deliver, envelope))

    def _deliver(self, envelope: Envelope) -> None:
        """Pass a message on; that nothing is left to do only where nothing was submitted since."""
        if envelope.job is not None:
            self._delivery.deliver(envelope.message, envelope.job)
        elif envelope.n_requests == self._n_requests:
            self.replied.emit(envelope.message)

    def _queue_waiting(self, tab: int) -> None:
        if self._delivery.has_waiting(tab):
            self.event_loop_queue.add(partial(self._delivery.deliver_waiting, tab))

    def _forget_job(self, number: int) -> None:
        self._cancelled_numbers.discard(number)
        self._numbers_to_hold.discard(number)
