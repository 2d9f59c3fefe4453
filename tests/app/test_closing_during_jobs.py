"""The window closes at once while any long job runs, and leaves no thread behind."""

from __future__ import annotations

import random
import threading
from collections.abc import Callable
from typing import Any

import pytest
from every_job import JOBS, Opened, open_both
from pytestqt.qtbot import QtBot

from circuitviz.app.window import MainWindow
from circuitviz.jobs.features import OpenFeatures
from circuitviz.jobs.find import Find, Found
from circuitviz.jobs.messages import Moved, Reply
from circuitviz.jobs.prompted import AskQuestion
from circuitviz.jobs.train import TrainDictionary
from circuitviz.jobs.worker import left_behind
from circuitviz.stopping import BACKGROUND

LONG = 90_000
NEEDS_MODEL = (OpenFeatures, TrainDictionary)


@pytest.fixture(scope="module")
def opened(tmp_path_factory: pytest.TempPathFactory) -> Opened:
    return open_both(tmp_path_factory.mktemp("jobs"))


@pytest.mark.parametrize(
    "kind", [Find, AskQuestion, OpenFeatures, TrainDictionary], ids=lambda one: one.__name__
)
def test_the_window_closes_while_a_job_runs(
    kind: Any,
    opened: Opened,
    open_window: Callable[[], MainWindow],
    qtbot: QtBot,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    window, seen = open_window(), list[Reply]()
    monkeypatch.setattr(window.files, "may_leave", lambda: True)  # a person says that nothing is to be kept
    desk = window.desk
    desk.worker.replied.connect(seen.append)
    desk.start()
    if kind in NEEDS_MODEL:
        desk.ask(JOBS[Find](opened))
        qtbot.waitUntil(lambda: any(isinstance(r, Found) and not r.partial for r in seen), timeout=LONG)
        seen.clear()
    desk.ask(JOBS[kind](opened))
    qtbot.waitUntil(lambda: any(isinstance(reply, Moved) for reply in seen), timeout=LONG)
    qtbot.wait(random.Random(kind.__name__).randrange(150))
    assert window.close()
    assert desk.worker.isFinished()
    for thread in threading.enumerate():  # what loads a model is left alone, and ends by itself
        if thread.name == BACKGROUND:
            thread.join(60)
    assert not left_behind()
