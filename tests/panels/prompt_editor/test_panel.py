"""The editor of own prompts, driven by keys and mouse: before the model is open, and with it."""

from __future__ import annotations

from typing import Any

import pytest
from panel_host import LONG, PanelHost
from PySide6.QtCore import QItemSelectionModel, Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from circuitviz.panels.prompt_editor.prompt_table import FIRST_TEXT_COLUMN, METRIC_COLUMN
from circuitviz.tasks.prompt_sets import PromptRow
from circuitviz.workbench.prompt_inspection import PromptReading, RowInspection
from circuitviz.workbench.requests.discover_circuit import DiscoverCircuit
from circuitviz.workbench.requests.inspect_prompts import InspectPrompts, PromptsInspected
from circuitviz.workbench.requests.load_catalog import Catalog, LoadCatalog
from circuitviz.workbench.requests.read_task_rows import ReadTaskRows, RowsRead
from circuitviz.workspace.latest_job import LatestJob

CLEAN = "When Mary and John went to the store, John gave a drink to"
CORRUPTED = "When Mary and John went to the store, Anna gave a drink to"
IOI = PromptRow(CLEAN, CORRUPTED, " Mary", " John")
KEYS, CTRL = Qt.Key, Qt.KeyboardModifier.ControlModifier


def click_cell(qtbot: QtBot, panel: Any, row: int, column: int) -> None:
    index = panel.table.table_model.index(row, FIRST_TEXT_COLUMN + column)
    place = panel.table.visualRect(index).center()
    qtbot.mouseClick(panel.table.viewport(), Qt.MouseButton.LeftButton, pos=place)


def type_keys(qtbot: QtBot, text: str) -> None:
    """Type into whatever has the keys, as a person does."""
    for letter in text:
        qtbot.keyClicks(QApplication.focusWidget(), letter)


def type_row(qtbot: QtBot, panel: Any, row: int, *texts: str) -> None:
    """Type a row, with Tab from cell to cell and Enter at its end."""
    click_cell(qtbot, panel, row, 0)
    for number, text in enumerate(texts):
        type_keys(qtbot, text)
        qtbot.keyClick(
            QApplication.focusWidget(), KEYS.Key_Return if number == len(texts) - 1 else KEYS.Key_Tab
        )
    QApplication.processEvents()  # Qt takes over on Return from the event loop


def open_model(qtbot: QtBot, panel: Any) -> None:
    qtbot.mouseClick(panel.model_line.button, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: not panel.model_line.button.isVisible(), timeout=LONG)


def cell(panel: Any, row: int, column: int) -> str:
    return str(panel.table.table_model.index(row, column).data() or "")


def test_choosing_own_prompts_opens_the_editor_and_leaves_the_task(
    idle_host: PanelHost, qtbot: QtBot
) -> None:
    form = idle_host.show("discovery")
    before = form.task_box.currentText()
    form.task_box.setFocus()
    form.task_box.showPopup()
    popup = form.task_box.view()
    index = popup.model().index(0, 0)
    assert index.data() == "Own prompts…"
    qtbot.mouseClick(popup.viewport(), Qt.MouseButton.LeftButton, pos=popup.visualRect(index).center())
    assert idle_host.requested_panels == ["prompt_editor"]
    assert form.task_box.currentText() == before == idle_host.workspace.search_form.task == "ioi"
    editor = idle_host.show("prompt_editor")
    editor.activateWindow()
    idle_host.workspace.panel_requested.emit("prompt_editor")
    qtbot.waitUntil(editor.table.hasFocus, timeout=LONG)
    assert editor.table.front_row == 0, "typing begins there"


def test_rows_are_typed_like_in_a_spreadsheet(idle_host: PanelHost, qtbot: QtBot) -> None:
    panel = idle_host.show("prompt_editor")
    type_row(qtbot, panel, 0, CLEAN, CORRUPTED, " Mary", " John")
    type_row(qtbot, panel, 1, "a", "b", " c| d", "e")
    assert panel.sheet.rows == (IOI, PromptRow("a", "b", " c| d", "e"))
    assert (
        cell(panel, 0, FIRST_TEXT_COLUMN + 2) == "·Mary"
        and cell(panel, 1, FIRST_TEXT_COLUMN + 2) == "·c | ·d"
    )
    click_cell(qtbot, panel, 1, 0)
    qtbot.keyClick(panel.table, KEYS.Key_Return)
    qtbot.keyClick(QApplication.focusWidget(), KEYS.Key_End)
    qtbot.keyClick(QApplication.focusWidget(), KEYS.Key_Return, CTRL)
    type_keys(qtbot, "x")
    qtbot.keyClick(QApplication.focusWidget(), KEYS.Key_Return)
    QApplication.processEvents()
    assert panel.sheet.rows[1].clean == "a\nx" and cell(panel, 1, FIRST_TEXT_COLUMN) == "a⏎x"
    click_cell(qtbot, panel, 1, 1)
    type_keys(qtbot, "y")
    qtbot.keyClick(QApplication.focusWidget(), KEYS.Key_Escape)
    assert panel.sheet.rows[1].corrupted == "b" and panel.sheet.live_rows == panel.sheet.rows


