"""One thread owns the model and does one thing at a time; what is urgent interrupts what is long."""

from __future__ import annotations

import os
import threading
import time
import traceback
from collections.abc import Iterator

from PySide6.QtCore import QObject, QThread, Signal

from circuitviz.errors import ComputationError, InputError
from circuitviz.jobs.engine import Engine
from circuitviz.jobs.find import Find
from circuitviz.jobs.mailbox import Mailbox
from circuitviz.jobs.messages import Failed, Idle, Moved, Reply, Request
from circuitviz.jobs.threads import free_cores

EVERY = 0.1  # seconds between two signs of progress, or two partial results, which all are to be drawn


class Worker(QThread):
    """The long-lived thread. ``replied`` carries frozen replies to the window's thread.

    A running job looks between its steps whether a more urgent request waits. It then steps aside,
    and goes on where it was; a newer request of its own kind, a new model or a cancel end it.
    """

    replied = Signal(object)

    def __init__(self, engine: Engine | None = None, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._engine = engine or Engine()
        self._mailbox = Mailbox()
        self._wake = threading.Condition()
        self._aside: list[tuple[Request, Iterator[Reply]]] = []
        self._cancelled = self._stopping = False

    def ask(self, request: Request) -> None:
        """Leave a request; an older one of its kind is dropped, waiting or running."""
        with self._wake:
            self._mailbox.put(request)
            self._wake.notify()

    def cancel(self) -> None:
        """End all jobs after the present step; what a search has found so far is kept."""
        with self._wake:
            self._cancelled = True
            self._mailbox.slots.clear()
            self._wake.notify()

    def stop(self) -> None:
        """End the thread and wait for it; to be called before the window goes."""
        with self._wake:
            self._stopping = self._cancelled = True
            self._wake.notify()
        self.wait()

    def run(self) -> None:
        """The thread's life: take the most urgent request, answer it, look again."""
        self._use_cores()
        while (job := self._next()) is not None:
            self._do(*job)
            with self._wake:
                self._heed()
                waiting = bool(self._mailbox.slots or self._aside)
            if not waiting:
                self.replied.emit(Idle())

    def _next(self) -> tuple[Request, Iterator[Reply]] | None:
        """The most urgent of what waits and what stepped aside; None: the thread is to end."""
        with self._wake:
            while not self._stopping:
                self._heed()
                aside = self._aside[-1][0] if self._aside else None
                request = self._mailbox.take(aside, self._engine.opened)
                if request is not None:
                    self._end_aside(replaced_by=request)
                    return request, self._engine.answer(request)
                if self._aside:
                    return self._aside.pop()
                self._wake.wait()
            self._end_aside()
            return None

    def _heed(self) -> None:
        """End what stepped aside, where all was to be cancelled; whoever waits for it is told by Idle."""
        if self._cancelled and not self._stopping:
            self._end_aside()
            self._cancelled = False

    def _end_aside(self, replaced_by: Request | None = None) -> None:
        """Close jobs that stepped aside: all, or those that a request makes void."""
        staying = []
        for request, replies in self._aside:
            void = replaced_by is None or replaced_by.fresh or type(replaced_by) is type(request)
            if void:
                replies.close()  # type: ignore[attr-defined]
                self._keep(request, said=replaced_by is None)
            else:
                staying.append((request, replies))
        self._aside = staying

    def _do(self, request: Request, replies: Iterator[Reply]) -> None:
        shown: dict[type[Reply], float] = {}
        try:
            for reply in replies:
                now = time.monotonic()
                if _must_be_told(reply) or now - shown.get(type(reply), 0.0) > EVERY:
                    shown[type(reply)] = now
                    self.replied.emit(reply)
                with self._wake:
                    wish = self._mailbox.disturbs(request, self._engine.opened)
                if self._cancelled or self._stopping or wish == "end":
                    replies.close()  # type: ignore[attr-defined]
                    self._keep(request)
                    return
                if wish:
                    self._aside.append((request, replies))
                    return
        except InputError as error:
            self._keep(request)
            self._fail(request, str(error))
        except (ComputationError, MemoryError) as error:
            self._keep(request)
            self._fail(request, str(error) or "This machine's memory was not enough.")
        except Exception as error:  # a fault of ours must end as a message, not as a dead thread
            text = f"{type(error).__name__}: {error}"
            self._keep(request)
            self._fail(request, text, traceback.format_exc(), ours=True)

    def _keep(self, request: Request, said: bool = True) -> None:
        """A discovery that came to no end keeps what it has, marked partial."""
        kept, self._engine.kept = self._engine.kept, None
        if said and kept is not None and isinstance(request, Find) and not self._stopping:
            self.replied.emit(kept)

    def _fail(self, request: Request, message: str, details: str = "", ours: bool = False) -> None:
        self.replied.emit(Failed(request.title, message, details, ours))

    @staticmethod
    def _use_cores() -> None:
        """Leave a core to the window; the numbers are read when torch is first imported."""
        os.environ.setdefault("OMP_NUM_THREADS", str(free_cores()))


def _must_be_told(reply: Reply) -> bool:
    """A beginning and what is whole are always told; what is on the way, where there is time."""
    if isinstance(reply, Moved):
        return reply.share == 0
    return bool(getattr(reply, "done", True))
