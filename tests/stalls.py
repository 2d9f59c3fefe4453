"""How long the window's thread was busy with one event: what keeps a person waiting.

Wall time would tell what a person feels on an idle machine, but on a shared one it also counts the
time in which other programs had the processor. So the limit holds for the processor time of the
window's own thread, which is the same whoever else is running; and time in which the thread was
neither running nor waiting for a processor (locks, files, imports in another thread) is held to a
limit of its own, wide enough for a worker that is put aside while it holds Python's lock.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from PySide6.QtWidgets import QApplication

LONGEST = 0.050  # seconds of the thread's own processor time for one event
BLOCKED = 0.500  # seconds of waiting for something else than a processor
SCHEDULE = Path("/proc/thread-self/schedstat")  # Linux: ns on a processor, ns waiting for one, slices


@dataclass(frozen=True)
class Stall:
    """One event that took too long, in seconds."""

    what: str
    busy: float
    blocked: float

    def __str__(self) -> str:
        return f"{self.what}: {self.busy * 1000:.0f} ms busy, {self.blocked * 1000:.0f} ms blocked"


class WatchedApplication(QApplication):
    """Measures every event of the window's thread, the outermost of nested ones."""

    def __init__(self, arguments: list[str]) -> None:
        super().__init__(arguments)
        self.stalls: list[Stall] = []
        self.worst = 0.0
        self._thread = threading.get_ident()
        self._inside = False

    def notify(self, receiver: Any, event: Any) -> bool:
        """Deliver an event and see how long it took."""
        if self._inside or threading.get_ident() != self._thread:
            return super().notify(receiver, event)
        name = f"{type(receiver).__name__} {receiver.objectName()} {event.type().name}"
        return self.timed(name, lambda: super(WatchedApplication, self).notify(receiver, event))

    def timed(self, what: str, work: Callable[[], Any], longest: float = LONGEST) -> Any:
        """Do something and note it where it was a stall."""
        self._inside = True  # what this delivers in its turn is part of it
        began, ready, busy = time.perf_counter(), _waited(), time.thread_time()
        try:
            return work()
        finally:
            self._inside = False
            used = time.thread_time() - busy
            blocked = time.perf_counter() - began - used - (_waited() - ready)
            self.worst = max(self.worst, used)
            if used > longest or blocked > BLOCKED:
                self.stalls.append(Stall(what, used, blocked))


def _waited() -> float:
    """Seconds that this thread has waited for a processor; 0 where nobody tells."""
    try:
        return int(SCHEDULE.read_text().split()[1]) / 1e9
    except (OSError, IndexError, ValueError):
        return 0.0
