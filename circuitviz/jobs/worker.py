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

from circuitviz.errors import ComputationError, InputError
from circuitviz.jobs.engine import Engine
from circuitviz.jobs.find import Find
from circuitviz.jobs.mailbox import Mailbox
from circuitviz.jobs.messages import Failed, Idle, Moved, Reply, Request
from circuitviz.jobs.threads import free_cores
from circuitviz.jobs.turns import Turns
from circuitviz.stopping import BACKGROUND, Stopped, pause, stopping

EVERY = 0.1  # seconds between two signs of progress, or two partial results, which all are to be drawn


LONGEST_END_S = 10.0  # jobs look every 200 ms whether they are wanted; a library may not come back for longer
_left_behind: list[Worker] = []


def left_behind() -> bool:
    """Whether a thread that was told to end is still running: then the process must not wait for it."""
    behind = any(thread.name == BACKGROUND for thread in threading.enumerate())
    return behind or any(worker.isRunning() for worker in _left_behind)


@dataclass(frozen=True)
class Sent:
    """A reply on its way between the threads: of which document, and after how many requests."""

    reply: Reply
    document: int | None
    asked: int


@dataclass(frozen=True)
class Job:
    """A request that is being answered, for the document that was open when it was taken up."""

    request: Request
    replies: Iterator[Reply]
    document: int | None  # None: for any


