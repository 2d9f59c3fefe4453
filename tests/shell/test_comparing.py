"""Holding methods against what is known, through the real window."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication
from pytestqt.qtbot import QtBot
from safetensors.torch import load_file, save_file
from screenshots import shoot

from circuitviz.evaluation import evaluate
from circuitviz.formats import save_document
from circuitviz.models import load_model
from circuitviz.resources import resource_path
from circuitviz.shell.main_window import MainWindow
from circuitviz.workbench.record_origin import rebuild_task

LONG = 90_000
pytestmark = pytest.mark.stalls


def _search(window: MainWindow, qtbot: QtBot, model: str, task: str) -> None:
    form = window.panels["discovery"]
    form.model_box.setEditText(model)
    form.task_box.setEditText(task)
    form.prompts_field.setValue(16)
    _search_again(window, qtbot)
    qtbot.waitUntil(lambda: window.workspace.document.evaluation is not None, timeout=LONG)


def test_every_method_against_the_truth(open_window, qtbot: QtBot, tmp_path: Path) -> None:
    window: MainWindow = open_window()
    compare = window.panels["compare"]
    panel = compare.methods_page
    qtbot.waitUntil(lambda: panel.method_names != (), timeout=LONG)
    assert compare.reference_box.count() == 0 and not panel.run_button.isEnabled()
    form = window.panels["discovery"]
    offered = [form.model_box.itemText(row) for row in range(form.model_box.count())]
    assert offered == ["demo", "backup", "reverse", "x-proportion"]
    form.model_box.setCurrentText("reverse")
    assert form.task_box.currentText() == "reverse"  # the task that it was made for
    _search(window, qtbot, "backup", "backup")
    window.dock_manager.bring_to_front("compare")
    compare.tabs.setCurrentWidget(panel)
    assert (
        compare.reference_box.currentText() == "backup-corrupted"
    )  # the model's own, under the same ablation
    assert "Sources" in panel.reference_label.text()
    assert panel.table.rowCount() == 1 and panel.table.item(0, 1).text() == "1.000"
    qtbot.waitUntil(panel.run_button.isEnabled, timeout=LONG)
    qtbot.mouseClick(panel.run_button, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: panel.table.rowCount() == len(panel.method_names) + 1, timeout=LONG)
    qtbot.waitUntil(panel.run_button.isEnabled, timeout=LONG)
    named = {panel.table.item(r, 0).text(): r for r in range(panel.table.rowCount())}
    for method in ("exact", "acdc", "eap", "eap-ig"):
        assert [panel.table.item(named[method], c).text() for c in range(1, 5)] == ["1.000"] * 4
    assert float(panel.table.item(named["information-flow-routes"], 1).text()) < 0.9
    panel.table.selectRow(named["information-flow-routes"])
    shoot(window, "compare-methods")
    assert panel.chart.table_rows[0] == ["method", "recall", "precision"] and len(panel.chart.table_rows) > 20
    qtbot.mouseClick(panel.copy_button, Qt.MouseButton.LeftButton)
    copied = QGuiApplication.clipboard().text().splitlines()
    assert len(copied) == panel.table.rowCount() + 1 and copied[0].startswith("method\tAUROC")

    # another truth: its rows begin anew, under its own ablation
    compare.reference_box.setCurrentText("backup-zero")
    assert panel.table.rowCount() == 1
    # ablating an edge of the circuit changes its row
    before = panel.table.item(0, 4).text()
    window.workspace.set_selection(frozenset(), frozenset({"a1.h2->logits"}))
    window.run_command("ablate")
    assert panel.table.item(0, 4).text() != before
    window.workspace.undo_stack.undo()
    assert panel.table.item(0, 4).text() == before

    # any circuit file serves as a reference; a wrong one is told and changes nothing
    save_document(window.workspace.document, tmp_path / "mine.circuit")
    window.workspace.comparison.add_file(tmp_path / "mine.circuit")
    qtbot.waitUntil(lambda: compare.reference_box.currentText() == "mine.circuit", timeout=LONG)
    assert panel.table.item(0, 5).text() == "1.000"
    (tmp_path / "bad.json").write_text("{}")
    with qtbot.waitSignal(window.workspace.failure_reported, timeout=LONG):
        window.workspace.comparison.add_file(tmp_path / "bad.json")
    assert compare.reference_box.currentText() == "mine.circuit"
    window.failure_dialog.close()


def test_comparing_is_cancelled_with_its_rows_kept(open_window, qtbot: QtBot) -> None:
    window: MainWindow = open_window()
    _search(window, qtbot, "reverse", "reverse")
    panel = window.panels["compare"].methods_page
    window.dock_manager.bring_to_front("compare")
    window.panels["compare"].tabs.setCurrentWidget(panel)
    qtbot.waitUntil(panel.run_button.isEnabled, timeout=LONG)
    panel.run_all()
    qtbot.waitUntil(lambda: panel.table.rowCount() >= 3, timeout=LONG)
    qtbot.mouseClick(panel.cancel_button, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(panel.run_button.isEnabled, timeout=LONG)
    assert panel.table.rowCount() >= 3


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


def test_reuse_across_tasks(open_window, qtbot: QtBot) -> None:
    window: MainWindow = open_window()
    desk, compare, found = window.workspace, window.panels["compare"], {}
    for task in ("ioi", "greater-than", "sva"):
        _search(window, qtbot, "demo", task)
        found[desk.comparison.add_open_circuit()] = set(desk.document.state.live_circuit.node_names) - {
            "input",
            "logits",
        }
    window.dock_manager.bring_to_front("compare")
    compare.tabs.setCurrentWidget(compare.reuse_page)
    shoot(window, "compare-reuse")
    assert len(set(map(frozenset, found.values()))) == 3
    names, nodes = list(found), compare.reuse_page.shares["nodes"]
    assert compare.reuse_page.shares["names"] == ["this circuit", *names]
    for i, a in enumerate(names, start=1):
        for j, b in enumerate(names, start=1):
            assert nodes[i][j] == pytest.approx(len(found[a] & found[b]) / len(found[a]))
    compare.reuse_page.select_common_button.click()
    assert desk.selected_nodes == set.intersection(*found.values()) and desk.selected_nodes
    assert compare.reuse_page.chart.table_rows[0] == ["share of", "found in", "nodes"]
    compare.reuse_page.kind_box.setCurrentText("Edges")
    assert compare.reuse_page.shares["edges"][0][3] == 1.0


def _search_again(window: MainWindow, qtbot: QtBot) -> None:
    before = window.workspace.document.state
    window.panels["discovery"].start_search()
    qtbot.waitUntil(
        lambda: window.workspace.partial_result is None and window.workspace.document.state is not before,
        timeout=LONG,
    )


def _disturb(weights: Path) -> None:
    """Other weights of the same shape: every matrix of the last layer a little smaller."""
    tensors = load_file(weights)
    save_file({k: v * 0.7 if ".h.3." in k and v.ndim == 2 else v for k, v in tensors.items()}, weights)
