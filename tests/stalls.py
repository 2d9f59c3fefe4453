"""How long the window's thread was busy at a stretch: what keeps a person waiting.

While a test waits, the window's thread tells of each turn of the event loop, and a timer beats every
few milliseconds; between two of these lies what kept the thread from hearing the person. Clicks, keys and actions of the test itself are timed one by one.

Wall time would tell what a person feels on an idle machine, but on a shared one it also counts the
time in which other programs had the processor. So the limit holds for the processor time of the
window's own thread, which is nearly the same whoever else is running; and time in which the thread was
neither running nor waiting for a processor (locks, files, imports in another thread) is held to a
limit of its own, wide enough for a worker that is put aside while it holds Python's lock.

Measuring each event by ``QApplication.notify`` was tried: Python then wraps widgets whose destructors
already run, which crashes.

To measure takes a tenth of a journey's own time, and the limits hold on a machine that does little else, so
the ordinary run does neither: ``pytest --stalls`` runs the tests that are marked ``stalls``, measured, in
one process.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import pytest
from PySide6.QtCore import QAbstractEventDispatcher, QCoreApplication, QTimer
from pytestqt.qtbot import QtBot

AIM = 0.050  # seconds of the thread's own processor time: what a person does not notice
LONGEST = (
    4 * AIM
)  # a shared machine's caches make the same work two or three times dearer; a fault costs more
BLOCKED = 2.0  # seconds of waiting for something else than a processor
BEAT_MS = (
    5  # a beat a millisecond cost a tenth of a processor and Python's lock; fewer only make stretches longer
)
SCHEDULE = Path("/proc/thread-self/schedstat")  # Linux: ns on a processor, ns waiting for one, slices
Times = tuple[float, float, float]


@dataclass(frozen=True)
class Stall:
    """A stretch that took too long, in seconds."""

    what: str
    busy: float
    blocked: float

    def __str__(self) -> str:
        return f"{self.what}: {self.busy * 1000:.0f} ms busy, {self.blocked * 1000:.0f} ms blocked"


class Watch:
    """Notes every stall while a test waits, clicks and types, once it is installed.

    Attributes:
        stalls: What took too long.
        worst: Seconds of the longest busy stretch.
        longest: Seconds that the thread may be busy between two turns of the event loop.
    """

    listeners: ClassVar[list[Callable[[str, Times, Times], None]]] = []
    """Told of every stretch: what it was, and the times before and after it, as ``_now`` tells them."""

    def __init__(self) -> None:
        self.stalls: list[Stall] = []
        self.worst = 0.0
        self.longest = LONGEST
        self._is_measuring = False

    def install(self, patch: pytest.MonkeyPatch) -> None:
        """Measure from now on: each wait, click and key of the test."""
        self._is_measuring = True
        self._beat = QTimer(QCoreApplication.instance(), interval=BEAT_MS)
        self._beat.timeout.connect(self._beaten)
        self._since = self._now()
        whole = QtBot.wait

        def wait(bot: QtBot, ms: int) -> None:
            loop = QAbstractEventDispatcher.instance()
            self._since = self._now()
            self._beat.start()
            loop.awake.connect(self._beaten)
            try:
                whole(bot, ms)
            finally:
                self._beaten()
                self._beat.stop()
                loop.awake.disconnect(self._beaten)

        patch.setattr(QtBot, "wait", wait)
        for name in ("mouseClick", "mouseDClick", "keyClick", "keyClicks"):
            plain = getattr(QtBot, name)
            told = lambda *a, _do=plain, _name=name, **k: self.timed(_name, lambda: _do(*a, **k))  # noqa: E731
            patch.setattr(QtBot, name, staticmethod(told))

    def rest(self) -> None:
        """Note nothing from now on."""
        self._is_measuring = False

    def timed(self, what: str, work: Callable[[], Any], longest: float = LONGEST) -> Any:
        """Do something and note it where it was a stall."""
        if not self._is_measuring:
            return work()
        before = self._now()
        try:
            return work()
        finally:
            self._since = self._now()
            self._note(what, before, self._since, longest)

    def _beaten(self) -> None:
        before, self._since = self._since, self._now()
        self._note("events", before, self._since, self.longest)

    def _note(self, what: str, before: Times, now: Times, longest: float) -> None:
        if not self._is_measuring:
            return
        for told in self.listeners:
            told(what, before, now)
        wall, used, queued = (b - a for a, b in zip(before, now, strict=True))
        self.worst = max(self.worst, used)
        asleep = wall - used - queued if what != "events" else 0.0  # between beats it may well sleep
        if used > longest or asleep > BLOCKED:
            self.stalls.append(Stall(what, used, asleep))

    @staticmethod
    def _now() -> Times:
        """Wall time, processor time, and time of waiting for a processor (0 where nobody tells)."""
        try:
            queued = int(SCHEDULE.read_text().split()[1]) / 1e9
        except (OSError, IndexError, ValueError):
            queued = 0.0
        return time.perf_counter(), time.thread_time(), queued
