"""A search never writes over, hides or loses what a person made; the window's side of it."""

from __future__ import annotations

from pathlib import Path

import pytest
from opening import LONG, measured, open_in, save_in
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QFileDialog, QMessageBox
from pytestqt.qtbot import QtBot
from screenshots import shoot

from circuitviz.document import Document, Label, group_nodes, set_label
from circuitviz.formats import open_document, save_document
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

    search(window, qtbot, "sva")
    qtbot.waitUntil(lambda: desk.state.origin.task == "sva" and measured(window), timeout=LONG)
    assert not answers.asked, "all of it is on the disk"
    assert desk.document.path is None and window.windowTitle().startswith("Untitled circuit")
    assert not desk.state.labels and not desk.state.groups and not window.panels["labels"].table_model.targets
    shoot(window, "documents-other-task")
    assert shown and all(points != curve for document, points in shown if document is not mine)
    press_save(window, qtbot)
    assert answers.places_asked == 1 and path.read_bytes() == kept
    answers.place = str(tmp_path / "other.circuit")
    press_save(window, qtbot)
    assert window.windowTitle().startswith("other.circuit") and path.read_bytes() == kept

    desk.undo_stack.undo()
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

    # unsaved work: a search of something else asks, and is not begun when a person rather stays
    search(window, qtbot, "gender")
    assert len(answers.asked) == 2 and not desk.search_controller.is_running
    assert window.panels["discovery"].run_button.isEnabled()


def test_a_cancelled_search_leaves_the_circuit_and_offers_what_it_has(
    opened: MainWindow, qtbot: QtBot, answers: Answers
) -> None:
    window, desk = opened, opened.workspace
    mine, state, curve = desk.document, desk.document.state, desk.document.curve
    desk.document.store_measure("roles", {"key": "", "options": {}, "result": ROLES, "done": True})
    window.dock_manager.bring_to_front("edges")
    answers.answer = BUTTONS.Discard  # the scores of roles are not saved
    search(window, qtbot, "sva", "acdc")
    qtbot.waitUntil(
        lambda: desk.partial_result is not None and not window.canvas_updater.is_pending, timeout=LONG
    )
    assert not desk.document.curve and window.windowTitle().startswith("Untitled circuit")
    assert not window.panels["labels"].role_suggestions.role_scores and desk.user_document is mine
    shoot(window, "documents-searching")
    assert (
        window.file_controller.confirm_leave() is False and "search" in answers.asked[-1]
    )  # Discard is no Yes
    qtbot.waitUntil(lambda: "sva" in window.workspace.opened_model.task, timeout=LONG)
    desk.cancel_jobs()
    qtbot.waitUntil(lambda: desk.search_controller.pending_offer is not None, timeout=LONG)
    assert desk.document is mine and desk.document.state is state and desk.document.curve == curve
    notice = window.notice_bar.result_notice
    total = state.circuit.graph.n_edges
    assert notice.isVisible() and f"of {total:,} edges examined" in notice.text_label.text()
    shoot(window, "documents-offered")
    qtbot.waitUntil(
        lambda: not desk.search_controller.is_running and desk.opened_model is not None, timeout=LONG
    )
    qtbot.mouseClick(notice.action_button, Qt.MouseButton.LeftButton)
    assert desk.state.origin.task == "sva" and desk.state.scores.partial and not notice.isVisible()
    assert desk.state.circuit.n_edges < total / 4, "edges that nobody examined"
    qtbot.waitUntil(lambda: window.view.status_text.startswith("partial result"), timeout=LONG)
    shoot(window, "documents-partial")
    desk.undo_stack.undo()
    assert desk.document is mine and desk.document.state is state


ROLES = {"roles": {}, "weights": "", "task": "", "movers": []}


def test_a_second_window_or_a_file_from_before_keeps_its_own_stamp(
    window: MainWindow, qtbot: QtBot, tmp_path: Path, answers: Answers
) -> None:
    """A document that comes back by undo knows its file as it was then."""
    desk = window.workspace
    assert save_in(window, tmp_path / "one.circuit")
    first = desk.document
    made = first.create_successor(_again(first), None)
    desk.document_switcher.push_document(made, "Find")
    answers.place = str(tmp_path / "one.circuit")  # the person says so, and the dialog asked about it
    assert save_in(window) and desk.document is made
    desk.undo_stack.undo()
    assert desk.document is first and first.path == tmp_path / "one.circuit"
    before = (tmp_path / "one.circuit").read_bytes()
    press_save(window, qtbot)
    assert len(answers.asked) == 1 and (tmp_path / "one.circuit").read_bytes() == before
    open_in(window, qtbot, tmp_path / "one.circuit")
    press_save(window, qtbot)
    assert len(answers.asked) == 1


def _again(document: Document):  # type: ignore[no-untyped-def]
    from circuitviz.document import replace_circuit

    state = document.state
    return replace_circuit(state.scores.greedy(20), state.scores, None, "Find")
