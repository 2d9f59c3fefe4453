"""A search never writes over, hides or loses what a person made; the window's side of it."""

from __future__ import annotations

from pathlib import Path

import pytest
from example_documents import labelled_document
from opening import LONG, measured, save_in
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QFileDialog, QMessageBox
from pytestqt.qtbot import QtBot
from screenshots import shoot

from circuitviz.document import Document, Label, group_nodes, set_label
from circuitviz.formats import open_document, save_document
from circuitviz.shell.application import open_arguments
from circuitviz.shell.main_window import MainWindow

BUTTONS = QMessageBox.StandardButton


class Answers:
    """What the window asked, and what it is told."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.asked: list[str] = []
        self.answer = BUTTONS.Cancel
        self.place = ""
        self.places_asked = 0
        monkeypatch.setattr(QMessageBox, "question", self._question)
        monkeypatch.setattr(QFileDialog, "getSaveFileName", self._file)

    def _question(self, _parent: object, _title: str, text: str, *_: object) -> QMessageBox.StandardButton:
        self.asked.append(text)
        return self.answer

    def _file(self, *_: object) -> tuple[str, str]:
        self.places_asked += 1
        return self.place, ""


@pytest.fixture
def answers(monkeypatch: pytest.MonkeyPatch) -> Answers:
    return Answers(monkeypatch)


def search(window: MainWindow, qtbot: QtBot, task: str, method: str = "eap", model: str = "demo") -> None:
    form = window.panels["discovery"]
    form.model_box.setEditText(model)
    form.task_box.setEditText(task)
    form.method_box.setCurrentText(method)
    qtbot.mouseClick(form.run_button, Qt.MouseButton.LeftButton)


def press_save(window: MainWindow, qtbot: QtBot) -> None:
    window.view.setFocus()
    qtbot.keyClick(window.view, Qt.Key.Key_S, Qt.KeyboardModifier.ControlModifier)
    window.workspace.save_service.wait_until_written()


def test_a_labelled_file_is_not_overwritten_by_another_search(
    opened: MainWindow, qtbot: QtBot, tmp_path: Path, answers: Answers
) -> None:
    window, desk = opened, opened.workspace
    assert not window.isWindowModified(), "an example that nobody touched"
    assert window.file_controller.confirm_leave() and not answers.asked
    heads = [n.name for n in window.view.circuit_scene.nodes if n.kind == "head"]
    desk.apply_command(set_label(heads[0], Label("Name Mover")))
    desk.apply_command(group_nodes("Mine", heads[:3]))
    assert window.isWindowModified()
    path = tmp_path / "mine.circuit"
    assert save_in(window, path) and window.windowTitle().startswith("mine.circuit")
    kept, curve = path.read_bytes(), desk.document.curve
    mine, shown = desk.document, []
    chart = window.panels["edges"].chart
    draw = chart.draw_result
    chart.draw_result = lambda name, result: (
        shown.append((desk.document, result["points"])),
        draw(name, result),
    )

    tab = desk.tabs.front
    search(window, qtbot, "sva")
    qtbot.waitUntil(lambda: desk.state.origin is not None and measured(window), timeout=LONG)
    assert not answers.asked and desk.state.origin.task == "sva"
    assert desk.document.path is None and window.windowTitle().startswith("sva · demo")
    assert not desk.state.labels and not desk.state.groups and not window.panels["labels"].table_model.targets
    shoot(window, "documents-other-task")
    assert shown and all(points != curve for document, points in shown if document is not mine)
    press_save(window, qtbot)
    assert answers.places_asked == 1 and path.read_bytes() == kept
    answers.place = str(tmp_path / "other.circuit")
    press_save(window, qtbot)
    assert window.windowTitle().startswith("other.circuit") and path.read_bytes() == kept

    desk.tab_controller.show(tab)
    assert desk.document.path == path and window.windowTitle().startswith("mine.circuit")
    assert desk.state.labels[heads[0]].text == "Name Mover" and desk.document.curve == curve
    assert not window.isWindowModified()
    desk.apply_command(set_label(heads[1], Label("Induction")))
    press_save(window, qtbot)
    assert answers.places_asked == 2, "it has a name, and the file holds this circuit"
    assert set(open_document(path).state.labels) == {heads[0], heads[1]}
    assert open_document(tmp_path / "other.circuit").state.origin.task == "sva"

    # the file came to hold another circuit meanwhile: saving asks first
    save_document(Document(open_document(tmp_path / "other.circuit").state), path)
    answers.answer = BUTTONS.Cancel
    desk.apply_command(set_label(heads[2], Label("Induction")))
    press_save(window, qtbot)
    assert len(answers.asked) == 1 and "mine.circuit" in answers.asked[0]
    assert open_document(path).state.origin.task == "sva"

    # opening it brings its tab to the front, and reads it again where the person says so
    window.file_controller.open_path(path)
    assert len(answers.asked) == 2 and "would be lost" in answers.asked[1]
    assert desk.state.labels and len(desk.tabs.tabs) == 2
    answers.answer = BUTTONS.Yes
    with qtbot.waitSignal(desk.document_shown, timeout=LONG):
        window.file_controller.open_path(path)
    assert desk.state.origin.task == "sva" and not desk.state.labels and not desk.undo_stack.canUndo()
    assert desk.tabs.front is tab and not window.isWindowModified()


def test_a_cancelled_search_leaves_the_circuit_and_keeps_what_it_has_in_its_own_tab(
    opened: MainWindow, qtbot: QtBot, answers: Answers
) -> None:
    window, desk = opened, opened.workspace
    mine, state, curve, tab = desk.document, desk.document.state, desk.document.curve, desk.tabs.front
    desk.document.store_measure("roles", {"key": "", "options": {}, "result": ROLES, "done": True})
    window.dock_manager.bring_to_front("edges")
    search(window, qtbot, "sva", "acdc")
    qtbot.waitUntil(
        lambda: desk.partial_result is not None and not window.canvas_updater.is_pending, timeout=LONG
    )
    assert not answers.asked, "the scores of roles stay in their tab"
    assert not desk.document.curve and not window.panels["labels"].role_suggestions.role_scores
    shoot(window, "documents-searching")
    answers.answer = BUTTONS.No
    assert window.file_controller.confirm_leave() is False and "search" in answers.asked[-1]
    desk.tab_controller.show(tab)
    assert desk.document is mine and mine.state is state and mine.curve == curve
    assert "%" in window.document_tabs.bar.tabText(1) or "…" in window.document_tabs.bar.tabText(1)
    desk.search_queue.cancel(desk.search_queue.searches[0])
    qtbot.waitUntil(lambda: not desk.search_queue.searches, timeout=LONG)
    notice = window.notice_bar.result_notice
    assert desk.document is mine and notice.isVisible() and "sva · demo" in notice.text_label.text()
    shoot(window, "documents-found-elsewhere")
    qtbot.mouseClick(notice.action_button, Qt.MouseButton.LeftButton)
    assert desk.state.origin.task == "sva" and desk.state.scores.partial and not notice.isVisible()
    assert desk.state.circuit.n_edges < state.circuit.graph.n_edges / 4, "edges that nobody examined"
    qtbot.waitUntil(lambda: window.view.status_text.startswith("partial result"), timeout=LONG)
    shoot(window, "documents-partial")


ROLES = {"roles": {}, "weights": "", "task": "", "movers": []}


def test_a_document_saved_over_another_tabs_file_is_told_of_and_asked_about(
    window: MainWindow, qtbot: QtBot, tmp_path: Path, answers: Answers
) -> None:
    desk = window.workspace
    assert save_in(window, tmp_path / "one.circuit")
    first, tab = desk.document, desk.tabs.front
    desk.set_document(Document(first.state))
    made = desk.document
    assert save_in(window, tmp_path / "one.circuit") and made.path == first.path
    desk.tab_controller.show(tab)
    before = (tmp_path / "one.circuit").read_bytes()
    press_save(window, qtbot)
    assert len(answers.asked) == 1 and (tmp_path / "one.circuit").read_bytes() == before


def test_notes_that_were_just_typed_are_saved_and_asked_about(
    window: MainWindow, qtbot: QtBot, tmp_path: Path, answers: Answers
) -> None:
    workspace, editor = window.workspace, window.panels["notes"].editor
    path = tmp_path / "noted.circuit"
    assert save_in(window, path)
    window.dock_manager.bring_to_front("notes")
    window.panels["notes"]._commit_timer.setInterval(60_000)  # no rest comes first
    editor.setFocus()
    qtbot.keyClicks(editor, "first")
    qtbot.keyClick(editor, Qt.Key.Key_S, Qt.KeyboardModifier.ControlModifier)
    workspace.save_service.wait_until_written()
    assert open_document(path).state.notes == "first"
    qtbot.keyClicks(editor, " second")
    assert not window.close() and len(answers.asked) == 1
    qtbot.keyClicks(editor, " third")
    window.close_tab(workspace.tabs.front)
    assert len(answers.asked) == 2
    answers.answer = BUTTONS.Save
    qtbot.keyClicks(editor, " fourth")
    assert window.file_controller.confirm_leave()
    assert open_document(path).state.notes == "first second third fourth"


def test_the_copy_that_a_notebook_opens_is_unsaved_work(
    window: MainWindow, qtbot: QtBot, tmp_path: Path, answers: Answers
) -> None:
    path = tmp_path / "circuit-1.circuit"
    save_document(labelled_document(), path)
    before = path.read_bytes()
    open_arguments(window, path, None, None, demo=False, is_copy=True)
    expected = labelled_document().state.hash
    qtbot.waitUntil(lambda: window.workspace.document.state.hash == expected, timeout=LONG)
    document = window.workspace.document
    assert document.path is None and document.is_dirty
    assert not window.close() and answers.asked  # it asks, and stays open where that is cancelled
    assert path.read_bytes() == before
    document.mark_saved(path)
