"""The editor of own prompts in the window: its keys are its own, and what it makes is a task of the form."""

from __future__ import annotations

import pytest
from opening import LONG
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from circuitviz.document import move_nodes
from circuitviz.shell.main_window import MainWindow
from circuitviz.tasks.prompt_sets import PromptRow

CTRL = Qt.KeyboardModifier.ControlModifier
ROWS = (
    PromptRow("So Mary said that", "So John said that", " she", " he"),
    PromptRow("So Anna said that", "So Paul said that", " she", " he"),
)


def click_cell(qtbot: QtBot, window: MainWindow, row: int, column: int) -> None:
    table = window.panels["prompt_editor"].table
    place = table.visualRect(table.table_model.index(row, column)).center()
    qtbot.mouseClick(table.viewport(), Qt.MouseButton.LeftButton, pos=place)


def test_undo_with_the_keys_is_of_what_has_them(window: MainWindow, qtbot: QtBot) -> None:
    """Typing in the table and moving a node on the canvas are undone apart from each other."""
    node = window.workspace.state.circuit.node_names[1]
    window.workspace.apply_command(move_nodes({node: (5.0, 5.0)}))
    window.run_command("own_prompts")
    editor = window.panels["prompt_editor"]
    qtbot.waitUntil(editor.isVisible, timeout=LONG)
    click_cell(qtbot, window, 0, 1)
    assert QApplication.focusWidget() is editor.table
    qtbot.keyClicks(QApplication.focusWidget(), "S")
    qtbot.keyClick(QApplication.focusWidget(), Qt.Key.Key_Return)
    qtbot.waitUntil(lambda: editor.sheet.rows == (PromptRow("S"),), timeout=LONG)
    qtbot.keyClick(editor.table, Qt.Key.Key_Z, CTRL)
    assert editor.sheet.rows == () and window.workspace.undo_stack.canUndo()
    qtbot.keyClick(
        editor.table, Qt.Key.Key_Z, CTRL
    )  # nothing is left to undo here, nor is it the window's turn
    assert window.workspace.undo_stack.canUndo()
    window.view.setFocus()
    qtbot.keyClick(window.view, Qt.Key.Key_Z, CTRL)
    assert not window.workspace.undo_stack.canUndo()


def test_own_prompts_are_searched_on_and_listed(open_window, qtbot: QtBot) -> None:
    window: MainWindow = open_window()
    form, editor = window.panels["discovery"], window.panels["prompt_editor"]
    qtbot.waitUntil(lambda: form.method_box.count() > 1, timeout=LONG)
    window.run_command("own_prompts")
    editor.sheet.set_rows(ROWS, "type")
    editor.sheet.set_name("who said it")
    qtbot.mouseClick(editor.use_button, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: form.task_box.currentText() == "who said it", timeout=LONG)
    assert form.task_box.findText("who said it") == 1  # after the editor itself, before built-in tasks
    form.method_box.setCurrentText("eap")
    window.run_command("run")
    qtbot.waitUntil(lambda: window.workspace.user_document.state.circuit is not None, timeout=LONG)
    pairs = window.workspace.document.state.origin.pairs
    assert [pair[0] for pair in pairs] == [row.clean for row in ROWS]
    assert window.workspace.document.state.origin.task == "who said it"


@pytest.mark.parametrize("task", ["gender", "sva"])
def test_a_command_edits_the_task_of_the_form(open_window, qtbot: QtBot, task: str) -> None:
    window: MainWindow = open_window()
    window.workspace.search_form.set(task=task)
    window.run_command("edit_task")
    editor = window.panels["prompt_editor"]
    qtbot.waitUntil(lambda: len(editor.sheet.rows) == 64, timeout=LONG)
    assert editor.isVisible() and editor.sheet.state.name.startswith(task)
