"""The template page: slots appear as they are typed, a sample follows, and pairs go into the table."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from opening import double_click
from panel_host import LONG, PanelHost
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QApplication, QFileDialog
from pytestqt.qtbot import QtBot

from circuitviz.resources import resource_path
from circuitviz.tasks.slot_templates import ANOTHER_WORD, SlotTemplate, WordSlot
from circuitviz.workspace.workspace import Workspace

LEFT, KEYS = Qt.MouseButton.LeftButton, Qt.Key
GIVING = SlotTemplate(
    ("When {a} and {b} went to the park, {b} gave a ring to",), " {a}", " {b}",
    (WordSlot("a", "Mary, John, Tom, Anna"), WordSlot("b", "{a}", corrupted=ANOTHER_WORD)),
)  # fmt: skip


def open_page(host: PanelHost, qtbot: QtBot) -> tuple[Any, Any]:
    panel = host.show("prompt_editor")
    qtbot.mouseClick(panel.toolbar.template_button, LEFT)
    assert (
        panel.template_page.isVisible()
        and not panel.table.isVisible()
        and not panel.toolbar.add_button.isVisible()
    )
    return panel, panel.template_page


def edit_cell(qtbot: QtBot, page: Any, row: int, column: int, text: str) -> None:
    table = page.slot_table
    place = table.visualItemRect(table.item(row, column)).center()
    double_click(table.viewport(), place)
    qtbot.keyClicks(QApplication.focusWidget(), text)
    qtbot.keyClick(QApplication.focusWidget(), KEYS.Key_Tab)


def choose(qtbot: QtBot, page: Any, row: int, column: int, text: str) -> None:
    """Choose an entry of a slot's rule with the keys."""
    box = page.slot_table.cellWidget(row, column)
    box.setFocus()
    for _ in range(box.findText(text) - box.currentIndex()):
        qtbot.keyClick(box, KEYS.Key_Down)
    assert box.currentText() == text


def test_a_template_is_typed_and_becomes_pairs(host: PanelHost, qtbot: QtBot) -> None:
    panel, page = open_page(host, qtbot)
    qtbot.mouseClick(panel.model_line.button, LEFT)
    qtbot.waitUntil(lambda: not panel.model_line.button.isVisible(), timeout=LONG)
    qtbot.mouseClick(page.prompt_field.viewport(), LEFT)
    qtbot.keyClicks(page.prompt_field, GIVING.prompts[0])
    assert [page.slot_table.item(row, 0).text() for row in range(page.slot_table.rowCount())] == [
        "{a}",
        "{b}",
    ]
    for field, text in ((page.correct_field, " {a}"), (page.incorrect_field, " {b}")):
        qtbot.mouseClick(field, LEFT)
        qtbot.keyClicks(field, text)
    assert "No slot changes" in page.state_label.text() and not page.expand_button.isEnabled()
    edit_cell(qtbot, page, 0, 1, "Mary, John, Tom, Anna")
    edit_cell(qtbot, page, 1, 1, "{a}")
    choose(qtbot, page, 1, 4, ANOTHER_WORD)
    assert panel.sheet.state.template == GIVING
    qtbot.waitUntil(page.expand_button.isEnabled, timeout=LONG)
    assert page.state_label.text() == "24 different pairs."  # 4 · 3 · 2
    assert page.sample_table.rowCount() == 4 and page.sample_table.item(0, 2).text().startswith("·")
    qtbot.mouseClick(page.expand_button, LEFT)
    qtbot.waitUntil(lambda: len(panel.sheet.rows) == 24, timeout=LONG)
    assert panel.table.isVisible() and len({row.clean + row.corrupted for row in panel.sheet.rows}) == 24
    qtbot.waitUntil(lambda: panel.count_label.text() == "24 of 24 pairs can be used", timeout=LONG)
    qtbot.mouseClick(panel.toolbar.undo_button, LEFT)
    assert panel.sheet.rows == () and panel.sheet.state.template == GIVING
    qtbot.mouseClick(panel.toolbar.undo_button, LEFT)
    assert panel.sheet.state.template.slots[1].corrupted == ""
    assert page.slot_table.cellWidget(1, 4).currentText() == "the same"


def test_words_that_do_not_fit_the_tokenizer_are_named(host: PanelHost, qtbot: QtBot) -> None:
    panel, page = open_page(host, qtbot)
    qtbot.mouseClick(panel.model_line.button, LEFT)
    qtbot.waitUntil(lambda: not panel.model_line.button.isVisible(), timeout=LONG)
    slots = (WordSlot("a", "Mary, John, Tom, Marybook"), GIVING.slots[1])
    panel.sheet.set_template(SlotTemplate(GIVING.prompts, " {a}", " {b}", slots), "x")
    qtbot.waitUntil(lambda: "Marybook" in page.state_label.text(), timeout=LONG)
    assert page.state_label.text().startswith("6 different pairs")
    slots = (WordSlot("a", "Marybook, Johnbook"), GIVING.slots[1])
    panel.sheet.set_template(SlotTemplate(GIVING.prompts, " {a}", " {b}", slots), "x")
    qtbot.waitUntil(lambda: "needs" in page.state_label.text(), timeout=LONG)
    assert not page.expand_button.isEnabled() and not host.failures


def test_templates_are_saved_and_opened(
    idle_host: PanelHost, qtbot: QtBot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    panel, page = open_page(idle_host, qtbot)
    panel.sheet.set_template(GIVING, "x")
    path = tmp_path / "giving.toml"
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_: (str(path), ""))
    qtbot.mouseClick(page.save_button, LEFT)
    assert path.read_text() == GIVING.to_toml()
    qtbot.mouseClick(panel.toolbar.new_button, LEFT)
    assert panel.sheet.state.template.is_empty and page.prompt_field.toPlainText() == ""
    monkeypatch.setattr(QFileDialog, "getOpenFileName", lambda *_: (str(path), ""))
    qtbot.mouseClick(page.open_button, LEFT)
    assert panel.sheet.state.template == GIVING and page.prompt_field.toPlainText() == GIVING.prompts[0]
    wrong = resource_path("tasks", "arithmetic.toml")
    monkeypatch.setattr(QFileDialog, "getOpenFileName", lambda *_: (str(wrong), ""))
    qtbot.mouseClick(page.open_button, LEFT)
    assert "variants" in idle_host.failures[-1].message and panel.sheet.state.template == GIVING


def test_a_template_is_in_the_draft(idle_host: PanelHost, qtbot: QtBot) -> None:
    panel, _ = open_page(idle_host, qtbot)
    panel.sheet.set_template(GIVING, "x")
    idle_host.workspace.stop()
    workspace = Workspace()
    again = PanelHost(qtbot, workspace).show("prompt_editor")
    assert again.sheet.state.template == GIVING
    assert again.template_page.prompt_field.toPlainText() == GIVING.prompts[0]
    workspace.stop()
