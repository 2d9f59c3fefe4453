"""Lost objects are destroyed in the window's thread, whichever thread allocates."""

from __future__ import annotations

import gc
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
import torch
from PySide6.QtCore import QObject
from pytestqt.qtbot import QtBot

from circuitviz.jobs import Worker, garbage_collector
from circuitviz.jobs.garbage_collector import GarbageCollector
from circuitviz.models import MemoryShortError
from circuitviz.progress import Progress, ProgressSteps
from circuitviz.workbench import engine as engine_module
from circuitviz.workbench.engine import Engine
from circuitviz.workbench.requests.messages import ModelReleased, Reply, Request


class Lost:
    """An object in a cycle with itself that tells by which thread it is destroyed."""

    name, dtype, auto_dtype = "large", "float32", "float32"  # as a model has them

    def __init__(self, threads: list[int]) -> None:
        self.myself, self.threads = self, threads

    def __del__(self) -> None:
        self.threads.append(threading.get_ident())


def allocate() -> None:
    """As much as makes Python collect several times."""
    for _ in range(20_000):
        cycle: list[object] = []
        cycle.append(cycle)


def test_cycles_are_destroyed_in_the_windows_thread(qtbot: QtBot) -> None:
    parent, threads = QObject(), list[int]()
    collector = GarbageCollector(parent)
    collector.start()
    Lost(threads)
    worker = threading.Thread(target=allocate)
    worker.start()
    worker.join()
    assert not threads
    qtbot.waitUntil(lambda: bool(threads))
    assert threads == [threading.get_ident()]
    collector.stop()
    assert gc.isenabled()


@dataclass(frozen=True)
class OpenModel(Request):
    """Opens a model for which memory is short."""

    def execute(self, engine: Engine) -> Iterator[Reply]:
        """What is said meanwhile."""
        return engine.open_model("larger", "cpu", "auto")


@pytest.fixture
def released(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The threads that destroyed a model; memory is short until one did."""
    threads: list[int] = []

    def load(*_: object) -> ProgressSteps[Any]:
        yield Progress(0, 1)
        if not threads:
            raise MemoryShortError("too large", torch.device("cpu"), 0)
        return Lost([])

    monkeypatch.setattr(engine_module, "load_model_in_background", load)
    return threads


def make_worker(threads: list[int]) -> Worker:
    """A worker with a model open in the first tab."""
    engine = Engine()
    engine.model = Lost(threads)  # type: ignore[assignment]
    return Worker(engine)


def test_a_released_model_is_destroyed_in_the_windows_thread(qtbot: QtBot, released: list[int]) -> None:
    """Widgets of closed windows are destroyed with it."""
    worker, replies = make_worker(released), list[Reply]()
    worker.replied.connect(replies.append)
    worker.garbage_collector.start()
    worker.start()
    handle = worker.submit(OpenModel(), tab=1)
    with qtbot.waitSignal(handle.computed):
        pass
    worker.stop()
    worker.garbage_collector.stop()
    assert ModelReleased("large", (0,)) in replies
    assert released == [threading.get_ident()]


def test_a_window_that_closes_does_not_wait_for_its_own_collection(
    qtbot: QtBot, released: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    is_asked, collect_and_wait = threading.Event(), GarbageCollector.collect_and_wait

    def ask(collector: GarbageCollector) -> None:
        is_asked.set()
        collect_and_wait(collector)

    monkeypatch.setattr(GarbageCollector, "collect_and_wait", ask)
    worker = make_worker(released)
    worker.start()
    worker.submit(OpenModel(), tab=1)
    assert is_asked.wait(10), "no event of the window's thread is handled from here on"
    worker.stop()
    assert worker.isFinished() and not released


def test_all_objects_are_looked_at_seldom(qtbot: QtBot, monkeypatch: pytest.MonkeyPatch) -> None:
    parent, clock, collected = QObject(), [100.0], list[int]()
    collector = GarbageCollector(parent)

    def collect(generation: int) -> None:
        collected.append(generation)
        clock[0] += 0.1  # what it takes

    monkeypatch.setattr(garbage_collector, "perf_counter", lambda: clock[0])
    monkeypatch.setattr(gc, "get_count", lambda: (1000, 20, 20))
    monkeypatch.setattr(gc, "collect", collect)
    for _ in range(3):
        collector.collect_due()
    clock[0] += 60.0
    collector.collect_due()
    assert collected == [2, 1, 1, 2]
