"""One thread owns the model and does one thing at a time; the latest wish of a kind wins."""

from __future__ import annotations

import os
import threading
import time
import traceback

from PySide6.QtCore import QObject, QThread, Signal

from circuitviz.errors import ComputationError, InputError
from circuitviz.jobs.engine import Engine
from circuitviz.jobs.messages import (
    Failed,
    Find,
    Idle,
    Mailbox,
    Moved,
    Reply,
    Request,
)

EVERY = 0.1  # seconds between two signs of progress
TITLES = {
    "Catalog": "The methods were not loaded",
    "Find": "The circuit was not found",
    "Adopt": "The model was not opened",
    "Measure": "Faithfulness was not measured",
    "Curve": "The curve was not drawn",
    "Read": "The node was not read",
}


class Worker(QThread):
    """The long-lived thread. ``replied`` carries frozen replies to the window's thread."""

    replied = Signal(object)

    def __init__(self, engine: Engine | None = None, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._engine = engine or Engine()
        self._mailbox = Mailbox()
        self._wake = threading.Condition()
        self._cancelled = self._stopping = False

    def ask(self, request: Request) -> None:
        """Leave a request; an older one of its kind that still waits is dropped."""
        with self._wake:
            self._mailbox.put(request)
            self._wake.notify()

    def cancel(self) -> None:
        """End the running job after its present step; what it has found so far is kept."""
        with self._wake:
            self._cancelled = True
            self._mailbox.slots.clear()

    def stop(self) -> None:
        """End the thread and wait for it; to be called before the window goes."""
        with self._wake:
            self._stopping = self._cancelled = True
            self._wake.notify()
        self.wait()

    def run(self) -> None:
        """The thread's life: take the most urgent request, answer it, look again."""
        self._use_cores()
        while True:
            with self._wake:
                request = self._mailbox.take()
                while request is None and not self._stopping:
                    self._wake.wait()
                    request = self._mailbox.take()
                if self._stopping or request is None:
                    return
                self._cancelled = False
            self._do(request)
            with self._wake:
                waiting = bool(self._mailbox.slots)
            if not waiting:
                self.replied.emit(Idle())

    def _do(self, request: Request) -> None:
        shown = 0.0
        replies = self._engine.answer(request)
        try:
            for reply in replies:
                now = time.monotonic()
                if not isinstance(reply, Moved) or now - shown > EVERY or reply.share == 0:
                    shown = now if isinstance(reply, Moved) else shown
                    self.replied.emit(reply)
                if self._cancelled or self._stopping or self._mailbox.more_urgent(request):
                    replies.close()  # type: ignore[attr-defined]
                    self._keep(request)
                    return
        except InputError as error:
            self._fail(request, str(error))
        except (ComputationError, MemoryError) as error:
            self._fail(request, str(error) or "This machine's memory was not enough.")
        except Exception as error:  # a fault of ours must end as a message, not as a dead thread
            text = f"{type(error).__name__}: {error}"
            self._fail(request, text, traceback.format_exc(), ours=True)

    def _keep(self, request: Request) -> None:
        """A cancelled discovery keeps what it has, marked partial."""
        kept, self._engine.kept = self._engine.kept, None
        if kept is not None and isinstance(request, Find) and not self._stopping:
            self.replied.emit(kept)

    def _fail(self, request: Request, message: str, details: str = "", ours: bool = False) -> None:
        title = TITLES[type(request).__name__]
        reply: Reply = Failed(title, message, details, ours)
        self.replied.emit(reply)

    @staticmethod
    def _use_cores() -> None:
        """Leave a core to the window; the numbers are read when torch is first imported."""
        cores = max(1, (os.cpu_count() or 2) - 1)
        os.environ.setdefault("OMP_NUM_THREADS", str(cores))
