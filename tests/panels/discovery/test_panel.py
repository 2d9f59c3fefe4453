"""The Discovery panel: its form, its questions, its progress."""

from __future__ import annotations

from pathlib import Path

import pytest
from panel_host import LONG, PanelHost
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QMessageBox
from pytestqt.qtbot import QtBot
from task_rows import write_partly_usable_task

from circuitviz.panels.discovery.panel import TYPED_PAIR
from circuitviz.workbench.requests.load_choices import Choices


@pytest.fixture
def odd(tmp_path: Path) -> Path:
    """Three pairs that can be used, and two that cannot."""
    return write_partly_usable_task(tmp_path)


def test_unusable_rows_are_asked_about_and_left_out(demo_host: PanelHost, qtbot: QtBot, odd: Path) -> None:
    form, before = demo_host.show("discovery"), demo_host.workspace.document.state
    qtbot.waitUntil(lambda: form.method_box.count() > 1, timeout=LONG)  # the worker lists the methods
    form.task_box.setEditText(str(odd))
    form.method_box.setCurrentText("eap")
    qtbot.mouseClick(form.run_button, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: form.skip_dialog is not None, timeout=LONG)
    box = form.skip_dialog
    assert box.textFormat() is Qt.TextFormat.PlainText
    assert (
        "odd<b>.jsonl: 3 of 5 pairs can be used" in box.text()
        and "1 (an answer is not one token)" in box.text()
    )
    assert "line 2" in box.text() and demo_host.workspace.document.state is before
    use = next(b for b in box.buttons() if box.buttonRole(b) is QMessageBox.ButtonRole.AcceptRole)
    qtbot.mouseClick(use, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: demo_host.workspace.document.state is not before, timeout=LONG)
    where = demo_host.workspace.document.state.origin
    assert where is not None and len(where.pairs) == 3 and where.task_options["left_out"]


def test_a_circuit_is_found_with_what_the_form_says(host: PanelHost, qtbot: QtBot) -> None:
    form, workspace = host.show("discovery"), host.workspace
    qtbot.waitUntil(lambda: form.method_box.count() > 1, timeout=LONG)
    assert form.run_button.isEnabled() and not form.cancel_button.isEnabled()
    form.model_box.setEditText("demo")
    form.task_box.setEditText("sva")
    form.method_box.setCurrentText("eap")
    form.prompts_field.setValue(8)
    form.edges_field.setValue(50)
    shown: list[str] = []
    workspace.progress_reported.connect(lambda _moved: shown.append(form.progress_line.text()))
    qtbot.mouseClick(form.run_button, Qt.MouseButton.LeftButton)
    assert not form.run_button.isEnabled() and form.cancel_button.isEnabled()
    qtbot.waitUntil(lambda: workspace.state.circuit is not None, timeout=LONG)
    origin = workspace.state.origin
    assert (origin.model, origin.task, origin.method, origin.prompts) == ("demo", "sva", "eap", 8)
    assert workspace.state.circuit.n_edges == 50 and any("Loading the model" in text for text in shown)
    qtbot.waitUntil(lambda: form.progress_bar.isHidden() and form.run_button.isEnabled(), timeout=LONG)
    assert form.edges_field.maximum() == workspace.state.circuit.graph.n_edges


def test_a_search_is_cancelled_and_its_partial_result_offered(host: PanelHost, qtbot: QtBot) -> None:
    form, workspace = host.show("discovery"), host.workspace
    qtbot.waitUntil(lambda: form.method_box.count() > 1, timeout=LONG)
    form.model_box.setEditText("demo")
    form.task_box.setEditText("ioi")
    form.method_box.setCurrentText("acdc")
    qtbot.mouseClick(form.run_button, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: workspace.partial_result is not None, timeout=LONG)
    with qtbot.waitSignal(workspace.worker_idle, timeout=LONG):
        qtbot.mouseClick(form.cancel_button, Qt.MouseButton.LeftButton)
    assert form.run_button.isEnabled() and not form.cancel_button.isEnabled()
    assert workspace.document.state.scores.partial and "partial result" in host.messages[-1]


def test_a_typed_pair_is_asked_for_in_fields_of_its_own(idle_host: PanelHost) -> None:
    form = idle_host.show("discovery")
    assert not form.pair_box.isVisible()
    form.task_box.setCurrentText(TYPED_PAIR)
    assert form.pair_box.isVisible() and not form.prompts_field.isEnabled()
    for field, text in zip(form.pair_fields, ("a b", "a c", " b", " c"), strict=True):
        field.setText(text)
    assert form.find_request().typed_pair == ("a b", "a c", " b", " c")


def test_a_task_that_the_model_does_not_do_is_warned_about(host: PanelHost, qtbot: QtBot) -> None:
    """While its circuit is searched nonetheless, and with the result; not of a task that the model does."""
    form, meter, workspace = host.show("discovery"), host.panel("meter"), host.workspace
    qtbot.waitUntil(lambda: form.method_box.count() > 1, timeout=LONG)
    form.method_box.setCurrentText("eap")
    form.prompts_field.setValue(12)
    field = form.task_box.lineEdit()

    def choose(task: str) -> None:
        qtbot.mouseClick(field, Qt.MouseButton.LeftButton)
        field.selectAll()
        qtbot.keyClicks(field, task)
        qtbot.keyClick(field, Qt.Key.Key_Tab)

    def search() -> None:
        before = workspace.user_document.state
        qtbot.mouseClick(form.run_button, Qt.MouseButton.LeftButton)
        qtbot.waitUntil(lambda: workspace.user_document.state is not before, timeout=LONG)

    choose("arithmetic")
    listed = form.task_box.findText("arithmetic")
    assert "3 + 4" in form.task_box.itemData(listed, Qt.ItemDataRole.ToolTipRole)
    assert form.task_warning.isHidden()
    search()
    warning = "'demo' does not do the task 'arithmetic': accuracy 0."
    for label in (form.task_warning, meter.task_warning):
        assert not label.isHidden() and label.text().startswith(warning)
        assert "chance 0.50" in label.text() and "noise" in label.text()
    assert form.task_warning.isVisible() and any(message.startswith(warning) for message in host.messages)
    assert workspace.state.circuit is not None
    choose("ioi")
    assert form.task_warning.isHidden() and not meter.task_warning.isHidden()
    search()
    assert form.task_warning.isHidden() and meter.task_warning.isHidden()


def test_the_choices_that_arrive_leave_what_is_chosen(host: PanelHost) -> None:
    form = host.show("discovery")
    form.task_box.setEditText("sva")
    form.set_choices(
        Choices(tasks=("antonyms", "ioi", "sva"), methods={"acdc": ("", ()), "eap-ig": ("", ())})
    )
    chosen = form.find_request()
    assert (chosen.model, chosen.task, chosen.method) == ("demo", "sva", "eap-ig")
    assert host.workspace.search_form.task == "sva"
