"""Jobs of several tabs: what belongs to one is neither told to another nor ended by it."""

from __future__ import annotations

import gc
import threading
import weakref
from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest
from pytestqt.qtbot import QtBot

from circuitviz.jobs import JobHandle, Worker
from circuitviz.workbench.engine import Engine
from circuitviz.workbench.requests.messages import ModelReleased, ProgressReported, Reply, Request
from circuitviz.workbench.requests.priority import Priority


@dataclass(frozen=True)
class Answer(Reply):
    """What a job has found."""

    text: str


@dataclass(frozen=True)
class Steps(Request):
    """Yields once each time it is let on, and then its answer."""

    text: str
    n_steps: int = 3
    urgent: bool = False
    begun: threading.Event = field(default_factory=threading.Event, compare=False)
    done: list[int] = field(default_factory=list, compare=False)

    @property
    def priority(self) -> Priority:  # type: ignore[override]
        """As of a measurement, or of a search."""
        return Priority.MEASURE_FAITHFULNESS if self.urgent else Priority.OPEN_MODEL

    def execute(self, engine: Engine) -> Iterator[Reply]:
        """Progress, then the answer."""
        self.begun.set()
        for step in range(self.n_steps):
            self.done.append(step)
            threading.Event().wait(0.01)
            yield ProgressReported(self.text, step / self.n_steps, "")
        yield Answer(self.text)


@dataclass(frozen=True)
class Releasing(Steps):
    """Makes room first: another tab's model is released."""

    def execute(self, engine: Engine) -> Iterator[Reply]:
        """The release, then the steps."""
        yield ModelReleased("large", (0,))
        yield from Steps.execute(self, engine)


@pytest.fixture
def worker(qtbot: QtBot) -> Iterator[Worker]:
    made = Worker(Engine())
    made.start()
    yield made
    made.stop()


def listen(handle: JobHandle) -> list[str]:
    heard: list[str] = []
    handle.progressed.connect(lambda _reply: heard.append("progress"))
    handle.computed.connect(lambda: heard.append("computed"))
    handle.finished.connect(lambda reply: heard.append(reply.text))
    handle.cancelled.connect(lambda: heard.append("cancelled"))
    return heard


def test_replies_wait_until_their_tab_is_in_front(worker: Worker, qtbot: QtBot) -> None:
    heard = listen(worker.submit(Steps("back"), tab=1))
    qtbot.waitUntil(lambda: "computed" in heard)
    qtbot.wait(50)
    assert "progress" in heard and "back" not in heard
    worker.set_front_tab(1, instead_of=0)
    qtbot.waitUntil(lambda: "back" in heard)


def test_what_waits_for_a_closed_document_is_dropped(worker: Worker, qtbot: QtBot) -> None:
    heard = listen(worker.submit(Steps("back"), tab=1))
    qtbot.waitUntil(lambda: "computed" in heard)
    worker.close_tab(1)
    qtbot.waitUntil(lambda: heard[-1] == "cancelled")
    worker.set_front_tab(1, instead_of=0)
    qtbot.wait(50)
    assert "back" not in heard


def test_a_tab_neither_replaces_nor_drops_what_another_asked(worker: Worker, qtbot: QtBot) -> None:
    first = listen(worker.submit(Steps("first", 20), tab=0))
    second = listen(worker.submit(Steps("second"), tab=1, is_search=True))
    worker.drop_document_jobs(1)
    third = listen(worker.submit(Steps("third"), tab=1, is_search=True))
    qtbot.waitUntil(lambda: "first" in first and "third" in third)
    assert second[-1] == "cancelled"


def test_a_search_steps_aside_for_what_is_done_in_another_tab(worker: Worker, qtbot: QtBot) -> None:
    search = Steps("search", 200)
    found = listen(worker.submit(search, tab=1, is_search=True))
    qtbot.waitUntil(search.begun.is_set)
    measured = listen(worker.submit(Steps("measured", urgent=True), tab=0))
    qtbot.waitUntil(lambda: "measured" in measured)
    assert len(search.done) < 200
    qtbot.waitUntil(lambda: "search" in found, timeout=20_000)
    assert search.done == list(range(200)), "it went on where it was"


def test_a_held_job_does_nothing_until_it_is_released(worker: Worker, qtbot: QtBot) -> None:
    waiting = Steps("waiting")
    handle = worker.submit(waiting, is_search=True, is_held=True)
    heard = listen(handle)
    running = Steps("running", 100)
    running_handle = worker.submit(running, tab=1, is_search=True)
    qtbot.waitUntil(lambda: len(running.done) > 3)
    assert not waiting.begun.is_set()
    worker.hold(running_handle)
    worker.release(handle)
    qtbot.waitUntil(lambda: "waiting" in heard)
    reached = len(running.done)
    qtbot.wait(100)
    assert len(running.done) == reached < 100
    rest = listen(running_handle)
    running_handle.cancel()
    qtbot.waitUntil(lambda: rest[-1:] == ["cancelled"])


def test_a_held_job_of_a_closed_tab_ends_while_another_runs(worker: Worker, qtbot: QtBot) -> None:
    held, running = Steps("held", 30), Steps("running", 300)
    handle = worker.submit(held, tab=1, is_search=True)
    heard = listen(handle)
    qtbot.waitUntil(lambda: len(held.done) > 2)
    worker.hold(handle)
    other = worker.submit(running, tab=2, is_search=True)
    qtbot.waitUntil(lambda: len(running.done) > 2)
    worker.close_tab(1)
    qtbot.waitUntil(lambda: "cancelled" in heard, timeout=2000)
    assert len(running.done) < 300, "only once the other search had ended"
    other.cancel()


def test_a_worker_is_no_garbage_of_a_cycle(qtbot: QtBot) -> None:
    """Python's collector runs on any thread, and would destroy Qt's timer and thread there."""
    made = Worker(Engine())
    made.start()
    made.stop()
    gone = weakref.ref(made)
    gc.disable()
    try:
        del made
        assert gone() is None
    finally:
        gc.enable()


def test_that_a_model_was_released_is_told_whoever_caused_it(worker: Worker, qtbot: QtBot) -> None:
    """The tab that lost it is another one than that of the job, which may be behind or closed by then."""
    told: list[Reply] = []
    worker.replied.connect(told.append)
    worker.submit(Releasing("behind"), tab=1)
    second = Releasing("closed", 50)
    worker.submit(second, tab=2)
    qtbot.waitUntil(second.begun.is_set)
    worker.close_tab(2)
    qtbot.waitUntil(lambda: sum(isinstance(reply, ModelReleased) for reply in told) == 2)
    assert not any(isinstance(reply, Answer) for reply in told)
