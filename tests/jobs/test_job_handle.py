"""Every job ends with exactly one of its last signals."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from threading import Event

import pytest
from pytestqt.qtbot import QtBot

from circuitviz.errors import InputError
from circuitviz.jobs import Worker
from circuitviz.jobs.job_handle import JobHandle
from circuitviz.workbench.engine import Engine
from circuitviz.workbench.requests.messages import JobFailed, ProgressReported, Reply, Request


@dataclass(frozen=True)
class Number(Reply):
    """A result."""

    value: int
    done: bool = True


@dataclass(frozen=True)
class Count(Request):
    """Tells a number on the way, then the result; fails where it is asked to."""

    title = "Could not count"
    fails: bool = False
    gate: Event = field(default_factory=Event)
    begun: Event = field(default_factory=Event)

    def execute(self, engine: Engine) -> Iterator[Reply]:
        """Two numbers."""
        yield ProgressReported("counting", 0.0, "")
        yield Number(1, done=False)
        self.begun.set()
        while not self.gate.wait(0.001):
            yield ProgressReported("counting", 0.5, "")
        if self.fails:
            raise InputError("no numbers")
        yield Number(2)


@dataclass(frozen=True)
class Nothing(Request):
    """Has no result."""

    def execute(self, engine: Engine) -> Iterator[Reply]:
        """No reply."""
        yield from ()


@pytest.fixture
def worker(qtbot: QtBot) -> Iterator[Worker]:
    """A running worker without a model."""
    worker = Worker(Engine())
    worker.start()
    yield worker
    worker.stop()


def listen(handle: JobHandle) -> list[object]:
    """Everything a handle tells, in order; progress by its fraction."""
    heard: list[object] = []
    handle.started.connect(lambda: heard.append("started"))
    handle.partial.connect(lambda reply: heard.append(("partial", reply.value)))
    handle.finished.connect(lambda reply: heard.append(("finished", reply and reply.value)))
    handle.failed.connect(heard.append)
    handle.cancelled.connect(lambda: heard.append("cancelled"))
    return heard


def test_a_job_tells_its_way_and_its_result(worker: Worker, qtbot: QtBot) -> None:
    request = Count()
    handle = worker.submit(request)
    heard, progress = listen(handle), []
    handle.progressed.connect(progress.append)
    request.gate.set()
    qtbot.waitUntil(lambda: not handle.is_active)
    assert heard == ["started", ("partial", 1), ("finished", 2)]
    assert progress[0].fraction == 0.0


def test_a_job_without_a_result_finishes_all_the_same(worker: Worker, qtbot: QtBot) -> None:
    heard = listen(worker.submit(Nothing()))
    qtbot.waitUntil(lambda: heard == ["started", ("finished", None)])


def test_a_failed_job_names_its_operation(worker: Worker, qtbot: QtBot) -> None:
    request = Count(fails=True)
    heard = listen(worker.submit(request))
    request.gate.set()
    qtbot.waitUntil(lambda: len(heard) == 3)
    assert isinstance(heard[2], JobFailed) and heard[2].title == "Could not count"


def test_a_newer_request_of_its_kind_cancels_a_job(worker: Worker, qtbot: QtBot) -> None:
    old, new = Count(), Count()
    first = listen(worker.submit(old))
    qtbot.waitUntil(old.begun.is_set)
    second = listen(worker.submit(new))
    qtbot.waitUntil(lambda: first[-1:] == ["cancelled"])
    new.gate.set()
    qtbot.waitUntil(lambda: second[-1:] == [("finished", 2)])


def test_one_job_is_cancelled_and_others_go_on(worker: Worker, qtbot: QtBot) -> None:
    request = Count()
    handle = worker.submit(request)
    heard, other = listen(handle), listen(worker.submit(Nothing()))
    qtbot.waitUntil(request.begun.is_set)
    handle.cancel()
    qtbot.waitUntil(lambda: heard[-1:] == ["cancelled"] and other[-1:] == [("finished", None)])


def test_a_waiting_job_of_a_document_that_is_closed_is_cancelled(qtbot: QtBot) -> None:
    worker = Worker(Engine())  # not started: the job waits
    heard = listen(worker.submit(Count()))
    worker.drop_document_jobs()
    qtbot.waitUntil(lambda: heard == ["cancelled"])
