"""Every job of the package looks whether it is still wanted, from its first moment on, and then ends.

Between two of its steps, and after it was cancelled, the model that it shares with other jobs is as it was.

The time between two looks is measured in processor time of the thread that works, because the machine that tests
run on has other things to do. It is a bound against work that never looks, which took seconds and minutes.
"""

from __future__ import annotations

import gc
import random
import threading
import time
import zlib
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from every_job import JOBS, NOTHING_OPEN, OF_FEATURES, PROMPT, Opened, job_classes, open_both
from pytestqt.qtbot import QtBot

from circuitviz.cancellation import (
    BACKGROUND_THREAD_NAME,
    Cancelled,
    cancellable,
    check_cancelled,
    run_in_background,
)
from circuitviz.jobs import Worker
from circuitviz.jobs.worker import has_abandoned_threads
from circuitviz.progress import Progress, ProgressSteps, run_to_completion
from circuitviz.workbench.engine import Engine
from circuitviz.workbench.requests.feature_dashboards import require_dictionaries
from circuitviz.workbench.requests.messages import JobFailed, ProgressReported, Reply, Request, WorkerIdle
from circuitviz.workbench.requests.train_dictionary import TrainDictionary

LONGEST_S = 0.3  # of processor time between two looks; at most 0.15 s of it was seen with 4 processes a core
MOMENTS_S = (0.0, 0.5)  # of processor time, between which a job is cancelled
SUSPENDED_S = 0.1  # of processor time, for which a job is suspended at each of its steps
ALL = job_classes()


class Looks:
    """Counts looks at whether a job is wanted, and the processor time between them; from a moment on, it is not."""

    def __init__(self, wanted_s: float) -> None:
        self.thread, self.wanted_s = threading.get_ident(), wanted_s
        self.began = self.last = time.thread_time()
        self.longest, self.number, self.told = 0.0, 0, False

    def unwanted(self) -> bool:
        """Asked by the job; once it was told, it may write down what it has."""
        if threading.get_ident() != self.thread or self.told:
            return self.told
        now = time.thread_time()
        self.longest, self.last = max(self.longest, now - self.last), now
        self.number += 1
        self.told = now - self.began > self.wanted_s
        return self.told


@pytest.fixture(scope="module")
def opened(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Opened]:
    """Both engines with their dictionaries. The collector of garbage does not go through what other tests left."""
    made = open_both(tmp_path_factory.mktemp("jobs"))
    for engine in made.engines.values():
        run_to_completion(require_dictionaries(engine))
    gc.collect()
    gc.freeze()
    yield made
    gc.unfreeze()


def test_every_job_has_an_entry() -> None:
    assert not [kind.__name__ for kind in ALL if kind not in JOBS]


@pytest.mark.parametrize("kind", ALL, ids=lambda kind: kind.__name__)
def test_a_job_looks_from_its_first_moment_and_ends_when_it_is_cancelled(
    kind: type[Request], opened: Opened
) -> None:
    moment = random.Random(zlib.crc32(kind.__name__.encode())).uniform(*MOMENTS_S)
    engine, job = opened.engine(kind), JOBS[kind](opened)
    looks, ended = Looks(moment), False
    replies: Iterator[Reply] = job.execute(engine)
    try:
        with cancellable(looks.unwanted):
            for reply in replies:
                assert not (isinstance(reply, JobFailed) or getattr(reply, "why", "")), reply
                if ended := looks.unwanted():
                    replies.close()  # type: ignore[attr-defined]
                    break
    except Cancelled:
        ended = True
    rest = time.thread_time() - looks.last
    assert max(looks.longest, rest) < LONGEST_S, f"{looks.longest:.2f} s, then {rest:.2f} s"
    assert ended == looks.told  # nothing that was told goes on to its own end
    engine.partial_result = None