def test_rows_are_pasted_copied_and_emptied(idle_host: PanelHost, qtbot: QtBot) -> None:
    panel = idle_host.show("prompt_editor")
    text = f'{CLEAN}\t{CORRUPTED}\t Mary\t John\n"one\ntwo"\tb\t c\t d\n'
    QGuiApplication.clipboard().setText(text)
    click_cell(qtbot, panel, 0, 0)
    qtbot.keyClick(panel.table, KEYS.Key_V, CTRL)
    assert panel.sheet.rows == (IOI, PromptRow("one\ntwo", "b", " c", " d"))
    qtbot.keyClick(panel.table, KEYS.Key_A, CTRL)
    qtbot.keyClick(panel.table, KEYS.Key_C, CTRL)
    rows = panel.sheet.rows
    click_cell(qtbot, panel, 2, 0)
    qtbot.keyClick(panel.table, KEYS.Key_V, CTRL)
    assert panel.sheet.rows == (*rows, *rows)
    QGuiApplication.clipboard().setText('correct,clean\n" x","p, q"\n')
    click_cell(qtbot, panel, 0, 2)
    qtbot.keyClick(panel.table, KEYS.Key_V, CTRL)
    assert panel.sheet.rows[0] == PromptRow("p, q", "", " x", "")
    click_cell(qtbot, panel, 1, 3)
    qtbot.keyClick(panel.table, KEYS.Key_Delete)
    assert panel.sheet.rows[1].incorrect == ""
    for _ in range(4):
        qtbot.keyClick(panel.table, KEYS.Key_Z, CTRL)
    assert panel.sheet.rows == ()
    qtbot.keyClick(panel.table, KEYS.Key_Z, CTRL | Qt.KeyboardModifier.ShiftModifier)
    assert panel.sheet.rows == rows


def test_some_columns_are_copied_and_pasted_as_they_are(idle_host: PanelHost, qtbot: QtBot) -> None:
    panel = idle_host.show("prompt_editor")
    row = PromptRow('"So", said\nMary', '"b"\tc', " x", " y")
    panel.sheet.set_rows([row], "x")
    for columns, pasted in (
        ((0, 1), PromptRow(row.clean, row.corrupted)),
        ((1,), PromptRow("", row.corrupted)),
    ):
        click_cell(qtbot, panel, 0, columns[0])
        for column in columns[1:]:
            panel.table.selectionModel().select(
                panel.table.table_model.index(0, FIRST_TEXT_COLUMN + column),
                QItemSelectionModel.SelectionFlag.Select,
            )
        qtbot.keyClick(panel.table, KEYS.Key_C, CTRL)
        click_cell(qtbot, panel, 1, columns[0])
        qtbot.keyClick(panel.table, KEYS.Key_V, CTRL)
        assert panel.sheet.rows == (row, pasted)
        panel.sheet.undo()


def test_rows_are_added_copied_moved_and_removed_with_buttons(idle_host: PanelHost, qtbot: QtBot) -> None:
    panel = idle_host.show("prompt_editor")
    panel.sheet.set_rows([PromptRow("a"), PromptRow("b")], "x")
    assert not panel.toolbar.remove_button.isEnabled()

    def press(button: Any) -> list[str]:
        qtbot.mouseClick(button, Qt.MouseButton.LeftButton)
        return [row.clean for row in panel.sheet.rows]

    click_cell(qtbot, panel, 0, 0)
    assert press(panel.toolbar.duplicate_button) == ["a", "a", "b"]
    assert press(panel.toolbar.add_button) == ["a", "", "a", "b"] and panel.table.front_row == 1
    click_cell(qtbot, panel, 3, 0)
    assert press(panel.toolbar.up_button) == ["a", "", "b", "a"] and panel.table.front_row == 2
    assert press(panel.toolbar.up_button) == ["a", "b", "", "a"]
    assert press(panel.toolbar.down_button) == ["a", "", "b", "a"]
    assert press(panel.toolbar.remove_button) == ["a", "", "a"]
    assert press(panel.toolbar.undo_button) == ["a", "", "b", "a"] and panel.toolbar.redo_button.isEnabled()
    assert press(panel.toolbar.redo_button) == ["a", "", "a"]