class Worker(QThread):
    """The long-lived thread. ``replied`` carries frozen replies to the window's thread.

    A running job looks between its steps whether a more urgent request waits. It then steps aside,
    and goes on where it was; a newer request of its own kind, a new model or a cancel end it. What was
    asked for a document that was left is told no more, even if it was on its way already; and ``Idle``
    is told only where nothing was asked since.
    """

    replied = Signal(object)
    _sent = Signal(object)

    def __init__(self, engine: Engine | None = None, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._engine = engine or Engine()
        self._mailbox = Mailbox()
        self._wake = threading.Condition()
        self._aside: list[Job] = []
        self._cancelled = self._stopping = self._finishing = False
        self._running: Job | None = None
        self._document = self._asked = 0
        self.turns = Turns(self)
        self._sent.connect(self._arrive)

    def ask(self, request: Request) -> None:
        """Leave a request; an older one of its kind is dropped, waiting or running."""
        with self._wake:
            self._asked += 1
            self._mailbox.put(request)
            self._wake.notify()

    def leave(self) -> None:
        """Another document is opened: end whatever was asked for the one before, and keep nothing of it."""
        with self._wake:
            self._document += 1
            self._mailbox.void()
            self._wake.notify()

    def cancel(self) -> None:
        """End all jobs after the present step; what a search has found so far is kept."""
        with self._wake:
            self._cancelled = True
            self._mailbox.slots.clear()
            self._wake.notify()

    def stop(self) -> None:
        """End the thread and wait for it; to be called before the window goes.

        Where a library keeps it longer than ``LONGEST_END_S``, it is left behind (``left_behind``): the
        window must close, and destroying a running thread would abort the process.
        """
        with self._wake:
            self._stopping = self._cancelled = True
            self._wake.notify()
        if not self.wait(int(1000 * LONGEST_END_S)):
            self.setParent(None)
            _left_behind.append(self)
        self.turns.clear()

    def finish(self) -> None:
        """End the thread once nothing waits any more, and wait for that: files are written."""
        with self._wake:
            self._finishing = True
            self._wake.notify()
        self.wait()
        self.turns.finish()

    def run(self) -> None:
        """The thread's life: take the most urgent request, answer it, look again."""
        self._use_cores()
        with stopping(self._unwanted):
            while (job := self._next()) is not None:
                self._running = job
                self._do(job)
                with self._wake:
                    self._running = None
                    self._heed()
                    self._rest()

    def _next(self) -> Job | None:
        """The most urgent of what waits and what stepped aside; None: the thread is to end."""
        with self._wake:
            while not self._stopping:
                if self._heed():
                    self._rest()  # what was cancelled had not even begun
                aside = self._aside[-1].request if self._aside else None
                request = self._mailbox.take(aside, self._engine.opened)
                if request is not None:
                    self._end_aside(partial(_replaces, request), said=False)
                    document = self._document if request.rank >= 0 else None
                    return Job(request, self._engine.answer(request), document)
                if self._aside:
                    return self._aside.pop()
                if self._finishing:
                    break
                self._wake.wait()
            self._end_aside(lambda _job: True)
            return None

    def _heed(self) -> bool:
        """End what stepped aside, where all was to be cancelled or is of a document that was left.

        Whoever waits for it is told by Idle. Whether there was such a wish.
        """
        if self._stopping:
            return False
        heeded, self._cancelled = self._cancelled, False
        self._end_aside(lambda job: heeded or self._left(job))
        return heeded

    def _unwanted(self) -> bool:
        """Whether the running job is to end: asked at each of its steps, and at each ``pause`` between them.

        It is told so once, and can then write down what it has.
        """
        with self._wake:
            job = self._running
            if job is None:
                return False
            ends = self._mailbox.disturbs(job.request, self._engine.opened) == "end"
            ends = ends or self._cancelled or self._stopping or self._left(job)
            if ends:
                self._running = None
            return ends

    def _left(self, job: Job) -> bool:
        return job.document is not None and job.document != self._document

    def _rest(self) -> None:
        """Say so where nothing is left to do."""
        if not (self._mailbox.slots or self._aside):
            self._sent.emit(Sent(Idle(), None, self._asked))

    def _arrive(self, sent: Sent) -> None:
        """In the window's thread: several replies that came at once are told one by one."""
        if self.isRunning():
            self.turns.add(partial(self._tell, sent))
        else:
            self._tell(sent)  # the window is going, and its turns with it

    def _tell(self, sent: Sent) -> None:
        """In the window's thread: pass on what still is of interest."""
        if sent.document not in (None, self._document):
            return
        if not isinstance(sent.reply, Idle) or sent.asked == self._asked:
            self.replied.emit(sent.reply)

    def _end_aside(self, void: Callable[[Job], bool], said: bool = True) -> None:
        """Close those jobs that stepped aside and are void; ``said``: what they kept is told."""
        staying = []
        for job in self._aside:
            if void(job):
                job.replies.close()  # type: ignore[attr-defined]
                self._keep(job, said)
            else:
                staying.append(job)
        self._aside = staying

    def _do(self, job: Job) -> None:
        request, replies = job.request, job.replies
        shown: dict[type[Reply], float] = {}
        try:
            for reply in replies:
                now = time.monotonic()
                if _must_be_told(reply) or now - shown.get(type(reply), 0.0) > EVERY:
                    shown[type(reply)] = now
                    self._send(reply, job)
                pause()
                with self._wake:
                    wish = self._mailbox.disturbs(request, self._engine.opened)
                if wish == "step aside":
                    self._aside.append(job)
                    return
        except Stopped:
            replies.close()  # type: ignore[attr-defined]
            self._keep(job)
        except InputError as error:
            self._fail(job, str(error))
        except (ComputationError, MemoryError) as error:
            self._fail(job, str(error) or "This machine's memory was not enough.")
        except Exception as error:  # a fault of ours must end as a message, not as a dead thread
            text = f"{type(error).__name__}: {error}"
            self._fail(job, text, traceback.format_exc(), ours=True)

    def _send(self, reply: Reply, job: Job) -> None:
        self._sent.emit(Sent(reply, job.document, 0))

    def _keep(self, job: Job, said: bool = True) -> None:
        """A discovery that came to no end keeps what it has, marked partial."""
        kept, self._engine.kept = self._engine.kept, None
        if said and kept is not None and isinstance(job.request, Find) and not self._stopping:
            self._send(kept, job)

    def _fail(self, job: Job, message: str, details: str = "", ours: bool = False) -> None:
        """Tell of the failure, then of what the job had: that can become a document of its own, and replies
        to the document before it are not told any more.
        """
        self._send(Failed(job.request.title, message, details, ours, job.request), job)
        self._keep(job)

    @staticmethod
    def _use_cores() -> None:
        """Leave a core to the window; the numbers are read when torch is first imported."""
        os.environ.setdefault("OMP_NUM_THREADS", str(free_cores()))


def _replaces(request: Request, job: Job) -> bool:
    return request.fresh or request.slot == job.request.slot


def _must_be_told(reply: Reply) -> bool:
    """A beginning and what is whole are always told; what is on the way, where there is time."""
    if isinstance(reply, Moved):
        return reply.share == 0
    return bool(getattr(reply, "done", True))
