"""The window closes at once while any long job runs, and leaves no thread behind."""

from __future__ import annotations

import random
import threading
from collections.abc import Callable
from typing import Any

import pytest
from every_job import JOBS, Opened, open_both
from opening import LONG
from pytestqt.qtbot import QtBot

from circuitviz.cancellation import BACKGROUND_THREAD_NAME
from circuitviz.jobs.worker import has_abandoned_threads
from circuitviz.shell.main_window import MainWindow
from circuitviz.workbench.requests.discover_circuit import DiscoverCircuit, SearchResult
from circuitviz.workbench.requests.discover_prompt_circuit import DiscoverPromptCircuit
from circuitviz.workbench.requests.feature_dashboards import OpenDictionaries
from circuitviz.workbench.requests.messages import ProgressReported, Reply
from circuitviz.workbench.requests.train_dictionary import TrainDictionary

NEEDS_MODEL = (OpenDictionaries, TrainDictionary)


@pytest.fixture(scope="module")
def opened(tmp_path_factory: pytest.TempPathFactory) -> Opened:
    return open_both(tmp_path_factory.mktemp("jobs"))


@pytest.mark.parametrize(
    "kind",
    [DiscoverCircuit, DiscoverPromptCircuit, OpenDictionaries, TrainDictionary],
    ids=lambda one: one.__name__,
)
def test_the_window_closes_while_a_job_runs(
    kind: Any,
    opened: Opened,
    open_window: Callable[[], MainWindow],
    qtbot: QtBot,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    window, seen = open_window(), list[Reply]()
    monkeypatch.setattr(
        window.file_controller, "confirm_leave", lambda: True
    )  # a person says that nothing is to be kept
    desk = window.workspace
    desk.worker.replied.connect(seen.append)
    desk.start()
    if kind in NEEDS_MODEL:
        desk.submit_request(JOBS[DiscoverCircuit](opened))
        qtbot.waitUntil(
            lambda: any(isinstance(r, SearchResult) and not r.partial for r in seen), timeout=LONG
        )
        seen.clear()
    desk.submit_request(JOBS[kind](opened))
    qtbot.waitUntil(lambda: any(isinstance(reply, ProgressReported) for reply in seen), timeout=LONG)
    qtbot.wait(random.Random(kind.__name__).randrange(150))
    assert window.close()
    assert desk.worker.isFinished()
    for thread in threading.enumerate():  # what loads a model is left alone, and ends by itself
        if thread.name == BACKGROUND_THREAD_NAME:
            thread.join(60)
    assert not has_abandoned_threads()
