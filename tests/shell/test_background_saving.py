"""Saving and exporting go on beside the window, and nothing is lost whatever happens meanwhile."""

from __future__ import annotations

import errno
import os
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from opening import LONG, export_in, open_in, save_in
from pdf_structure import picture_content
from PySide6.QtCore import Qt, QTimer
from PySide6.QtWidgets import QApplication, QFileDialog, QMessageBox, QPushButton, QSpinBox
from pytestqt.qtbot import QtBot
from screenshots import shoot

from circuitviz.document import Document, Label, State, set_label, toggle_ablation
from circuitviz.formats import autosave, circuit_file, export_document, open_document, save_document
from circuitviz.graph import Graph, ModelShape, Scores
from circuitviz.paint import save_figure
from circuitviz.shapes.figure_options import FigureOptions
from circuitviz.shell import export_dialog
from circuitviz.shell.file_controller import FileController
from circuitviz.shell.main_window import MainWindow

GRAPH = Graph.transformer(ModelShape(3, 4, 16))
ASK = FileController.confirm_leave  # the fixture that closes windows takes its place


class Gate:
    """Holds back whoever writes until it is opened, and counts them."""

    def __init__(self, module: Any, patch: pytest.MonkeyPatch) -> None:
        self.begun, self.open, self.count = threading.Event(), threading.Event(), 0
        plain = module.write_atomically

        def write_whole(path: Path, data: bytes) -> None:
            self.count += 1
            self.begun.set()
            assert self.open.wait(LONG / 1000)
            plain(path, data)

        patch.setattr(module, "write_atomically", write_whole)


@pytest.fixture
def gate(monkeypatch: pytest.MonkeyPatch) -> Iterator[Gate]:
    """In front of the documents' own files."""
    made = Gate(circuit_file, monkeypatch)
    yield made
    made.open.set()


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    scores = Scores(GRAPH, np.random.default_rng(0).normal(size=GRAPH.mask.shape), "eap")
    path = tmp_path / "ioi.circuit"
    save_document(Document(State(None, scores, scores.greedy(60))), path)
    return path


@pytest.fixture
def window(open_window: Callable[[], MainWindow], qtbot: QtBot, saved: Path) -> MainWindow:
    made = open_window()
    open_in(made, qtbot, saved)
    return made


def label(window: MainWindow, text: str) -> None:
    window.workspace.apply_command(set_label("m0", Label(text)))


def labelled(path: Path) -> str:
    return open_document(path).state.labels["m0"].text


def test_a_save_keeps_nobody_waiting(window: MainWindow, qtbot: QtBot, saved: Path, gate: Gate) -> None:
    """What is changed while it is written stays unsaved, and undoing that is back at what was saved."""
    size = window.view.size()
    label(window, "saved")
    assert window.file_controller.save_document()
    qtbot.waitUntil(gate.begun.is_set, timeout=LONG)
    assert window.isWindowModified() and window.workspace.save_service.pending_saves == [saved]
    bar = window.status_line.write_progress
    qtbot.waitUntil(bar.isVisible, timeout=LONG)
    assert bar.text_label.text() == "Writing ioi.circuit …" and not bar.cancel_button.isVisible()
    shoot(window, "writing")
    label(window, "not saved")
    gate.open.set()
    window.workspace.save_service.wait_until_written()
    assert labelled(saved) == "saved" and window.isWindowModified() and not bar.isVisible()
    QApplication.processEvents()
    assert window.view.size() == size  # the status bar is as high as before
    assert (
        list(window.crash_recovery.folder.glob("*.lock"))
        or window.crash_recovery.document_autosave._due_time_s is not None
    )
    window.workspace.undo_stack.undo()
    assert not window.isWindowModified()
    window.workspace.undo_stack.redo()
    assert window.isWindowModified()
    assert save_in(window) and labelled(saved) == "not saved" and not window.isWindowModified()


