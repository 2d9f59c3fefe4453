"""Sets are renamed, copied, deleted and brought back with mouse and keys; the editor and the form follow."""

from __future__ import annotations

from typing import Any

import pytest
from panel_host import LONG, PanelHost
from PySide6.QtCore import QPoint, Qt
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from circuitviz.panels.prompt_editor.prompt_sheet import SheetState
from circuitviz.tasks.prompt_sets import PromptRow, list_prompt_sets, save_prompt_set
from circuitviz.workbench.requests.load_catalog import Catalog
from circuitviz.workbench.requests.read_task_rows import ReadTaskRows

LEFT, KEYS = Qt.MouseButton.LeftButton, Qt.Key
ROW = PromptRow("The capital of France is", "The capital of Italy is", " Paris", " Rome")


@pytest.fixture
def editor(idle_host: PanelHost) -> Any:
    """The editor with a set that is the task of the search form, and another set."""
    save_prompt_set("capitals", [ROW, ROW])
    save_prompt_set("rivers", [ROW])
    panel = idle_host.show("prompt_editor")
    idle_host.workspace.catalog_received.emit(Catalog(tasks=("ioi",)))
    panel.storage.show_state(SheetState("capitals", (ROW, ROW)), "Open", "capitals")
    idle_host.workspace.search_form.set(task="capitals")
    return panel


def open_dialog(qtbot: QtBot, panel: Any) -> Any:
    panel.open_menu.popup(QPoint(0, 0))
    menu = panel.open_menu
    action = next(a for a in menu.actions() if a.text() == "Rename, duplicate, delete…")
    qtbot.mouseClick(menu, LEFT, pos=menu.actionGeometry(action).center())
    menu.close()
    panel.set_actions.sets_dialog.activateWindow()
    qtbot.waitUntil(panel.set_actions.sets_dialog.isActiveWindow, timeout=LONG)
    return panel.set_actions.sets_dialog


def click_row(qtbot: QtBot, dialog: Any, row: int) -> None:
    place = dialog.table.visualItemRect(dialog.table.item(row, 0)).center()
    qtbot.mouseClick(dialog.table.viewport(), LEFT, pos=place)


def rename(qtbot: QtBot, dialog: Any, name: str) -> None:
    qtbot.keyClick(dialog.table, KEYS.Key_F2)
    line = QApplication.focusWidget()
    line.selectAll()  # type: ignore[union-attr]
    qtbot.keyClicks(line, name)
    qtbot.keyClick(line, KEYS.Key_Return)
    QApplication.processEvents()


def names(dialog: Any) -> list[str]:
    return [dialog.table.item(row, 0).text() for row in range(dialog.table.rowCount())]


def test_a_set_is_renamed_wherever_it_is_used(editor: Any, qtbot: QtBot) -> None:
    dialog = open_dialog(qtbot, editor)
    click_row(qtbot, dialog, 0)
    rename(qtbot, dialog, "rivers")
    assert "already" in dialog.message_label.text() and names(dialog) == ["capitals", "rivers"]
    rename(qtbot, dialog, "cities")
    assert names(dialog) == ["cities", "rivers"] == list_prompt_sets()
    assert editor.storage.set_name == editor.name_field.text() == "cities"
    assert editor.workspace.search_form.task == "cities"
    qtbot.keyClick(dialog.table, KEYS.Key_Z, Qt.KeyboardModifier.ControlModifier)
    assert list_prompt_sets() == ["capitals", "rivers"] and editor.name_field.text() == "capitals"
    dialog.close()


def test_a_deleted_set_is_listed_and_brought_back(editor: Any, qtbot: QtBot) -> None:
    dialog = open_dialog(qtbot, editor)
    click_row(qtbot, dialog, 0)
    qtbot.keyClick(dialog.table, KEYS.Key_Delete)
    assert list_prompt_sets() == ["rivers"] and names(dialog) == ["rivers", "capitals"]
    assert "deleted" in dialog.table.item(1, 2).text()
    assert editor.sheet.rows == (ROW, ROW) and editor.storage.set_name == ""
    qtbot.mouseClick(dialog.undo_button, LEFT)
    assert list_prompt_sets() == ["capitals", "rivers"]
    qtbot.mouseClick(dialog.delete_button, LEFT)
    click_row(qtbot, dialog, 1)
    assert dialog.restore_button.isVisible() and not dialog.edit_button.isEnabled()
    qtbot.mouseClick(dialog.restore_button, LEFT)
    assert list_prompt_sets() == ["capitals", "rivers"] and dialog.delete_button.isVisible()
    dialog.close()


def test_a_copy_is_edited(editor: Any, qtbot: QtBot, idle_host: PanelHost) -> None:
    dialog = open_dialog(qtbot, editor)
    click_row(qtbot, dialog, 1)
    qtbot.mouseClick(dialog.duplicate_button, LEFT)
    assert names(dialog) == ["capitals", "rivers", "rivers 2"] and dialog.chosen_set.name == "rivers 2"
    form = idle_host.panel("discovery")
    assert form.task_box.findText("rivers 2") >= 0, "it is offered as a task"
    qtbot.mouseClick(dialog.edit_button, LEFT)
    assert not dialog.isVisible()
    assert [job.request.task for job in idle_host.submitted(ReadTaskRows)] == ["rivers 2"]