@pytest.mark.parametrize("kind", ALL, ids=lambda kind: kind.__name__)
def test_a_job_leaves_the_model_plain_where_it_is_suspended(kind: type[Request], opened: Opened) -> None:
    owner = opened.engines[kind in OF_FEATURES]
    engine = Engine(owner.shared) if kind in NOTHING_OPEN else owner
    ids = torch.tensor([owner.model.tokens.encode(PROMPT, False)])

    def read_plain() -> torch.Tensor:
        return owner.model.bridge(ids, use_cache=False).detach()

    before, looks = read_plain(), Looks(SUSPENDED_S)
    try:
        replies: Iterator[Reply] = JOBS[kind](opened).execute(engine)
        while True:
            with cancellable(looks.unwanted):
                reply = next(replies, None)
            assert torch.equal(read_plain(), before), reply
            assert torch.is_grad_enabled(), reply
            if reply is None:
                break
    except Cancelled:
        assert torch.equal(read_plain(), before)
    finally:
        owner.partial_result = None
        if engine is not owner:
            engine.close()


def test_a_thread_ends_during_every_job(qtbot: QtBot, opened: Opened) -> None:
    """A window that closes stops its workers as this does: none is left running, none is left behind."""
    pick = random.Random(5)
    for kind in ALL:
        worker, seen = Worker(opened.engine(kind)), list[Reply]()
        worker.replied.connect(seen.append)
        job = JOBS[kind](opened)
        worker.start()
        worker.submit(job)
        qtbot.wait(int(pick.uniform(0, 80)))
        worker.stop()
        assert worker.isFinished(), kind.__name__
        assert not any(isinstance(reply, JobFailed) for reply in seen), seen
        worker.deleteLater()
    for thread in threading.enumerate():  # what loads a model is left alone, and ends by itself
        if thread.name == BACKGROUND_THREAD_NAME:
            thread.join(60)
    assert not has_abandoned_threads()


def test_cancel_ends_a_training_while_it_collects_activations(qtbot: QtBot, opened: Opened) -> None:
    """It was deaf there: 17 minutes on a small model."""
    worker, seen = Worker(opened.engine(TrainDictionary)), list[Reply]()
    worker.replied.connect(seen.append)
    worker.start()
    try:
        worker.submit(JOBS[TrainDictionary](opened))
        qtbot.waitUntil(lambda: any(isinstance(reply, ProgressReported) for reply in seen), timeout=60_000)
        worker.cancel_all()
        qtbot.waitUntil(lambda: any(isinstance(reply, WorkerIdle) for reply in seen), timeout=60_000)
    finally:
        worker.stop()
    said = [reply.message for reply in seen if isinstance(reply, ProgressReported)]
    assert not any("unexplained" in message for message in said)  # no step was made


def test_work_in_the_background_is_left_alone_and_the_next_waits_for_it() -> None:
    go, ran = threading.Event(), list[str]()

    def slow(name: str) -> ProgressSteps[str]:
        yield Progress(0, 2, name)
        go.wait(30)  # a library that does not come back
        ran.append(name)
        yield Progress(1, 2)
        check_cancelled()
        ran.append(f"{name} to the end")
        return name

    first = run_in_background(slow("first"))
    while next(first).message != "first":
        pass
    first.close()
    second = run_in_background(slow("second"))
    assert [next(second).message for _ in range(3)] == ["", "", ""]  # it waits, and can be ended meanwhile
    go.set()
    assert run_to_completion(second) == "second"
    assert ran == ["first", "second", "second to the end"]


def test_what_fails_in_the_background_fails_here() -> None:
    def failing() -> ProgressSteps[None]:
        yield Progress(0, 1)
        raise ValueError("no such thing")

    with pytest.raises(ValueError, match="no such thing"):
        run_to_completion(run_in_background(failing()))


def test_stopping_within_stopping_hears_both() -> None:
    for outer, inner in ((True, False), (False, True)):
        with cancellable(lambda one=outer: one), cancellable(lambda one=inner: one), pytest.raises(Cancelled):
            check_cancelled()


def test_a_job_that_was_told_to_end_may_still_write_what_it_has(qtbot: QtBot, tmp_path: Path) -> None:
    """After it was told once, its pauses are none: a training's state is written whole."""

    class Writes(Request):
        def execute(self, engine: Engine) -> Iterator[Reply]:
            try:
                while True:
                    check_cancelled()
            except Cancelled:
                check_cancelled()
                (tmp_path / "state").write_text("whole")
                raise
            yield ProgressReported("", 0, "")

    worker = Worker(Engine())
    worker.start()
    worker.submit(Writes())
    qtbot.wait(20)
    worker.stop()
    assert (tmp_path / "state").read_text() == "whole"