def test_what_was_measured_while_it_was_saved_is_unsaved(
    window: MainWindow, qtbot: QtBot, gate: Gate
) -> None:
    label(window, "saved")
    window.file_controller.save_document()
    qtbot.waitUntil(gate.begun.is_set, timeout=LONG)
    window.workspace.document.store_measure("curve", {"key": "", "options": {}, "result": {}, "done": True})
    gate.open.set()
    window.workspace.save_service.wait_until_written()
    assert window.workspace.document.is_dirty


def test_of_saves_that_wait_the_last_is_written(
    window: MainWindow, qtbot: QtBot, saved: Path, gate: Gate
) -> None:
    for text in ("first", "second", "third"):
        label(window, text)
        assert window.file_controller.save_document()
        qtbot.waitUntil(gate.begun.is_set, timeout=LONG)
    gate.open.set()
    window.workspace.save_service.wait_until_written()
    assert labelled(saved) == "third" and gate.count == 2 and not window.isWindowModified()


def test_a_second_save_goes_where_the_first_is_on_its_way(
    window: MainWindow, qtbot: QtBot, saved: Path, gate: Gate, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Saved under a new name, then saved again before that is done: no question, and the new file has it."""
    new = saved.with_name("Schaltkreis – 回路 ü.circuit")
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_given: (str(new), ""))
    label(window, "first")
    assert window.file_controller.save_as()
    qtbot.waitUntil(gate.begun.is_set, timeout=LONG)
    label(window, "second")
    assert window.file_controller.save_document()
    gate.open.set()
    window.workspace.save_service.wait_until_written()
    assert labelled(new) == "second" and window.workspace.document.path == new
    assert "m0" not in open_document(saved).state.labels
    assert new.name in window.windowTitle() and not window.isWindowModified()
    assert "changed by another program" not in window.status_line.message_label.text()


FAILURES = {
    "full": (os, "fsync", OSError(errno.ENOSPC, "No space left on device"), "the disk is full"),
    "read-only": (os, "replace", OSError(errno.EROFS, "Read-only file system"), "may not be written"),
}


@pytest.mark.parametrize("kind", FAILURES)
def test_a_save_that_fails_changes_nothing(
    window: MainWindow, saved: Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    module, name, error, said = FAILURES[kind]

    def fail(*_given: object) -> None:
        raise error

    label(window, "wanted")
    before = saved.read_bytes()
    with monkeypatch.context() as patch:
        patch.setattr(module, name, fail)
        new = saved.with_name("new.circuit")
        for path in (None, new):
            assert not save_in(window, path)
            assert (
                window.dialogs.failure_dialog is not None
                and said in window.dialogs.failure_dialog.informativeText()
            )
            assert "save" in window.dialogs.failure_dialog.text()
            window.dialogs.failure_dialog.close()
        assert not export_in(window, saved.with_name("figure.svg"))
        assert (
            window.dialogs.failure_dialog.isVisible()
            and said in window.dialogs.failure_dialog.informativeText()
        )
        window.dialogs.failure_dialog.close()
    assert (
        saved.read_bytes() == before and window.workspace.document.path == saved and window.isWindowModified()
    )
    left = {path.name for path in saved.parent.iterdir() if path.is_file()}
    assert left == {saved.name}, "nothing half written stays"
    assert save_in(window) and labelled(saved) == "wanted"


def test_the_claim_goes_back_to_the_file_that_is_open(
    window: MainWindow, open_window: Callable[[], MainWindow], qtbot: QtBot, saved: Path
) -> None:
    assert not save_in(window, saved.parent / "nowhere" / "new.circuit")
    window.dialogs.failure_dialog.close()  # type: ignore[union-attr]
    other = open_window()
    other.file_controller.open_path(saved)
    qtbot.waitUntil(lambda: other.file_controller.file_lock.message_box is not None, timeout=LONG)
    other.file_controller.file_lock.message_box.close()  # type: ignore[union-attr]


def test_closing_waits_for_the_disk(
    window: MainWindow, qtbot: QtBot, saved: Path, gate: Gate, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Saving and closing at once asks nothing, since nothing will be lost."""
    monkeypatch.setattr(FileController, "confirm_leave", ASK)
    monkeypatch.setattr(QMessageBox, "question", lambda *_given: pytest.fail("there is nothing to ask"))
    label(window, "the last word")
    window.file_controller.save_document()
    qtbot.waitUntil(gate.begun.is_set, timeout=LONG)
    threading.Timer(0.2, gate.open.set).start()
    window.close()
    assert not window.isVisible() and labelled(saved) == "the last word"
    assert not list(window.crash_recovery.folder.glob("*.circuit"))


def test_closing_with_a_save_that_fails_keeps_the_window(
    window: MainWindow, saved: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    buttons = QMessageBox.StandardButton
    answers = [buttons.Save, buttons.Cancel]
    monkeypatch.setattr(FileController, "confirm_leave", ASK)
    monkeypatch.setattr(QMessageBox, "question", lambda *_given: answers.pop(0))
    label(window, "wanted")

    def fail(*_given: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", fail)
        window.close()
    assert window.isVisible() and window.isWindowModified() and len(answers) == 1
    assert (
        window.dialogs.failure_dialog is not None
        and "disk is full" in window.dialogs.failure_dialog.informativeText()
    )
    window.dialogs.failure_dialog.close()
    window.close()
    assert window.isVisible() and not answers
    answers.append(buttons.Save)
    window.close()
    assert not window.isVisible() and labelled(saved) == "wanted"


@pytest.mark.parametrize("wanted", [True, False], ids=["waited for", "left out"])
def test_closing_while_an_export_runs_asks_whether_to_wait(
    window: MainWindow, qtbot: QtBot, saved: Path, monkeypatch: pytest.MonkeyPatch, wanted: bool
) -> None:
    from circuitviz.paint import figure_files

    gate = Gate(figure_files, monkeypatch)
    figure = saved.with_name("figure.svg")
    window.file_controller.export_to(figure)
    qtbot.waitUntil(gate.begun.is_set, timeout=LONG)

    def decide() -> None:
        dialog = window.status_line.write_progress.dialog
        if dialog is None or not dialog.isVisible():
            QTimer.singleShot(20, window, decide)
            return
        assert "Writing figure.svg …" in dialog.labelText() and window.isVisible()
        shoot(window, "closing-while-writing", dialog)
        if not wanted:
            button = dialog.findChild(QPushButton)
            assert button is not None and button.text() == "Cancel the export"
            qtbot.mouseClick(button, Qt.MouseButton.LeftButton)
        gate.open.set()

    decide()
    window.close()
    assert not window.isVisible() and figure.exists() == wanted
    assert {path.name for path in saved.parent.iterdir() if path.is_file()} - {figure.name} == {saved.name}


def test_another_thread_writes_the_same_file(window: MainWindow, tmp_path: Path) -> None:
    label(window, "Ümläut 回路")
    for folder in ("here", "there"):
        (tmp_path / folder).mkdir()
    figure = FigureOptions(layout=window.canvas_updater.layout_name)
    figures, tables = (".svg", ".pdf", ".png", ".tex"), (".json", ".graph.json", ".csv", ".nodes.csv")
    for suffix in (*figures, *tables, ".graphml", ".dot"):
        name = f"Schaltkreis – 回路 ü{suffix}"
        here, there = tmp_path / "here" / name, tmp_path / "there" / name
        if suffix in figures:
            save_figure(window.workspace.document, here, figure)
        else:
            export_document(window.workspace.document, here)
        assert export_in(window, there)
        assert picture_content(there.read_bytes()) == picture_content(here.read_bytes()), suffix
        assert window.status_line.message_label.text() == f"Exported {name}"


def test_an_empty_circuit_has_no_figure(window: MainWindow, qtbot: QtBot, saved: Path) -> None:
    window.workspace.set_document(Document())
    assert not export_in(window, saved.with_name("a.svg"))
    assert (
        window.dialogs.failure_dialog is not None
        and "There is no circuit to draw yet" in window.dialogs.failure_dialog.informativeText()
    )
    window.dialogs.failure_dialog.close()
    assert not export_in(window, saved.with_name("a.csv"))
    assert "There is no circuit to export yet" in window.dialogs.failure_dialog.informativeText()
    window.dialogs.failure_dialog.close()
    window.file_controller.show_export_dialog()
    dialog = window.file_controller.export_dialog
    assert dialog is not None
    qtbot.waitUntil(lambda: "no circuit to draw" in dialog.problem_label.text(), timeout=LONG)
    assert not dialog.save_button.isEnabled()
    dialog.close()


def test_the_preview_rests_before_it_is_drawn_again(
    window: MainWindow, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ten keystrokes are one drawing, made of what was typed last, in another thread."""
    drawn: list[tuple[int, int]] = []
    plain = export_dialog.make_figure_page

    def sheet_of(document: Document, figure: FigureOptions, name: str) -> Any:
        drawn.append((figure.most_edges, threading.get_ident()))
        return plain(document, figure, name)

    monkeypatch.setattr(export_dialog, "make_figure_page", sheet_of)
    window.file_controller.show_export_dialog()
    dialog = window.file_controller.export_dialog
    assert dialog is not None
    qtbot.waitUntil(lambda: dialog.preview.sheet is not None, timeout=LONG)
    before = len(drawn)
    field = dialog.option_form.fields["most_edges"]
    assert isinstance(field, QSpinBox)
    for number in range(11, 21):
        field.setValue(number)
    qtbot.waitUntil(lambda: len(dialog.preview.sheet.drawing.body) < 60, timeout=LONG)  # type: ignore[union-attr]
    assert [most for most, _ in drawn[before:]] == [20]
    assert threading.get_ident() not in {thread for _, thread in drawn}
    dialog.resize(900, 640)
    qtbot.waitUntil(lambda: len(drawn) > before + 1, timeout=LONG)
    dialog.close()
    window.workspace.save_service.wait_until_written()


def test_an_export_is_stopped_from_its_dialog(
    window: MainWindow, qtbot: QtBot, saved: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from circuitviz.paint import figure_files

    path = saved.with_name("figure.pdf")
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_given: (str(path), ""))
    window.file_controller.show_export_dialog()
    dialog = window.file_controller.export_dialog
    assert dialog is not None
    qtbot.waitUntil(dialog.save_button.isEnabled, timeout=LONG)
    with monkeypatch.context() as patch:
        gate = Gate(figure_files, patch)
        qtbot.mouseClick(dialog.save_button, Qt.MouseButton.LeftButton)
        qtbot.waitUntil(gate.begun.is_set, timeout=LONG)
        assert (
            dialog.isVisible()
            and dialog.save_button.text() == "Stop"
            and dialog.state_label.text() == "Writing figure.pdf …"
        )
        shoot(window, "export-writing", dialog)
        qtbot.mouseClick(dialog.save_button, Qt.MouseButton.LeftButton)
        gate.open.set()
        window.workspace.save_service.wait_until_written()
    assert not path.exists() and dialog.isVisible() and dialog.save_button.text() == "Save…"
    assert "figure.pdf" in (said := window.status_line.message_label.text()) and "cancelled" in said
    qtbot.mouseClick(dialog.save_button, Qt.MouseButton.LeftButton)
    window.workspace.save_service.wait_until_written()
    assert path.exists() and not dialog.isVisible()


def test_saving_does_not_wait_for_the_recovery_file(
    window: MainWindow, qtbot: QtBot, saved: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is being written when the work is saved: the window goes on, and the file goes when it is done."""
    gate = Gate(autosave, monkeypatch)
    window.crash_recovery.document_autosave.delay_s = 0.0
    window.workspace.apply_command(toggle_ablation(["m0"]))
    qtbot.waitUntil(gate.begun.is_set, timeout=LONG)
    assert save_in(window) and not window.isWindowModified()
    gate.open.set()
    qtbot.waitUntil(lambda: not list(window.crash_recovery.folder.iterdir()), timeout=LONG)
    assert open_document(saved).state.ablated_nodes == {"m0"}
