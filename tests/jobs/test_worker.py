"""The worker's promises to whoever waits: the latest wins, cancelling ends all and says so."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
import pytest
from conftest import Case
from pytestqt.qtbot import QtBot

from circuitviz.discovery import discover
from circuitviz.jobs import Worker
from circuitviz.lens import read_node
from circuitviz.tasks import load_task
from circuitviz.workbench.engine import Engine
from circuitviz.workbench.requests.discover_circuit import DiscoverCircuit, SearchResult
from circuitviz.workbench.requests.messages import ModelReady, ProgressReported, Reply, Request, WorkerIdle
from circuitviz.workbench.requests.priority import Priority
from circuitviz.workbench.requests.read_task_node import ReadTaskNode, TaskNodeRead


@dataclass(frozen=True)
class Long(Request):
    """Goes on until it is ended."""

    priority = Priority.DEFAULT
    steps: list[int] = field(default_factory=list)

    def execute(self, engine: Engine) -> Iterator[Reply]:
        """Endless."""
        while True:
            self.steps.append(1)
            yield ProgressReported("long", 0.0, "")


@dataclass(frozen=True)
class Short(Request):
    """More urgent; one step that lasts until it is let go."""

    priority = Priority.MEASURE_FAITHFULNESS
    begun: threading.Event = field(default_factory=threading.Event)
    go: threading.Event = field(default_factory=threading.Event)

    def execute(self, engine: Engine) -> Iterator[Reply]:
        """One step."""
        self.begun.set()
        self.go.wait(10)
        yield ProgressReported("short", 1.0, "")


@dataclass(frozen=True)
class Glance(Short):
    """Less urgent than a search, which steps aside all the same."""

    priority = Priority.READING
    may_preempt_search = True


def test_cancelling_while_a_job_stands_aside_ends_it_and_says_so(qtbot: QtBot) -> None:
    worker, seen, long, short = Worker(Engine()), [], Long(), Short()
    worker.replied.connect(seen.append)
    worker.start()
    try:
        worker.submit(long)
        qtbot.waitUntil(lambda: len(long.steps) > 3)
        worker.submit(short)
        qtbot.waitUntil(short.begun.is_set)
        assert not any(isinstance(reply, WorkerIdle) for reply in seen)
        worker.cancel_all()
        short.go.set()
        qtbot.waitUntil(lambda: any(isinstance(reply, WorkerIdle) for reply in seen))
        steps = len(long.steps)
        qtbot.wait(50)
        assert len(long.steps) == steps
    finally:
        worker.stop()


def holding(case: Case) -> Engine:
    """An engine whose model is open already."""
    engine = Engine()
    engine.model, engine._device = case.model, "cpu"
    return engine


@pytest.mark.parametrize("method", ["eap-ig", "acdc", "activation-patching", "attribution-patching"])
def test_a_search_steps_aside_for_a_reading_and_loses_nothing(qtbot: QtBot, demo: Case, method: str) -> None:
    """Readings are answered between its steps, on its own task; its scores are the same bit for bit."""
    options = {"acdc": {"tau": 0.02}}.get(method, {})
    search = DiscoverCircuit("demo", "ioi", None, 6, 3, method, options, "", "corrupted", "top", 60)
    setting = load_task("ioi", demo.model, prompts=6, seed=3)
    alone = discover(demo.model, setting, method, **options)
    wanted = read_node(demo.model, setting, "a2.h6", 0)
    worker, seen = Worker(holding(demo)), []
    worker.replied.connect(seen.append)

    def again(reply: Reply) -> None:
        if isinstance(reply, TaskNodeRead | ModelReady) and len(seen) < 30:  # one reading after another
            worker.submit(ReadTaskNode("a2.h6", 0))

    worker.replied.connect(again)
    worker.start()
    try:
        worker.submit(search)
        qtbot.waitUntil(
            lambda: any(isinstance(r, SearchResult) and not r.partial for r in seen), timeout=60_000
        )
    finally:
        worker.stop()
    found = next(i for i, reply in enumerate(seen) if isinstance(reply, SearchResult) and not reply.partial)
    during = [reply.reading for reply in seen[:found] if isinstance(reply, TaskNodeRead)]
    assert during, "no reading was answered before the search was over"
    assert all(reading.top == wanted.top for reading in during)
    assert np.array_equal(seen[found].scores.values, alone.values)


def test_a_search_that_stood_aside_when_all_was_cancelled_keeps_what_it_has(qtbot: QtBot, demo: Case) -> None:
    worker, seen = Worker(holding(demo)), []
    glance = Glance()
    worker.replied.connect(seen.append)
    worker.start()
    try:
        worker.submit(DiscoverCircuit("demo", "ioi", None, 6, 3, "exact", {}, "", "corrupted", "top", 60))
        qtbot.waitUntil(lambda: any(isinstance(reply, SearchResult) for reply in seen), timeout=60_000)
        worker.submit(glance)
        qtbot.waitUntil(glance.begun.is_set, timeout=60_000)
        worker.cancel_all()
        glance.go.set()
        qtbot.waitUntil(lambda: any(isinstance(reply, WorkerIdle) for reply in seen), timeout=60_000)
    finally:
        worker.stop()
    kept = [reply for reply in seen if isinstance(reply, SearchResult)][-1]
    assert kept.cancelled and kept.partial and kept.origin is not None


def test_a_long_job_goes_on_after_an_urgent_one(qtbot: QtBot) -> None:
    worker, long, short = Worker(Engine()), Long(), Short()
    worker.start()
    try:
        worker.submit(long)
        qtbot.waitUntil(lambda: len(long.steps) > 3)
        worker.submit(short)
        qtbot.waitUntil(short.begun.is_set)
        steps = len(long.steps)
        short.go.set()
        qtbot.waitUntil(lambda: len(long.steps) > steps + 3)
    finally:
        worker.stop()


def test_what_was_asked_for_a_document_that_was_left_is_told_no_more(qtbot: QtBot, demo: Case) -> None:
    worker, seen = Worker(holding(demo)), []
    worker.replied.connect(seen.append)
    worker.start()
    try:
        with qtbot.waitSignal(
            worker.replied, timeout=60_000, check_params_cb=lambda reply: isinstance(reply, SearchResult)
        ):
            worker.submit(DiscoverCircuit("demo", "ioi", None, 6, 3, "exact", {}, "", "corrupted", "top", 60))
        worker.drop_document_jobs()
        seen.clear()
        qtbot.waitUntil(lambda: any(isinstance(reply, WorkerIdle) for reply in seen), timeout=60_000)
        assert not any(isinstance(reply, SearchResult | ProgressReported | ModelReady) for reply in seen)
    finally:
        worker.stop()


def test_idle_is_told_even_of_what_had_not_begun(qtbot: QtBot) -> None:
    worker, seen, long = Worker(Engine()), [], Long()
    worker.replied.connect(seen.append)
    worker.submit(long)
    worker.cancel_all()
    worker.start()
    try:
        qtbot.waitUntil(lambda: any(isinstance(reply, WorkerIdle) for reply in seen))
        assert not long.steps
    finally:
        worker.stop()
