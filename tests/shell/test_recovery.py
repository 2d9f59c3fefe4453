"""Kill the real window while it works, start it again, go on; two windows on one file; the view returns."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from opening import LONG, open_in, save_in
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QApplication, QMessageBox
from pytestqt.qtbot import QtBot
from screenshots import shoot

from circuitviz.document import Document, Label, State, set_label, toggle_ablation
from circuitviz.formats import open_document, save_document
from circuitviz.graph import Graph, ModelShape, Scores
from circuitviz.shell.application import open_arguments
from circuitviz.shell.main_window import MainWindow

EDITING = """
import sys
from pathlib import Path
from PySide6.QtCore import QSettings, QTimer
QSettings.setDefaultFormat(QSettings.Format.IniFormat)
QSettings.setPath(QSettings.Format.IniFormat, QSettings.Scope.UserScope, sys.argv[2])
from circuitviz.shell import application
from circuitviz.document import Label, set_label, toggle_ablation
def edit(window):
    if window.workspace.document.path is None:
        QTimer.singleShot(10, lambda: edit(window))
        return
    window.workspace.apply_command(set_label("m0", Label("written before the end")))
    window.workspace.apply_command(toggle_ablation(["a0.h1"]))
    print(window.workspace.document.state.hash, flush=True)
begin = application.open_arguments
def begun(window, *given):
    begin(window, *given)
    QTimer.singleShot(0, lambda: edit(window))
