"""How long the window's thread is busy at a stretch in the tests' own journeys, and with what.

    python tests/benchmarks/bench_stalls.py [tests/shell/test_journey.py ...]

Runs the journeys (the tests marked ``stalls``) one after another and lists each stretch of more than 50 ms of
the thread's own processor time, with the places where it was found at work (looked at every 8 ms; none: in Qt
itself, until it calls Python again).
To be run on a machine that does nothing else.
"""

from __future__ import annotations

import gc
import os
import signal
import sys
from collections import Counter, deque
from pathlib import Path
from time import perf_counter
from types import FrameType

os.environ["QT_QPA_PLATFORM"] = "offscreen"

import pytest

TESTS = Path(__file__).parents[1]
LOOK = 0.008  # seconds between two looks at what the thread does
DEEP = 4  # callers that are named
HOUSE = f"{os.sep}circuitviz{os.sep}"


class Stretches:
    """Collects all stretches of all journeys, and what the thread was at in the long ones."""

    def __init__(self) -> None:
        self.busy: list[float] = []
        self.long: list[tuple[float, str, str, Counter[str]]] = []
        self._test, self._aim = "", 0.0
        self._seen: deque[tuple[float, str]] = deque(maxlen=2000)
        self._swept = 0.0
        gc.callbacks.append(self._sweeping)
        signal.signal(signal.SIGALRM, self._look)
        signal.setitimer(signal.ITIMER_REAL, LOOK, LOOK)

    def pytest_collection_finish(self) -> None:
        """Listen to the watch, which must not be imported before pytest has made it its own."""
        from stalls import AIM, Watch

        self._aim = AIM
        Watch.listeners.append(self.note)

    def pytest_runtest_logstart(self, nodeid: str) -> None:
        """Another journey begins."""
        self._test = nodeid

    def note(self, what: str, before: tuple[float, ...], now: tuple[float, ...]) -> None:
        """One stretch."""
        busy = now[1] - before[1]
        self.busy.append(busy)
        if busy > self._aim:
            at = Counter(place for time, place in list(self._seen) if before[0] <= time <= now[0])
            self.long.append((busy, f"{what} (stretch {len(self.busy):,})", self._test, at))

    def _look(self, _signal: int, frame: FrameType | None) -> None:
        """Called in the window's thread, which a thread of its own could only look at by risking a deadlock."""
        places: list[str] = []
        while frame is not None and len(places) < DEEP:
            if HOUSE in (name := frame.f_code.co_filename) and f"{os.sep}tests{os.sep}" not in name:
                places.append(f"{name.rpartition(HOUSE)[2]}:{frame.f_lineno} {frame.f_code.co_name}")
            frame = frame.f_back
        self._seen.append((perf_counter(), " < ".join(places)))

    def _sweeping(self, phase: str, info: dict[str, int]) -> None:
        """Python's collector holds all threads, also the one that looks."""
        if phase == "start":
            self._swept = perf_counter()
        elif (took := perf_counter() - self._swept) > LOOK:
            what = f"Python's collector, generation {info['generation']}, {1000 * took:.0f} ms"
            self._seen.append((perf_counter(), what))

    def report(self) -> None:
        """Print how many there were, and the long ones, longest first."""
        busy = sorted(self.busy)
        if not busy:
            print("no journey was watched")
            return
        print(
            f"\n{len(busy):,} stretches; 99 in 100 under {1000 * busy[int(0.99 * len(busy))]:.1f} ms, ",
            end="",
        )
        print(f"longest {1000 * busy[-1]:.0f} ms, over {1000 * self._aim:.0f} ms: {len(self.long)}")
        for taken, what, test, at in sorted(self.long, key=lambda row: row[0], reverse=True):
            print(f"\n{1000 * taken:.0f} ms  {what}  {test}")
            for place, times in at.most_common(4):
                print(f"    {times:3}  {place}")


if __name__ == "__main__":
    stretches = Stretches()
    wanted = sys.argv[1:] or [str(TESTS)]
    plain = ["-q", "-p", "no:cacheprovider", "-p", "no:xdist"]
    status = pytest.main([*plain, "--stalls", *wanted], plugins=[stretches])
    signal.setitimer(signal.ITIMER_REAL, 0)
    stretches.report()
    sys.exit(status)
