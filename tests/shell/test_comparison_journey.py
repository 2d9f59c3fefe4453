"""Two methods on one canvas: find, keep, compare, select, and evaluate on another model."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from opening import LONG
from pytestqt.qtbot import QtBot
from safetensors.torch import load_file, save_file
from screenshots import shoot

from circuitviz.evaluation import evaluate
from circuitviz.models import load_model
from circuitviz.resources import resource_path
from circuitviz.shell.main_window import MainWindow
from circuitviz.workbench.record_origin import rebuild_task

pytestmark = pytest.mark.stalls


def _search(window: MainWindow, qtbot: QtBot, model: str, task: str) -> None:
    form = window.panels["discovery"]
    form.model_box.setEditText(model)
    form.task_box.setEditText(task)
    form.prompts_field.setValue(16)
    _search_again(window, qtbot)
    qtbot.waitUntil(lambda: window.workspace.document.evaluation is not None, timeout=LONG)


def test_two_methods_on_one_canvas(open_window, qtbot: QtBot, tmp_path: Path) -> None:
    """Find, keep, find by another method: shared and own parts, numbers, selection, another model."""
    window: MainWindow = open_window()
    desk, form, compare = window.workspace, window.panels["discovery"], window.panels["compare"]
    qtbot.waitUntil(lambda: compare.methods_page.method_names != (), timeout=LONG)
    form.method_box.setCurrentText("eap")
    _search(window, qtbot, "demo", "ioi")
    left_out = desk.document.state.live_circuit
    window.dock_manager.bring_to_front("compare")
    compare.keep_button.click()
    name = compare.reference_box.currentText()
    assert name == f"eap on ioi, {left_out.n_edges:,} edges"
    form.method_box.setCurrentText("eap-ig")
    form.edges_field.setValue(60)
    _search_again(window, qtbot)
    window.dock_manager.bring_to_front("compare")
    compare.parts_page.overlay_button.click()

    # the canvas draws each edge once, on the side that a plain comparison of names gives it
    ours, theirs = desk.document.state.live_circuit, left_out
    a, b = set(ours.edge_names), set(theirs.edge_names)
    want = {"both": a & b, "left": a - b, "right": b - a}
    assert all(want.values())
    picture = window.view.circuit_scene
    for side, names in want.items():
        assert {edge.name for edge in picture.edges if edge.side == side} == names
    assert {n.name for n in picture.nodes} == set(ours.node_names) | set(theirs.node_names)
    alone = {n.name for n in picture.nodes if n.side == "right"}
    assert alone == set(theirs.node_names) - set(ours.node_names)
    numbers = compare.parts_page.summary_label.text()
    for count in map(len, want.values()):
        assert f">&nbsp;&nbsp;{count:,}<" in numbers
    assert f"{len(a & b) / len(a | b):.3f}" in numbers

    # a click in the table is a click on the canvas, and the other way round; undo keeps both drawn
    table, parts = compare.parts_page.table, compare.parts_page
    table.selectRow(0)
    first = table.model().index(0, 0).data()
    assert desk.selected_nodes == {first} and window.view.selected_nodes == {first}
    only = sorted(want["right"])[0]
    parts.kind_box.setCurrentText("Edges")
    desk.set_selection(frozenset(), frozenset({only}))
    assert [i.data() for i in table.selectionModel().selectedRows()] == [only]
    assert parts.table_model.parts[parts.table_model.row_of[only]].score_here is None
    shoot(window, "compare-both")
    desk.set_selection(frozenset({"a2.h6"}), frozenset())
    window.run_command("ablate")
    assert window.view.circuit_scene.sides == ("this circuit", name)
    assert not any(
        e.sender == "a2.h6" and e.side in ("both", "left") for e in window.view.circuit_scene.edges
    )
    desk.undo_stack.undo()

    # the same circuit on the kept model's own weights again: another model of this shape
    compare.tabs.setCurrentWidget(compare.other_models_page)
    qtbot.waitUntil(lambda: desk.document.evaluation is not None, timeout=LONG)
    twin = shutil.copytree(resource_path("demo", "model"), tmp_path / "twin")
    _disturb(twin / "model.safetensors")
    compare.other_models_page.model_field.setText(str(twin))
    compare.other_models_page.evaluate_button.click()
    qtbot.waitUntil(lambda: compare.other_models_page.table.rowCount() == 2, timeout=LONG)
    model = load_model(str(twin))
    expected = evaluate(model, rebuild_task(desk.document.state.origin, model), ours).faithfulness.value
    cells = [compare.other_models_page.table.item(r, 1).text() for r in range(2)]
    assert cells[1] == f"{expected:.3f}" and cells[0] != cells[1]
    assert desk.opened_model.model == "demo"
    shoot(window, "compare-elsewhere")
    compare.parts_page.overlay_button.click()
    assert window.view.circuit_scene.sides == ()


def _search_again(window: MainWindow, qtbot: QtBot) -> None:
    window.panels["discovery"].start_search()
    qtbot.waitUntil(lambda: not window.workspace.search_queue.searches, timeout=LONG)


def _disturb(weights: Path) -> None:
    """Other weights of the same shape: every matrix of the last layer a little smaller."""
    tensors = load_file(weights)
    save_file({k: v * 0.7 if ".h.3." in k and v.ndim == 2 else v for k, v in tensors.items()}, weights)