def test_prompts_are_typed_before_the_model_is_open_and_read_once_it_is(
    host: PanelHost, qtbot: QtBot
) -> None:
    panel = host.show("prompt_editor")
    panel.resize(985, 300)  # as below the canvas
    type_row(qtbot, panel, 0, CLEAN, CORRUPTED, " Mary", " John")
    qtbot.waitUntil(lambda: not panel.inspector.is_running, timeout=LONG)
    assert panel.model_line.button.isVisible() and "demo" in panel.model_line.button.text()
    assert "once demo is open" in panel.model_line.label.text() and panel.details.aligned_tokens.isHidden()
    assert panel.table.width() == panel.pages.splitter.width(), "nothing stands beside it yet"
    assert not panel.table.horizontalScrollBar().maximum()
    open_model(qtbot, panel)
    assert panel.table.hasFocus(), "the button that was pressed is gone"
    click_cell(qtbot, panel, 0, 0)
    qtbot.waitUntil(lambda: "→" in cell(panel, 0, METRIC_COLUMN), timeout=LONG)
    assert cell(panel, 0, 0) == "✓" and panel.count_label.text() == "1 of 1 pair can be used"
    assert (
        not panel.table.horizontalScrollBar().maximum() and panel.table.width() < panel.pages.splitter.width()
    )
    tokens = panel.details.aligned_tokens
    assert tokens.isVisible() and len(tokens.inspection.changed) == 1
    table = panel.details.answer_table
    assert [table.item(i, 0).text() for i in range(2)] == ["·Mary", "·John"]
    clean, corrupted = (float(table.item(0, column).text()) for column in (2, 4))
    inspection = tokens.inspection
    assert clean == pytest.approx(inspection.on_clean.answers[0].probability, abs=6e-4)
    assert corrupted == pytest.approx(inspection.on_corrupted.answers[0].probability, abs=6e-4)
    assert table.item(0, 3).text() == "1"


def test_what_is_typed_is_read_before_it_is_taken_over(host: PanelHost, qtbot: QtBot) -> None:
    panel = host.show("prompt_editor")
    panel.sheet.set_rows([IOI], "x")
    click_cell(qtbot, panel, 0, 2)
    open_model(qtbot, panel)
    qtbot.waitUntil(lambda: cell(panel, 0, 0) == "✓", timeout=LONG)
    click_cell(qtbot, panel, 0, 2)
    qtbot.keyClick(panel.table, KEYS.Key_Return)
    editor = QApplication.focusWidget()
    qtbot.keyClick(editor, KEYS.Key_End)
    type_keys(qtbot, "book")
    qtbot.waitUntil(lambda: "·Marybook" in panel.details.problem_label.text(), timeout=LONG)
    assert panel.sheet.rows == (IOI,)  # not taken over yet
    qtbot.keyClick(editor, KEYS.Key_Return)
    QApplication.processEvents()
    assert panel.sheet.rows[0].correct == " Marybook"
    qtbot.waitUntil(lambda: cell(panel, 0, 0) == "!", timeout=LONG)
    assert panel.count_label.text() == "0 of 1 pair can be used"
    assert "·Mary" in panel.details.fix_button.text()
    qtbot.mouseClick(panel.details.fix_button, Qt.MouseButton.LeftButton)
    assert panel.sheet.rows == (IOI,)
    qtbot.waitUntil(lambda: cell(panel, 0, 0) == "✓" and panel.details.problem_label.isHidden(), timeout=LONG)


def test_only_rows_that_are_not_known_are_read(idle_host: PanelHost, qtbot: QtBot) -> None:
    panel = idle_host.show("prompt_editor")
    panel.sheet.set_rows([IOI, PromptRow("a", "b", " c")], "x")
    click_cell(qtbot, panel, 1, 0)
    qtbot.waitUntil(lambda: bool(idle_host.submitted(InspectPrompts)), timeout=LONG)
    qtbot.waitUntil(lambda: not panel._inspection_timer.isActive(), timeout=LONG)
    request = idle_host.submitted(InspectPrompts)[-1].request
    assert isinstance(request, InspectPrompts)
    assert request.rows == (PromptRow("a", "b", " c"), IOI)  # the row in front first
    idle_host.workspace.search_form.set(model="gpt2")
    qtbot.waitUntil(lambda: len(idle_host.submitted(InspectPrompts)) > 1, timeout=LONG)
    assert idle_host.submitted(InspectPrompts)[-1].request.model.name == "gpt2"
    assert "gpt2" in panel.model_line.button.text()


