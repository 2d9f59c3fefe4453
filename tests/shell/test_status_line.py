"""What the status bar says: the message, the jobs with their bars, the model."""

from __future__ import annotations

import gc
import weakref
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from opening import LONG
from PySide6.QtCore import QPoint, Qt
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from circuitviz.document import Document, State
from circuitviz.graph import Graph, ModelShape, Scores
from circuitviz.jobs import JobHandle
from circuitviz.shell.job_rows import SHOW_DELAY_MS, JobRow, JobRows
from circuitviz.shell.main_window import MainWindow
from circuitviz.workbench.requests.discover_circuit import DiscoverCircuit
from circuitviz.workbench.requests.messages import ModelReady, ProgressReported
from circuitviz.workspace.search_queue import SearchStatus

GRAPH = Graph.transformer(ModelShape(4, 8, 128))


SCORES = Scores(GRAPH, np.random.default_rng(3).normal(size=GRAPH.mask.shape), "eap")


@pytest.fixture
def window(open_window) -> MainWindow:
    made: MainWindow = open_window()
    made.workspace.set_document(Document(State(None, SCORES, SCORES.greedy(60))))
    return made


def test_what_the_status_bar_says_stands_off_the_edge(window: MainWindow) -> None:
    QApplication.processEvents()
    assert window.status_line.message_label.mapTo(window, QPoint(0, 0)).x() >= 8


def submit(window: MainWindow, title: str) -> JobHandle:
    """A job that the worker has never heard of, and whose steps the test reports."""
    handle = JobHandle(title, lambda: handle.end_cancelled())
    window.workspace.worker.submitted.emit(handle)
    return handle


def shown_rows(window: MainWindow) -> list[JobRow]:
    return [row for row in window.status_line.job_rows.rows if row.isVisible()]


def test_each_job_has_one_bar_one_cancel_and_its_time_that_is_left(window: MainWindow, qtbot: QtBot) -> None:
    search, reading = submit(window, "search"), submit(window, "reading")
    assert not shown_rows(window)
    search.deliver(ProgressReported("Finding edges", 0.25, "step 2 of 8", seconds_left=125.0))
    qtbot.waitUntil(lambda: len(shown_rows(window)) == 1, timeout=LONG)
    (row,) = shown_rows(window)
    assert row.progress_bar.value() == 250 and row.time_label.text() == "2 min left"
    assert row.text_label.text() == "Finding edges: step 2 of 8"
    reading.deliver(ProgressReported("Reading", 0.5, ""))
    qtbot.waitUntil(lambda: len(shown_rows(window)) == 2, timeout=LONG)
    for each in shown_rows(window):
        assert window.statusBar().rect().contains(each.mapTo(window.statusBar(), each.rect().bottomRight()))
    qtbot.mouseClick(shown_rows(window)[1].cancel_button, Qt.MouseButton.LeftButton)
    assert not reading.is_active and search.is_active, "only the job beside the button"
    assert [each.text_label.text() for each in shown_rows(window)] == ["Finding edges: step 2 of 8"]
    search.finish(None)
    assert not shown_rows(window)


def test_a_job_of_a_moment_is_not_shown(window: MainWindow, qtbot: QtBot) -> None:
    job = submit(window, "reading")
    job.deliver(ProgressReported("Reading", 0.5, ""))
    job.finish(None)
    qtbot.wait(SHOW_DELAY_MS + 100)
    assert not shown_rows(window)


def test_a_message_stays_while_a_job_reports(window: MainWindow, qtbot: QtBot) -> None:
    job = submit(window, "search")
    window.workspace.post_message("Saved ioi.circuit")
    job.deliver(ProgressReported("Finding edges", 0.5, ""))
    assert window.status_line.message_label.text() == "Saved ioi.circuit"
    job.finish(None)


def test_the_time_left_is_estimated_where_the_job_does_not_say_it(
    window: MainWindow, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = [1000.0]
    monkeypatch.setattr("circuitviz.panels.widgets.time_left.time.monotonic", lambda: now[0])
    job = submit(window, "measure")
    job.deliver(ProgressReported("Measuring", 0.0, ""))
    now[0] += 30
    job.deliver(ProgressReported("Measuring", 0.25, ""))
    (row,) = window.status_line.job_rows.rows
    assert row.time_label.text() == "2 min left"  # 90 s
    job.finish(None)


def test_a_folder_of_a_model_is_named_by_its_last_part(window: MainWindow, tmp_path: Path) -> None:
    folder = tmp_path / "models" / "smollm2"
    folder.mkdir(parents=True)
    opened = ModelReady(str(folder), "cpu", "ioi", "logit-diff", "corrupted", ("a",), 1, dtype="bfloat16")
    window.workspace.model_ready.emit(opened)
    label = window.status_line.device_label
    assert label.text() == "smollm2 · cpu · bfloat16" and str(folder) in label.toolTip()
    window.workspace.model_ready.emit(replace(opened, model="EleutherAI/pythia-70m"))
    assert label.text().startswith("EleutherAI/pythia-70m · ")


def test_a_job_that_has_ended_is_let_go(qtbot: QtBot) -> None:
    """Its request holds circuits and scores."""
    rows = JobRows()
    qtbot.addWidget(rows)
    handle = JobHandle(object(), lambda: None, 1)  # type: ignore[arg-type]  # nothing reads the request
    rows.follow(handle)
    handle.progressed.emit(ProgressReported("Working", 0.5, ""))
    handle.finish(None)
    gone = weakref.ref(handle)
    del handle
    QApplication.processEvents()
    gc.collect()
    assert gone() is None


def test_a_paused_search_is_shown_as_paused(window: MainWindow, qtbot: QtBot) -> None:
    request = DiscoverCircuit("demo", "ioi", None, 8, 0, "exact", {}, "logit-diff", "corrupted", "greedy", 40)
    search = window.workspace.start_discovery(request)
    qtbot.waitUntil(lambda: bool(shown_rows(window)) and search.tab.partial_result is not None, timeout=LONG)
    (row,) = shown_rows(window)
    panel = window.panels["searches"]
    window.dock_manager.bring_to_front("searches")
    qtbot.mouseClick(panel.rows[search].pause_button, Qt.MouseButton.LeftButton)
    qtbot.wait(300)  # its present step reports, too
    assert row.time_label.text() == "paused" and not row.progress_bar.isEnabled()
    assert "paused" in panel.rows[search].status_label.text()
    other = window.workspace.start_discovery(replace(request, task="sva"))
    qtbot.mouseClick(panel.rows[search].pause_button, Qt.MouseButton.LeftButton)
    assert search.status is SearchStatus.WAITING and row.time_label.text() == "waiting"
    qtbot.mouseClick(panel.rows[search].pause_button, Qt.MouseButton.LeftButton)
    assert row.time_label.text() == "paused"
    window.workspace.search_queue.cancel(other)
    qtbot.waitUntil(lambda: other.status is SearchStatus.ENDED, timeout=LONG)
    qtbot.mouseClick(panel.rows[search].pause_button, Qt.MouseButton.LeftButton)
    assert row.time_label.text() != "paused" and row.progress_bar.isEnabled()
    qtbot.mouseClick(row.cancel_button, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: not window.workspace.search_queue.searches, timeout=LONG)
    assert not shown_rows(window)
