"""Python's cyclic garbage collector, in the window's thread alone.

It runs in whichever thread allocates. On the worker's it would destroy widgets and timers of closed windows
there, and Qt aborts the process where an object is destroyed by a thread that it does not live in.
"""

from __future__ import annotations

import gc
import threading
from contextlib import ExitStack
from time import perf_counter

from PySide6.QtCore import QObject, QTimer, Signal

from circuitviz.cancellation import POLL_INTERVAL_S, check_cancelled
from circuitviz.workbench.gc_pause import gc_paused

COLLECTION_INTERVAL_MS = 200
OLDEST = 2  # the generation with which all objects are collected
MAX_FULL_COLLECTION_SHARE = 0.01  # of the time: it looks at every object, those of circuits too


class GarbageCollector(QObject):
    """Collects from a timer while other threads run, by Python's own thresholds."""

    _collection_requested = Signal(object)  # threading.Event that says when it is done

    def __init__(self, parent: QObject) -> None:
        super().__init__(parent)
        self._pause = ExitStack()
        self._next_full_collection = 0.0  # on the clock of perf_counter
        self._timer = QTimer(self, interval=COLLECTION_INTERVAL_MS)
        self._timer.timeout.connect(self.collect_due)
        self._collection_requested.connect(self._collect_all)

    def start(self) -> None:
        """Collect in this thread alone from now on."""
        if not self._timer.isActive():
            self._pause.enter_context(gc_paused())
            self._timer.start()

    def stop(self) -> None:
        """Leave it to Python again: the other threads have ended."""
        self._timer.stop()
        self._pause.close()

    def collect_due(self) -> None:
        """Collect the oldest generation that is due, and all objects so seldom that it takes little time."""
        due = [count > limit for count, limit in zip(gc.get_count(), gc.get_threshold(), strict=True)]
        began = perf_counter()
        due[OLDEST] = due[OLDEST] and began >= self._next_full_collection
        if any(due):
            gc.collect(max(generation for generation, is_due in enumerate(due) if is_due))
        if due[OLDEST]:
            ended = perf_counter()
            self._next_full_collection = ended + (ended - began) / MAX_FULL_COLLECTION_SHARE

    def collect_and_wait(self) -> None:
        """Have all generations collected in the thread that this object lives in; called from another thread.

        Raises:
            Cancelled: Cancelling was requested in the calling thread. Where the window waits for that thread
                to end, nothing is collected any more.
        """
        is_done = threading.Event()
        self._collection_requested.emit(is_done)
        while not is_done.wait(POLL_INTERVAL_S):
            check_cancelled()

    def _collect_all(self, is_done: threading.Event) -> None:
        gc.collect()
        is_done.set()