def test_of_a_long_table_the_row_that_changes_is_read_again_alone(
    idle_host: PanelHost, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("circuitviz.panels.prompt_editor.row_inspector.MAX_PAST_ROWS", 2)
    panel = idle_host.show("prompt_editor")

    def read() -> tuple[PromptRow, ...]:
        """Answer the next request; returns the rows that it asks for."""
        n_before = len(idle_host.submitted(InspectPrompts))
        qtbot.waitUntil(lambda: len(idle_host.submitted(InspectPrompts)) > n_before, timeout=LONG)
        job = idle_host.submitted(InspectPrompts)[-1]
        reading = PromptReading((), (), None)
        told = {row: RowInspection(row, problem="no", on_clean=reading) for row in job.request.rows}
        job.deliver(PromptsInspected(job.request.model, True, told))
        return job.request.rows

    rows = tuple(PromptRow(f"a {n}") for n in range(20))
    panel.sheet.set_rows(rows, "x")
    assert set(read()) == set(rows)
    for n in range(6):
        panel.sheet.set_cell(5, 0, f"new {n}")
        assert read() == (PromptRow(f"new {n}"),)
    panel.sheet.set_cell(5, 0, "new 0")
    assert read() == (PromptRow("new 0"),)  # what is no longer in the table is not kept for ever


def test_replies_come_whichever_tab_is_in_front(idle_host: PanelHost) -> None:
    panel, workspace = idle_host.show("prompt_editor"), idle_host.workspace
    jobs = panel.findChildren(LatestJob)
    for job in jobs:
        job.submit(LoadCatalog())
    workspace.tab_controller.show(workspace.tabs.add(workspace.worker.open_tab()))
    assert len(jobs) == 6 and all(job.is_running for job in jobs)


@pytest.mark.parametrize("is_read", [True, False])
def test_what_is_typed_while_rows_come_stays_with_the_rows_before(
    idle_host: PanelHost, qtbot: QtBot, is_read: bool
) -> None:
    panel = idle_host.show("prompt_editor")
    panel.edit_task("ioi")
    click_cell(qtbot, panel, 0, 0)
    type_keys(qtbot, "So")
    if is_read:
        idle_host.submitted(ReadTaskRows)[-1].deliver(RowsRead("ioi", (IOI,)))
    else:
        panel.template_page.expanded.emit((IOI,))
    assert panel.sheet.rows == panel.sheet.live_rows == (IOI,)
    qtbot.mouseClick(panel.toolbar.undo_button, Qt.MouseButton.LeftButton)
    assert panel.sheet.rows == (PromptRow("So"),)


def test_of_many_rows_the_tokens_alone_are_read_until_they_are_in_front(
    host: PanelHost, qtbot: QtBot
) -> None:
    """A search must not wait until a model has answered thousands of rows."""
    panel = host.show("prompt_editor")
    rows = [PromptRow(f"So Mary said {'that ' * (n % 7)}that {n}", "x", " she", " he") for n in range(300)]
    rows = [PromptRow(row.clean, row.clean, row.correct, row.incorrect) for row in rows]
    panel.sheet.set_rows(rows, "x")
    panel.table.choose_rows([0])
    open_model(qtbot, panel)
    qtbot.waitUntil(lambda: panel.count_label.text() == "300 of 300 pairs can be used", timeout=LONG)
    qtbot.waitUntil(lambda: not panel.inspector.is_running, timeout=LONG)
    statuses = [cell(panel, row, 0) for row in range(300)]
    assert "…" not in statuses[:100] and set(statuses[100:]) == {"…"}
    panel.table.choose_rows([250])
    qtbot.waitUntil(lambda: cell(panel, 250, 0) in "✓○", timeout=LONG)
    assert cell(panel, 249, 0) == "…"


def test_prompts_are_read_while_a_search_runs(host: PanelHost, qtbot: QtBot) -> None:
    """The search steps aside for what is typed, and goes on to its end."""
    panel, workspace = host.show("prompt_editor"), host.workspace
    panel.sheet.set_rows([IOI], "x")
    panel.table.choose_rows([0])
    search = DiscoverCircuit("demo", "ioi", None, 32, 0, "eap-ig", {"steps": 40}, "", "corrupted", "", 100)
    workspace.start_discovery(search)
    qtbot.waitUntil(lambda: workspace.partial_result is not None, timeout=LONG)
    panel.sheet.set_cell(0, 2, " John")
    panel.sheet.set_cell(0, 3, " Mary")
    qtbot.waitUntil(lambda: cell(panel, 0, 0) == "○", timeout=LONG)
    assert workspace.search_controller.is_running
    qtbot.waitUntil(lambda: not workspace.search_controller.is_running, timeout=LONG)
    assert not workspace.document.state.scores.partial and not host.failures


def test_spans_are_named_shown_saved_and_undone(host: PanelHost, qtbot: QtBot) -> None:
    """With the mouse in the pair in front, with the keys in all pairs."""
    panel = host.show("prompt_editor")
    other = "When Tom and Anna went to the park, Tom gave a ring to"
    panel.sheet.set_rows((IOI, PromptRow(other, other.replace(", Tom", ", Mary"), " Anna", " Tom")), "type")
    panel.sheet.set_name("giving")
    open_model(qtbot, panel)
    click_cell(qtbot, panel, 0, 0)
    tokens, bar = panel.details.aligned_tokens, panel.details.span_bar
    qtbot.waitUntil(
        lambda: tokens.inspection is not None and bool(tokens.inspection.clean_ranges), timeout=LONG
    )
    qtbot.waitUntil(lambda: not panel.inspector.is_running, timeout=LONG)
    assert "Select tokens" in bar.hint_label.text() and not bar.row.isVisible()

    def column(word: str, number: int) -> int:
        return [
            i
            for i, (a, _) in enumerate(tokens.inspection.columns)
            if tokens.inspection.clean_tokens[a] == word
        ][number]

    place = tokens.column_center(column(" Mary", 0)).toPoint()
    qtbot.mouseClick(tokens, Qt.MouseButton.LeftButton, pos=place)
    bar.scope_box.setCurrentText("in this pair")
    qtbot.keyClicks(tokens, "I")
    type_keys(qtbot, "O")
    qtbot.keyClick(QApplication.focusWidget(), KEYS.Key_Return)
    assert panel.sheet.rows[0].spans == (("IO", 5, 9),) and panel.sheet.rows[1].spans == ()
    assert "1 of 2" in bar.hint_label.text() and tokens.hasFocus()

    bar.scope_box.setCurrentText("in all pairs")
    while tokens.selected_columns[0] < column(" John", 1):
        qtbot.keyClick(tokens, KEYS.Key_Right)
    bar.name_box.setEditText("S2")
    qtbot.mouseClick(bar.name_button, Qt.MouseButton.LeftButton)
    assert [[(n, r.clean[a:b]) for n, a, b in r.spans] for r in panel.sheet.rows] == [
        [("IO", "Mary"), ("S2", "John")], [("S2", "Tom")],
    ]  # fmt: skip
    qtbot.mouseClick(panel.toolbar.undo_button, Qt.MouseButton.LeftButton)
    assert panel.sheet.rows[1].spans == ()
    qtbot.mouseClick(panel.toolbar.redo_button, Qt.MouseButton.LeftButton)
    saved = panel.sheet.rows
    qtbot.mouseClick(panel.use_button, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: host.workspace.search_form.task == "giving", timeout=LONG)
    qtbot.mouseClick(panel.toolbar.new_button, Qt.MouseButton.LeftButton)
    panel.edit_task("giving")
    qtbot.waitUntil(lambda: panel.sheet.rows == saved, timeout=LONG)
    panel.edit_task("ioi")
    qtbot.waitUntil(lambda: panel.sheet.state.name == "ioi edited", timeout=LONG)
    assert {name for name, _, _ in panel.sheet.rows[0].spans} == {"IO", "S1", "S1+1", "S2"}


def test_a_name_that_no_set_can_have_is_refused_while_it_is_typed(idle_host: PanelHost, qtbot: QtBot) -> None:
    panel = idle_host.show("prompt_editor")
    idle_host.workspace.catalog_received.emit(Catalog(tasks=("ioi", "sva")))
    panel.sheet.set_rows([IOI], "Edit")
    assert panel.use_button.isEnabled() and not panel.name_check.isVisible()
    panel.name_field.setFocus()
    type_keys(qtbot, "ioi")
    assert panel.name_check.isVisible() and "'ioi' is the name of a built-in task" in panel.name_check.text()
    assert not panel.use_button.isEnabled() and panel.use_button.toolTip() == panel.name_check.text()
    type_keys(qtbot, "2")
    assert panel.use_button.isEnabled() and not panel.name_check.isVisible()
    type_keys(qtbot, "/")
    assert "'/'" in panel.name_check.text() and not panel.use_button.isEnabled()
    qtbot.keyClick(panel.name_field, KEYS.Key_Backspace)
    assert panel.use_button.isEnabled() and not panel.use_button.toolTip()
