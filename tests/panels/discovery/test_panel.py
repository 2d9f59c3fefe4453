"""The Discovery panel: its form, its questions, its progress."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from example_documents import labelled_document
from panel_host import LONG, PanelHost
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QMessageBox, QProgressBar
from pytestqt.qtbot import QtBot
from task_rows import write_partly_usable_task

from circuitviz.document import Document, TaskOrigin
from circuitviz.formats import open_document
from circuitviz.panels.widgets.form_check import CHECK_DELAY_MS
from circuitviz.tasks.prompt_sets import PromptRow, save_prompt_set
from circuitviz.workbench.requests.inspect_prompts import OpenPromptsModel, PromptsModel
from circuitviz.workbench.requests.load_catalog import Catalog


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
    workspace = demo_host.workspace
    qtbot.waitUntil(
        lambda: (
            workspace.user_document.state is not before and workspace.user_document.state.circuit is not None
        ),
        timeout=LONG,
    )
    where = workspace.user_document.state.origin
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
    steps: list[str] = []
    workspace.progress_reported.connect(lambda progress: steps.append(progress.title))
    qtbot.mouseClick(form.run_button, Qt.MouseButton.LeftButton)
    assert form.run_button.isEnabled() and form.cancel_button.isEnabled()  # another search would wait
    qtbot.waitUntil(lambda: workspace.state.circuit is not None, timeout=LONG)
    origin = workspace.state.origin
    assert (origin.model, origin.task, origin.method, origin.prompts) == ("demo", "sva", "eap", 8)
    assert workspace.state.circuit.n_edges == 50 and "Loading the model" in steps
    qtbot.waitUntil(lambda: not form.cancel_button.isEnabled(), timeout=LONG)
    assert form.run_button.isEnabled() and not form.findChildren(QProgressBar), "the status bar has the job's"
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
    assert form.run_button.hasFocus(), "it stays beside the button that cannot be pressed any more"
    assert workspace.document.state.scores.partial and "partial result" in host.messages[-1]


@pytest.mark.parametrize("task", ["prompts that are not here", "typed pair", "/nowhere/mine.csv"])
def test_a_circuit_brings_its_prompts_where_its_task_is_not_here(
    host: PanelHost, qtbot: QtBot, demo_file: Path, task: str
) -> None:
    """Its search can be repeated, with another method, too; another task is searched on as usual."""
    form, workspace = host.show("discovery"), host.workspace
    qtbot.waitUntil(lambda: form.method_box.count() > 1, timeout=LONG)
    document = open_document(demo_file)
    document.set_state(replace(document.state, origin=replace(document.state.origin, task=task)))
    document.mark_saved(demo_file)
    workspace.set_document(document)
    qtbot.waitUntil(lambda: workspace.opened_model is not None, timeout=LONG)
    qtbot.mouseClick(form.reuse_button, Qt.MouseButton.LeftButton)
    pairs = workspace.state.origin.pairs
    assert form.task_box.currentText() == task and form.find_request().pairs == pairs
    source = form.task_field.source_label
    assert not form.prompts_field.isEnabled() and source.isVisible() and "open circuit" in source.text()
    form.method_box.setCurrentText("eap")
    before = workspace.user_document
    qtbot.mouseClick(form.run_button, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: workspace.user_document is not before, timeout=LONG)
    qtbot.waitUntil(lambda: workspace.user_document.state.circuit is not None, timeout=LONG)
    origin = workspace.user_document.state.origin
    assert (origin.method, origin.task, origin.pairs) == ("eap", task, pairs) and not host.failures
    form.task_box.setEditText("sva")
    assert form.find_request().pairs is None and form.prompts_field.isEnabled() and source.isHidden()


def test_a_search_on_own_prompts_goes_on_with_more_of_them(host: PanelHost, qtbot: QtBot) -> None:
    form, workspace = host.show("discovery"), host.workspace
    rows = [
        PromptRow(f"When Mary and John went to the {place}, John gave a drink to",
                  f"When Mary and John went to the {place}, Mary gave a drink to", " Mary", " John")
        for place in ("store", "park", "school", "office", "house")
    ]  # fmt: skip
    save_prompt_set("drinks", rows)
    qtbot.waitUntil(lambda: form.method_box.count() > 1, timeout=LONG)
    workspace.search_form.task_list_changed.emit()
    workspace.search_form.set(model="demo", task="drinks", n_prompts=3)
    form.method_box.setCurrentText("eap")

    def search() -> TaskOrigin:
        before = workspace.user_document
        qtbot.mouseClick(form.run_button, Qt.MouseButton.LeftButton)
        qtbot.waitUntil(lambda: workspace.user_document is not before, timeout=LONG)
        qtbot.waitUntil(lambda: workspace.user_document.state.circuit is not None, timeout=LONG)
        qtbot.waitUntil(form.reuse_button.isEnabled, timeout=LONG)
        origin = workspace.user_document.state.origin
        assert isinstance(origin, TaskOrigin)
        return origin

    assert len(search().pairs) == 3
    qtbot.mouseClick(form.reuse_button, Qt.MouseButton.LeftButton)
    assert form.prompts_field.isEnabled() and form.task_field.source_label.isHidden()
    qtbot.mouseClick(form.prompts_field, Qt.MouseButton.LeftButton)
    form.prompts_field.selectAll()
    qtbot.keyClicks(form.prompts_field, "5")
    assert len(search().pairs) == 5
    save_prompt_set("drinks", rows[1:])  # the circuit's prompts are others than the set's now
    qtbot.mouseClick(form.reuse_button, Qt.MouseButton.LeftButton)
    assert not form.prompts_field.isEnabled() and "changed since" in form.task_field.source_label.text()


@pytest.fixture
def form_of_set(idle_host: PanelHost, demo_file: Path) -> Any:
    """The form with the search of a circuit on a set that is not here."""
    form, workspace = idle_host.show("discovery"), idle_host.workspace
    methods = {"eap-ig": ("", ())}
    workspace.catalog_received.emit(Catalog(tasks=("ioi", "sva"), methods=methods))
    document = open_document(demo_file)
    document.set_state(replace(document.state, origin=replace(document.state.origin, task="cities")))
    document.mark_saved(demo_file)
    workspace.set_document(document)
    form.show_document_search()
    return form


def save_set_of_the_name() -> None:
    save_prompt_set("cities", [PromptRow("mine", "yours", " a", " b")])


def test_a_set_of_the_same_name_is_not_taken_for_the_circuits_prompts(form_of_set: Any) -> None:
    save_set_of_the_name()
    form_of_set.show_document_search()
    pairs = form_of_set.workspace.state.origin.pairs
    assert pairs and form_of_set.find_request().pairs == pairs


def test_prompts_that_are_used_in_search_replace_those_of_the_circuit(form_of_set: Any) -> None:
    search_form = form_of_set.workspace.search_form
    save_set_of_the_name()
    search_form.task_list_changed.emit()  # as the editor does once a set is saved
    search_form.set(task="cities", n_prompts=1)
    assert form_of_set.find_request().pairs is None and form_of_set.prompts_field.isEnabled()


def test_a_task_chosen_from_the_list_is_that_of_this_machine(form_of_set: Any, qtbot: QtBot) -> None:
    save_set_of_the_name()
    form_of_set.set_catalog(form_of_set.catalog)
    box = form_of_set.task_box
    box.setFocus()
    box.showPopup()
    view = box.view()
    index = view.model().index(box.findText("cities"), 0)
    qtbot.mouseClick(view.viewport(), Qt.MouseButton.LeftButton, pos=view.visualRect(index).center())
    assert box.currentText() == "cities" and form_of_set.find_request().pairs is None


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
    form.set_catalog(
        Catalog(tasks=("antonyms", "ioi", "sva"), methods={"acdc": ("", ()), "eap-ig": ("", ())})
    )
    chosen = form.find_request()
    assert (chosen.model, chosen.task, chosen.method) == ("demo", "sva", "eap-ig")
    assert host.workspace.search_form.task == "sva"


def test_the_cost_of_the_search_in_the_form_is_estimated(demo_host: PanelHost, qtbot: QtBot) -> None:
    form = demo_host.show("discovery")
    estimate = form.estimate_label
    qtbot.waitUntil(lambda: form.method_box.count() > 1, timeout=LONG)
    qtbot.waitUntil(lambda: demo_host.workspace.opened_model is not None, timeout=LONG)
    form.model_box.setEditText("demo")
    form.method_box.setCurrentText("eap")
    qtbot.waitUntil(lambda: estimate.text().startswith("Estimate: about"), timeout=LONG)
    form.method_box.setCurrentText("acdc")
    assert estimate.text() == ""
    qtbot.waitUntil(lambda: estimate.text().startswith("Estimate: at most"), timeout=LONG)
    form.model_box.setEditText("another")
    qtbot.wait(2 * CHECK_DELAY_MS)
    assert estimate.text() == "Estimate: once the model is open"


def test_the_estimate_is_there_where_own_prompts_have_opened_the_model(host: PanelHost, qtbot: QtBot) -> None:
    form = host.show("discovery")
    qtbot.waitUntil(lambda: form.method_box.count() > 1, timeout=LONG)
    qtbot.waitUntil(lambda: "once the model is open" in form.estimate_label.text(), timeout=LONG)
    handle = host.workspace.submit_request(OpenPromptsModel(PromptsModel("demo", "cpu", "auto")))
    with qtbot.waitSignal(handle.finished, timeout=LONG):
        pass
    form.method_box.setCurrentText("eap")
    qtbot.waitUntil(lambda: form.estimate_label.text().startswith("Estimate: about"), timeout=LONG)
    assert host.workspace.opened_model is None


def test_a_search_that_cannot_run_says_why_before_it_starts(demo_host: PanelHost, qtbot: QtBot) -> None:
    form = demo_host.show("discovery")
    qtbot.waitUntil(lambda: form.method_box.count() > 1, timeout=LONG)
    qtbot.waitUntil(lambda: demo_host.workspace.opened_model is not None, timeout=LONG)
    field = form.task_box.lineEdit()
    qtbot.mouseClick(field, Qt.MouseButton.LeftButton)
    field.selectAll()
    qtbot.keyClicks(field, "ioj")
    qtbot.waitUntil(lambda: "'ioj'" in form.estimate_label.text(), timeout=LONG)
    assert "ioi" in form.estimate_label.text(), "what would be right"
    assert form.estimate_label.objectName() == "warning"


def test_a_model_or_task_that_cannot_be_is_said_before_any_model_is_open(
    host: PanelHost, qtbot: QtBot, tmp_path: Path
) -> None:
    form = host.show("discovery")
    line = form.estimate_label
    qtbot.waitUntil(lambda: form.method_box.count() > 1, timeout=LONG)
    qtbot.waitUntil(lambda: "once the model is open" in line.text(), timeout=LONG)
    for box, text, fault in (
        (form.task_box, "ioj", "There is no task 'ioj'. Did you mean 'ioi'?"),
        (form.task_box, str(tmp_path / "gone.csv"), "There is no file"),
        (form.task_box, "ioi", "once the model is open"),
        (form.model_box, str(tmp_path), "holds no model"),
    ):
        field = box.lineEdit()
        qtbot.mouseClick(field, Qt.MouseButton.LeftButton)
        field.selectAll()
        qtbot.keyClicks(field, text)
        qtbot.waitUntil(lambda fault=fault: fault in line.text(), timeout=LONG)
    assert host.workspace.opened_model is None


def test_the_form_takes_over_what_an_opened_circuit_was_found_with(host: PanelHost, qtbot: QtBot) -> None:
    form, workspace = host.show("discovery"), host.workspace
    qtbot.waitUntil(lambda: form.method_box.count() > 1, timeout=LONG)
    assert not form.reuse_button.isEnabled()
    state = labelled_document().state
    assert isinstance(state.origin, TaskOrigin)
    metric = form.catalog.task_metrics["sva"]
    origin = replace(state.origin, task="sva", prompts=24, metric=metric, options={"steps": 3}, select="top")

    def open_circuit() -> None:
        workspace.set_document(Document(replace(state, origin=origin)))

    open_circuit()
    chosen = form.find_request()
    assert (chosen.model, chosen.task, chosen.method) == (origin.model, "sva", "eap-ig")
    assert (chosen.n_prompts, chosen.seed, chosen.n_edges) == (24, 3, 70)
    assert (chosen.options["steps"], chosen.select) == (3, "top")
    assert chosen.metric == "", "the task's default stays the default when another task is chosen"
    qtbot.mouseClick(form.prompts_field, Qt.MouseButton.LeftButton)
    form.prompts_field.selectAll()
    qtbot.keyClicks(form.prompts_field, "32")
    open_circuit()
    assert form.find_request().n_prompts == 32, "what a person changed stays"
    qtbot.mouseClick(form.reuse_button, Qt.MouseButton.LeftButton)
    assert form.find_request() == chosen


def test_the_form_says_what_a_method_does_and_when_to_choose_it(host: PanelHost, qtbot: QtBot) -> None:
    form = host.show("discovery")
    qtbot.waitUntil(lambda: form.method_box.count() > 1, timeout=LONG)
    for row in range(form.method_box.count()):
        form.method_box.setCurrentIndex(row)
        name = form.method_box.currentText()
        assert form.method_hint.text().startswith(form.catalog.methods[name][0])
        assert form.catalog.method_uses[name] in form.method_hint.text()
        assert f"'{name}'" in form.method_box.toolTip(), "the name of the command line"


def test_a_circuit_by_span_is_found_read_and_ablated(host: PanelHost, qtbot: QtBot) -> None:
    """From the form to a node at a span: the inspector reads it there, and its ablation is measured."""
    form, workspace = host.show("discovery"), host.workspace
    qtbot.waitUntil(lambda: form.method_box.count() > 1, timeout=LONG)
    form.method_box.setCurrentText("path-patching")
    assert not form.positions_box.isEnabled() and not form.find_request().by_span
    form.method_box.setCurrentText("eap")
    form.prompts_field.setValue(4)
    form.edges_field.setValue(60)
    form.positions_box.setFocus()
    qtbot.keyClick(form.positions_box, Qt.Key.Key_Down)
    assert form.positions_box.currentText() == "by span"
    form.edges_field.setValue(5000)  # more than the model has between components
    assert form.edges_field.value() == 5000
    form.edges_field.setValue(60)
    qtbot.mouseClick(form.run_button, Qt.MouseButton.LeftButton)
    host.wait_until_measured()
    state = workspace.state
    assert state.circuit is not None and state.circuit.graph.spans is not None and state.origin.by_span
    assert state.circuit.n_edges == 60 > state.circuit.n_component_edges
    whole = host.evaluation["faithfulness"]["value"]
    node = next(name for name in state.circuit.node_names if name.startswith("a") and name.endswith("@S2"))
    inspector = host.show("inspector")
    workspace.set_selection(frozenset({node}), frozenset())
    qtbot.waitUntil(lambda: inspector.reading is not None and inspector.reading.node == node, timeout=LONG)
    _, task = host.load_task()
    assert inspector.reading.position == task.span_names(workspace.prompt_index).index("S2")
    for page in ("attention", "ov-qk"):
        assert host.read_page(page).result is not None, "readings are of the component"
    host.run_command("ablate")
    assert workspace.state.ablated_nodes == {node}
    host.wait_until_measured()
    assert host.evaluation["faithfulness"]["value"] != pytest.approx(whole, abs=1e-6)
    edge = next(name for name in state.circuit.edge_names if "@S2->" in name and name.endswith("<v>"))
    workspace.set_selection(frozenset(), frozenset({edge}))
    view = inspector.edge_view
    qtbot.waitUntil(lambda: view.reading is not None and view.reading.edge == edge, timeout=LONG)
    assert np.count_nonzero(view.reading.positions) == 1  # S2 is one token
    form.positions_box.setCurrentIndex(0)
    qtbot.mouseClick(form.reuse_button, Qt.MouseButton.LeftButton)
    assert form.find_request().by_span