application.open_arguments = begun
application.run_application(Path(sys.argv[1]), None, None, False)
"""


@pytest.fixture
def editing(saved: Path, tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    """The application on that document, in a process of its own; it writes its state's hash."""
    QApplication.setOrganizationName("circuitviz")  # as the application itself does
    process = subprocess.Popen(
        [sys.executable, "-c", EDITING, str(saved), str(tmp_path / "settings")],
        env={**os.environ, "QT_QPA_PLATFORM": "offscreen"}, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert process.stdout is not None
    yield process
    process.kill()
    process.wait()
    process.stdout.close()


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    """A document without provenance: looking at it asks for no model."""
    graph = Graph.transformer(ModelShape(2, 4, 16))
    scores = Scores(graph, np.random.default_rng(0).normal(size=graph.mask.shape), "eap")
    path = tmp_path / "ioi.circuit"
    save_document(Document(State(None, scores, scores.greedy(60))), path)
    return path


def test_killed_and_recovered(open_window, editing, qtbot: QtBot, saved: Path, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    before = open_document(saved).state.hash
    edited = editing.stdout.readline().strip()  # type: ignore[union-attr]
    end = time.monotonic() + 5  # seconds of work that may be lost
    other: MainWindow = open_window()
    recovery = other.crash_recovery.folder
    assert tmp_path in recovery.parents
    qtbot.waitUntil(lambda: len(list(recovery.glob("*.circuit"))) == 1, timeout=5000)
    assert time.monotonic() < end
    assert not other.crash_recovery.offer_recovery(), "the work of a living window is its own"
    other.file_controller.open_path(saved)
    qtbot.waitUntil(lambda: other.file_controller.file_lock.message_box is not None, timeout=LONG)
    other.file_controller.file_lock.message_box.close()
    editing.send_signal(signal.SIGKILL)
    editing.wait()
    assert open_document(saved).state.hash == before, "the file itself is untouched"

    window: MainWindow = open_window()
    open_arguments(window, None, None, None, demo=False)
    dialog = window.crash_recovery.dialog
    assert dialog is not None and dialog.isVisible() and dialog.list_widget.count() == 1
    line = dialog.list_widget.item(0).text()
    assert "ioi.circuit" in line and "today at" in line and "60 edges" in line
    shoot(window, "recovery", dialog)
    with qtbot.waitSignal(window.workspace.document_shown, timeout=LONG):
        qtbot.mouseClick(dialog.open_button, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: not window.canvas_updater.is_pending, timeout=LONG)
    document = window.workspace.document
    assert document.state.hash == edited and document.state.labels["m0"].text == "written before the end"
    assert document.path == saved and document.is_dirty and window.isWindowModified()
    assert "ioi.circuit" in window.windowTitle()
    assert window.view.circuit_scene.by_name["m0"].label == "written before the end"

    # it is kept until it is saved, and then there is nothing to recover any more
    window.workspace.apply_command(set_label("m0", Label("and after")))
    assert len(list(recovery.glob("*.circuit"))) == 1
    assert save_in(window)
    assert not window.isWindowModified() and not list(recovery.glob("*.circuit"))
    assert open_document(saved).state.labels["m0"].text == "and after"
    again: MainWindow = open_window()
    assert not again.crash_recovery.offer_recovery()


def test_what_was_left_can_be_discarded_or_asked_for_later(open_window, qtbot: QtBot, saved: Path) -> None:
    window: MainWindow = open_window()
    folder = window.crash_recovery.folder
    folder.mkdir(parents=True)
    for name in ("1-a", "2-b"):
        (folder / f"{name}.circuit").write_bytes(saved.read_bytes())
    assert window.crash_recovery.offer_recovery()
    dialog = window.crash_recovery.dialog
    assert dialog is not None and dialog.list_widget.count() == 2
    qtbot.mouseClick(dialog.discard_button, Qt.MouseButton.LeftButton)
    assert dialog.list_widget.count() == 1 and len(list(folder.iterdir())) == 1
    qtbot.mouseClick(dialog.later_button, Qt.MouseButton.LeftButton)
    assert len(list(folder.iterdir())) == 1 and window.crash_recovery.offer_recovery()
    dialog = window.crash_recovery.dialog
    assert dialog is not None
    qtbot.mouseClick(dialog.discard_button, Qt.MouseButton.LeftButton)
    assert not list(folder.iterdir())
    qtbot.waitUntil(lambda: not dialog.isVisible())


def test_closing_leaves_nothing_to_recover(open_window, qtbot: QtBot, saved: Path, monkeypatch) -> None:  # type: ignore[no-untyped-def]
    window: MainWindow = open_window()
    open_in(window, qtbot, saved)
    window.workspace.apply_command(toggle_ablation(["m0"]))
    window.crash_recovery.document_autosave.flush()
    assert list(window.crash_recovery.folder.glob("*.circuit"))
    monkeypatch.setattr(QMessageBox, "question", lambda *a: QMessageBox.StandardButton.Discard)
    window.close()
    assert not list(window.crash_recovery.folder.iterdir())


def test_the_second_window_on_a_file_is_told(open_window, qtbot: QtBot, saved: Path) -> None:
    first: MainWindow = open_window()
    second: MainWindow = open_window()
    open_in(first, qtbot, saved)
    first.file_controller.open_path(saved)  # one's own file comes to the front
    assert len(first.workspace.tabs.tabs) == 1
    assert first.file_controller.file_lock.message_box is None
    second.file_controller.open_path(saved)
    qtbot.waitUntil(lambda: second.file_controller.file_lock.message_box is not None, timeout=LONG)
    question = second.file_controller.file_lock.message_box
    assert question is not None and question.isVisible() and "another window since" in question.text()
    assert second.workspace.document.state.circuit is None
    shoot(second, "second-window", question)
    copy = next(b for b in question.buttons() if b.text() == "Open a copy")
    with qtbot.waitSignal(second.workspace.document_shown, timeout=LONG):
        qtbot.mouseClick(copy, Qt.MouseButton.LeftButton)
    assert second.workspace.document.state.hash == first.workspace.document.state.hash
    assert second.workspace.document.path is None and second.isWindowModified()
    assert not save_in(second, saved)
    assert (
        second.dialogs.failure_dialog is not None
        and "another window" in second.dialogs.failure_dialog.informativeText()
    )
    second.dialogs.failure_dialog.close()
    other = saved.with_name("other.circuit")
    assert save_in(second, other) and not second.isWindowModified()
    first.file_controller.open_path(other)
    qtbot.waitUntil(lambda: first.file_controller.file_lock.message_box is not None, timeout=LONG)
    first.file_controller.file_lock.message_box.close()
    assert first.workspace.document.path == saved
    first.close()
    assert save_in(second, saved)


def test_a_file_that_another_program_changed_is_told_and_asked_for(
    open_window, qtbot: QtBot, saved: Path, monkeypatch
) -> None:  # type: ignore[no-untyped-def]
    asked: list[str] = []
    answer = QMessageBox.StandardButton.Cancel

    def question(_parent: object, _title: str, text: str, *_buttons: object) -> QMessageBox.StandardButton:
        asked.append(text)
        return answer

    monkeypatch.setattr(QMessageBox, "question", question)
    window: MainWindow = open_window()
    open_in(window, qtbot, saved)
    window.workspace.apply_command(set_label("m0", Label("mine")))
    assert save_in(window) and save_in(window) and not asked, "what is written here is no surprise"
    window.workspace.apply_command(set_label("m0", Label("mine again")))
    theirs = open_document(saved)
    theirs.apply_command(set_label("m0", Label("theirs")))
    save_document(theirs, saved)  # as another program does, by replacing it
    qtbot.waitUntil(
        lambda: "changed by another program" in window.status_line.message_label.text(), timeout=LONG
    )
    assert not save_in(window) and "changed by another program" in asked[0]
    assert open_document(saved).state.labels["m0"].text == "theirs" and window.isWindowModified()
    answer = QMessageBox.StandardButton.Save
    assert save_in(window) and len(asked) == 2
    assert open_document(saved).state.labels["m0"].text == "mine again"
    assert save_in(window) and len(asked) == 2
    saved.unlink()
    assert save_in(window) and len(asked) == 2, "nothing is lost where there is nothing"


def test_the_view_returns(open_window, qtbot: QtBot, saved: Path) -> None:
    window: MainWindow = open_window()
    open_in(window, qtbot, saved)
    window.layout_controller.switch_to_next_layout()
    window.view.zoom_by(1.7)
    names = {n.name for n in window.view.circuit_scene.nodes[1:3]}
    edge = {window.view.circuit_scene.edges[0].name}
    window.view.select(names, edge)
    zoom, layout = window.view.zoom, window.canvas_updater.layout_name
    middle = window.view.mapToScene(window.view.viewport().rect().center())
    assert save_in(window)
    again: MainWindow = open_window()
    window.close()
    open_in(again, qtbot, saved)
    assert again.canvas_updater.layout_name == layout != "layered" and again.view.zoom == pytest.approx(zoom)
    there = again.view.mapToScene(again.view.viewport().rect().center())
    assert (there - middle).manhattanLength() < 5
    assert (
        again.view.selected_nodes == again.workspace.selected_nodes == names
        and again.view.selected_edges == edge
    )


def test_a_strange_view_shows_the_whole_circuit(open_window, qtbot: QtBot, saved: Path) -> None:  # type: ignore[no-untyped-def]
    window: MainWindow = open_window()
    document = open_document(saved)
    for view in (
        {"layout": "no such"},
        {"layout": 3, "zoom": "x", "centre": [1, None]},
        {"zoom": 1e300, "centre": [0, 0]},
        {"zoom": 1.0, "centre": 3, "selected": {"nodes": 3, "edges": ["x", 4]}},
        {"selected": []},
    ):
        document.view = view
        save_document(document, saved)
        open_in(window, qtbot, saved)
        assert window.canvas_updater.layout_name == "layered" and window.view._is_fitted, view
        assert window.view.circuit_scene.nodes, view
        window.view.zoom_by(2.0)
