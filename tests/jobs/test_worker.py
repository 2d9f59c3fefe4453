"""The worker's promises to whoever waits: the latest wins, cancelling ends all and says so."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import dataclass, field

from pytestqt.qtbot import QtBot

from circuitviz.jobs import Idle, Moved, Reply, Request, Worker
from circuitviz.jobs.engine import Engine


@dataclass(frozen=True)
class Long(Request):
    """Goes on until it is ended."""

    rank = 50
    steps: list[int] = field(default_factory=list)

    def answer(self, engine: Engine) -> Iterator[Reply]:
        """Endless."""
        while True:
            self.steps.append(1)
            yield Moved("long", 0.0, "")


@dataclass(frozen=True)
class Short(Request):
    """More urgent; one step that lasts until it is let go."""

    rank = 10
    begun: threading.Event = field(default_factory=threading.Event)
    go: threading.Event = field(default_factory=threading.Event)

    def answer(self, engine: Engine) -> Iterator[Reply]:
        """One step."""
        self.begun.set()
        self.go.wait(10)
        yield Moved("short", 1.0, "")


def test_cancelling_while_a_job_stands_aside_ends_it_and_says_so(qtbot: QtBot) -> None:
    worker, seen, long, short = Worker(Engine()), [], Long(), Short()
    worker.replied.connect(seen.append)
    worker.start()
    try:
        worker.ask(long)
        qtbot.waitUntil(lambda: len(long.steps) > 3)
        worker.ask(short)
        qtbot.waitUntil(short.begun.is_set)
        assert not any(isinstance(reply, Idle) for reply in seen)
        worker.cancel()
        short.go.set()
        qtbot.waitUntil(lambda: any(isinstance(reply, Idle) for reply in seen))
        steps = len(long.steps)
        qtbot.wait(50)
        assert len(long.steps) == steps
    finally:
        worker.stop()


def test_a_long_job_goes_on_after_an_urgent_one(qtbot: QtBot) -> None:
    worker, long, short = Worker(Engine()), Long(), Short()
    worker.start()
    try:
        worker.ask(long)
        qtbot.waitUntil(lambda: len(long.steps) > 3)
        worker.ask(short)
        qtbot.waitUntil(short.begun.is_set)
        steps = len(long.steps)
        short.go.set()
        qtbot.waitUntil(lambda: len(long.steps) > steps + 3)
    finally:
        worker.stop()
