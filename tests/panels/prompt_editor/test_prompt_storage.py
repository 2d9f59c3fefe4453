"""Own prompts become a task, come from any task, and are never lost."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from panel_host import LONG, PanelHost
from PySide6.QtCore import QPoint, Qt, QTimer
from PySide6.QtWidgets import QApplication, QFileDialog, QMessageBox
from pytestqt.qtbot import QtBot

from circuitviz.formats import open_document, save_document
from circuitviz.models import load_model
from circuitviz.panels.prompt_editor.prompt_sheet import SheetState
from circuitviz.tasks import load_task
from circuitviz.tasks.prompt_drafts import list_drafts
from circuitviz.tasks.prompt_sets import PromptRow, find_prompt_set, list_prompt_sets, save_prompt_set
from circuitviz.workbench.engine import Engine
from circuitviz.workbench.requests.read_task_rows import ReadTaskRows
from circuitviz.workspace.workspace import Workspace

CLEAN = "When Mary and John went to the store, John gave a drink to"
IOI = PromptRow(CLEAN, CLEAN.replace(", John", ", Anna"), " Mary", " John")
OTHER = PromptRow(
    "Then Mary and Tom went to the park. Tom gave a ring to",
    "Then Mary and Tom went to the park. Anna gave a ring to",
    " Mary",
    " Tom",
)
LEFT = Qt.MouseButton.LeftButton


def write(panel: Any, name: str, *rows: PromptRow) -> None:
    panel.sheet.set_rows(rows, "type")
    panel.sheet.set_name(name)


def choose(qtbot: QtBot, panel: Any, *texts: str) -> None:
    """Choose an entry of the menu Open, and of a menu in it, with the mouse."""
    panel.open_menu.popup(QPoint(0, 0))  # a click on the button waits until the menu is closed
    menu = panel.open_menu
    for text in texts:
        action = next(a for a in menu.actions() if a.text() == text)
        assert action.isEnabled()
        qtbot.mouseClick(menu, LEFT, pos=menu.actionGeometry(action).center())
        if action.menu() is not None:
            menu = action.menu()
            qtbot.waitUntil(menu.isVisible, timeout=LONG)
    for popup in (menu, panel.open_menu):
        popup.close()


def test_prompts_are_the_task_of_the_search_and_of_the_file(
    host: PanelHost, qtbot: QtBot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    panel, form, workspace = host.show("prompt_editor"), host.panel("discovery"), host.workspace
    qtbot.waitUntil(lambda: form.method_box.count() > 1, timeout=LONG)
    write(panel, "giving", IOI, OTHER)
    qtbot.mouseClick(panel.use_button, LEFT)
    qtbot.waitUntil(lambda: form.task_box.currentText() == "giving", timeout=LONG)
    assert host.requested_panels[-1] == "discovery" and list_prompt_sets() == ["giving"]
    form.method_box.setCurrentText("eap")
    qtbot.mouseClick(form.run_button, LEFT)
    qtbot.waitUntil(lambda: workspace.state.circuit is not None, timeout=LONG)
    host.wait_until_measured()
    origin, value = workspace.state.origin, host.evaluation["faithfulness"]["value"]
    assert origin.task == "giving"
    assert origin.pairs == tuple((r.clean, r.corrupted, (r.correct,), (r.incorrect,)) for r in (IOI, OTHER))
    save_document(workspace.document, tmp_path / "giving.circuit")
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "elsewhere"))  # a machine without the set
    assert find_prompt_set("giving") is None
    workspace.set_document(open_document(tmp_path / "giving.circuit"))
    qtbot.waitUntil(lambda: workspace.opened_model is not None, timeout=LONG)
    assert workspace.opened_model.prompts == (IOI.clean, OTHER.clean) and not workspace.opened_model.warning
    host.wait_until_measured()
    assert host.evaluation["faithfulness"]["value"] == pytest.approx(value, abs=1e-5)


def test_a_name_is_made_up_where_none_is_given(idle_host: PanelHost, qtbot: QtBot) -> None:
    save_prompt_set("own prompts", [OTHER])
    panel = idle_host.show("prompt_editor")
    write(panel, "", IOI)
    with qtbot.waitSignal(panel.storage.saved, timeout=LONG):
        qtbot.mouseClick(panel.use_button, LEFT)
    assert panel.name_field.text() == "own prompts 2" == idle_host.workspace.search_form.task
    assert list_prompt_sets() == ["own prompts", "own prompts 2"]


def test_another_set_is_replaced_only_where_the_person_says_so(idle_host: PanelHost, qtbot: QtBot) -> None:
    path = save_prompt_set("facts", [OTHER])
    before = path.read_text()
    panel = idle_host.show("prompt_editor")
    write(panel, "facts", IOI)

    def answer(role: QMessageBox.ButtonRole) -> None:
        qtbot.mouseClick(panel.use_button, LEFT)
        box = panel.set_actions.replace_dialog
        assert "'facts'" in box.text()
        qtbot.mouseClick(next(b for b in box.buttons() if box.buttonRole(b) is role), LEFT)

    answer(QMessageBox.ButtonRole.RejectRole)
    assert path.read_text() == before and idle_host.workspace.search_form.task == "ioi"
    with qtbot.waitSignal(panel.storage.saved, timeout=LONG):
        answer(QMessageBox.ButtonRole.AcceptRole)
    assert path.read_text() != before
    panel.sheet.set_rows([IOI, OTHER], "type")
    with qtbot.waitSignal(panel.storage.saved, timeout=LONG):  # now the set is that of the table
        qtbot.mouseClick(panel.use_button, LEFT)


def test_a_set_with_a_dot_in_its_name_keeps_the_name(idle_host: PanelHost, qtbot: QtBot) -> None:
    """It is saved as itself, not over the set whose name ends before the dot."""
    other = save_prompt_set("cities v1", [OTHER])
    path = save_prompt_set("cities v1.1", [IOI])
    before = other.read_text()
    panel = idle_host.show("prompt_editor")
    panel.edit_task("cities v1.1")
    reading = idle_host.submitted(ReadTaskRows)[-1]
    for reply in Engine().execute(reading.request):
        reading.deliver(reply)
    assert panel.sheet.state.name == "cities v1.1" and panel.sheet.rows == (IOI,)
    panel.sheet.set_rows([IOI, IOI], "type")
    with qtbot.waitSignal(panel.storage.saved, timeout=LONG):
        qtbot.mouseClick(panel.use_button, LEFT)
    assert other.read_text() == before and len(path.read_text().splitlines()) == 2


def test_prompts_of_the_circuit_are_read_with_its_model(idle_host: PanelHost, demo_file: Path) -> None:
    """Ids of answers are those of its tokenizer, whatever the search form says."""
    idle_host.open_document(demo_file)
    idle_host.workspace.search_form.set(model="gpt2", dtype="bfloat16")
    idle_host.panel("prompt_editor").edit_document()
    model = idle_host.submitted(ReadTaskRows)[-1].request.model
    origin = idle_host.workspace.state.origin
    assert (model.name, model.dtype) == (origin.model, origin.dtype)


def test_a_name_that_no_set_can_have_is_refused(idle_host: PanelHost, qtbot: QtBot) -> None:
    panel = idle_host.show("prompt_editor")
    write(panel, "a/b", IOI)
    assert not panel.use_button.isEnabled() and "'/'" in panel.use_button.toolTip()
    qtbot.mouseClick(panel.use_button, LEFT)
    assert list_prompt_sets() == []


def test_a_check_says_whether_the_model_does_the_task(host: PanelHost, qtbot: QtBot) -> None:
    panel = host.show("prompt_editor")
    assert not panel.check_button.isEnabled()
    write(panel, "giving", IOI, OTHER, PromptRow("x"))
    qtbot.mouseClick(panel.model_line.button, LEFT)
    qtbot.waitUntil(panel.check_button.isEnabled, timeout=LONG)
    qtbot.mouseClick(panel.check_button, LEFT)
    qtbot.waitUntil(panel.check_label.isVisible, timeout=LONG)
    for name in ("gives", "giving"):
        panel.sheet.set_name(name)
    assert panel.check_label.isVisible(), "it is of the rows, not of their name"
    text = panel.check_label.text()
    assert (
        "Accuracy 1.00" in text and "chance 0.50" in text and "2 prompts" in text and "1 pair cannot" in text
    )
    panel.sheet.set_rows(
        [PromptRow(r.clean, r.corrupted, r.incorrect, r.correct) for r in (IOI, OTHER)], "swap"
    )
    assert panel.check_label.isHidden()
    qtbot.mouseClick(panel.check_button, LEFT)
    qtbot.waitUntil(panel.check_label.isVisible, timeout=LONG)
    assert "does not do the task 'giving'" in panel.check_label.text()
    assert panel.check_label.objectName() == "warning"


def test_any_task_is_edited_as_own_prompts(
    host: PanelHost, qtbot: QtBot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    panel = host.show("prompt_editor")
    qtbot.waitUntil(lambda: bool(panel.open_menu.task_names), timeout=LONG)
    model = load_model("demo")
    for name in ("gender", "greater-than"):  # the model is opened for them
        choose(qtbot, panel, "Built-in task", name)
        qtbot.waitUntil(lambda name=name: panel.sheet.state.name.startswith(name), timeout=LONG)
        task = load_task(name, model)
        assert [(r.clean, r.corrupted) for r in panel.sheet.rows] == [
            (p.clean, p.corrupted) for p in task.pairs
        ]
        ours = [
            tuple(model.tokens.answer_id(r.clean, a) for a in r.correct.split("|")) for r in panel.sheet.rows
        ]
        assert ours == [tuple(i for i in row if i >= 0) for row in task.correct.tolist()]
    path = tmp_path / "mine.csv"
    path.write_text("clean,corrupted,correct_idx\nSo Mary said that,So John said that,5\n")
    monkeypatch.setattr(QFileDialog, "getOpenFileName", lambda *_: (str(path), ""))
    choose(qtbot, panel, "From a file…")
    qtbot.waitUntil(lambda: panel.sheet.state.name == "mine", timeout=LONG)
    assert panel.sheet.rows[0].correct == model.tokens.token_strings([5])[0]


def test_the_prompts_of_the_open_circuit_are_edited(demo_host: PanelHost, qtbot: QtBot) -> None:
    panel = demo_host.show("prompt_editor")
    origin = demo_host.workspace.state.origin
    choose(qtbot, panel, "Prompts of the open circuit")
    qtbot.waitUntil(lambda: len(panel.sheet.rows) == len(origin.pairs), timeout=LONG)
    assert panel.sheet.rows[0].texts == (
        *origin.pairs[0][:2],
        "|".join(origin.pairs[0][2]),
        "|".join(origin.pairs[0][3]),
    )
    assert panel.sheet.state.name != "ioi"  # no set can have the name of a built-in task


@pytest.mark.parametrize("suffix", [".csv", ".jsonl"])
def test_prompts_are_saved_as_a_file_and_read_again(
    host: PanelHost, qtbot: QtBot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, suffix: str
) -> None:
    panel, path = host.show("prompt_editor"), tmp_path / f"saved{suffix}"
    write(panel, "x", IOI, OTHER)
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_: (str(path), ""))
    qtbot.mouseClick(panel.toolbar.export_button, LEFT)
    qtbot.waitUntil(lambda: f"Saved {path.name}" in host.messages, timeout=LONG)
    monkeypatch.setattr(QFileDialog, "getOpenFileName", lambda *_: (str(path), ""))
    qtbot.mouseClick(panel.toolbar.new_button, LEFT)
    assert panel.sheet.rows == ()
    choose(qtbot, panel, "From a file…")
    qtbot.waitUntil(lambda: panel.sheet.rows == (IOI, OTHER), timeout=LONG)
    assert panel.sheet.state.name == "saved" and not panel.model_line.button.isHidden()  # no model was needed


def reopened(qtbot: QtBot) -> tuple[PanelHost, Workspace]:
    """The panel of the next start."""
    workspace = Workspace()
    return PanelHost(qtbot, workspace), workspace


def test_what_is_typed_is_there_at_the_next_start(idle_host: PanelHost, qtbot: QtBot) -> None:
    """Also what is not taken over from its cell yet."""
    panel = idle_host.show("prompt_editor")
    write(panel, "mine", IOI)
    index = panel.table.table_model.index(1, 1)
    qtbot.mouseClick(panel.table.viewport(), LEFT, pos=panel.table.visualRect(index).center())
    for letter in "So":
        qtbot.keyClicks(QApplication.focusWidget(), letter)
    assert len(panel.sheet.rows) == 1
    idle_host.workspace.stop()
    host, workspace = reopened(qtbot)
    again = host.show("prompt_editor")
    assert again.sheet.rows == (IOI, PromptRow("So")) and again.name_field.text() == "mine"
    assert not again.sheet.undo_stack.canUndo()
    workspace.stop()


def test_a_draft_of_before_stays_where_a_command_brings_other_prompts_first(
    idle_host: PanelHost, qtbot: QtBot
) -> None:
    write(idle_host.show("prompt_editor"), "mine", IOI)
    idle_host.workspace.stop()
    host, workspace = reopened(qtbot)
    panel = host.panel("prompt_editor")  # not in sight yet
    panel.storage.show_state(SheetState("theirs", (OTHER,)), "Open theirs")
    host.show("prompt_editor")
    assert panel.sheet.rows == (OTHER,)
    workspace.stop()
    assert {draft.name: draft.rows for draft in list_drafts()} == {"mine": (IOI,), "theirs": (OTHER,)}


def test_a_draft_is_written_while_one_types(idle_host: PanelHost, qtbot: QtBot) -> None:
    panel = idle_host.show("prompt_editor")
    write(panel, "mine", IOI)
    file = panel.storage._draft
    qtbot.waitUntil(lambda: file._file is not None and file._file.exists(), timeout=LONG)
    assert "When Mary" in file._file.read_text()


def test_a_draft_is_written_where_no_rest_comes(idle_host: PanelHost, qtbot: QtBot) -> None:
    panel, names = idle_host.show("prompt_editor"), iter(range(10_000))
    storage = panel.storage
    storage._timer.setInterval(200)
    typed = QTimer(
        storage, interval=storage._timer.interval() // 4
    )  # each change comes before the delay is over
    typed.timeout.connect(lambda: panel.sheet.set_name(f"n{next(names)}"))
    with qtbot.waitSignal(storage._timer.timeout, timeout=LONG):
        typed.start()
    typed.stop()


def test_prompts_that_make_way_for_others_stay_as_an_earlier_draft(
    idle_host: PanelHost, qtbot: QtBot
) -> None:
    panel = idle_host.show("prompt_editor")
    write(panel, "first", IOI)
    qtbot.mouseClick(panel.toolbar.new_button, LEFT)
    assert panel.sheet.rows == () and [draft.name for draft in list_drafts()] == ["first"]
    write(panel, "second", OTHER)
    panel.open_menu.popup(QPoint(0, 0))
    drafts = next(a.menu() for a in panel.open_menu.actions() if a.text() == "Earlier drafts")
    (entry,) = drafts.actions()
    assert "1 rows · first" in entry.text()
    panel.open_menu.close()
    entry.trigger()
    assert panel.sheet.rows == (IOI,) and {draft.name for draft in list_drafts()} == {"first", "second"}
    qtbot.mouseClick(panel.toolbar.undo_button, LEFT)
    assert panel.sheet.rows == (OTHER,)
