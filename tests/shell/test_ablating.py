"""Taking a circuit apart through the real window: every number is the engine's, every step can be undone."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from opening import measured
from PySide6.QtCore import QEvent, Qt
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot
from screenshots import shoot

from circuitviz.discovery import make_setting
from circuitviz.evaluation import FaithfulnessBench
from circuitviz.formats import open_document, save_document
from circuitviz.graph import Intervention
from circuitviz.models import load_model
from circuitviz.progress import run_to_completion
from circuitviz.shell.main_window import MainWindow
from circuitviz.workbench.record_origin import rebuild_task

LONG = 90_000


def _value(window: MainWindow) -> float:
    return float(window.workspace.document.evaluation["faithfulness"]["value"])


def test_nodes_are_scaled_patched_and_put_back(opened: MainWindow, qtbot: QtBot, tmp_path: Path) -> None:
    window, panel = opened, opened.panels["ablation"]
    window.dock_manager.bring_to_front("ablation")
    assert not panel.ablation_form.apply_button.isEnabled() and panel.history_list.count() == 1
    whole, first_hash = _value(window), window.workspace.document.state.hash
    window.workspace.set_selection(frozenset({"a2.h6"}), frozenset())
    assert panel.ablation_form.apply_button.isEnabled() and "a2.h6" in panel.ablation_form.nodes_label.text()

    state = window.workspace.document.state
    model = load_model("demo")
    bench = FaithfulnessBench(
        make_setting(model, rebuild_task(state.origin, model), "logit-diff"), allow_interventions=True
    )
    steps: list[tuple[str, float, str]] = [
        ("scale", 0.5, ""),
        ("scale", 2.0, ""),
        ("mean", 1.0, ""),
        ("corrupted", 1.0, "-1"),
        ("zero", 1.0, "0, 3"),
    ]
    values, hashes = [whole], [first_hash]
    for kind, share, places in steps:
        panel.ablation_form.value_box.setCurrentText(kind)
        panel.ablation_form.factor_field.setValue(share)
        panel.ablation_form.positions_field.setText(places)
        qtbot.mouseClick(panel.ablation_form.apply_button, Qt.MouseButton.LeftButton)
        tier = window.panels["meter"].value_label.text()
        assert tier.startswith("≈") or tier == "–"  # never the number of another state
        qtbot.waitUntil(lambda: measured(window), timeout=LONG)
        positions = tuple(int(p) for p in places.split(",")) if places else ()
        changed = {"a2.h6": Intervention(kind, share if kind == "scale" else 1.0, positions)}
        assert window.workspace.document.state.interventions == changed
        expected = run_to_completion(bench.evaluate(state.circuit, changed)).faithfulness.value
        assert _value(window) == pytest.approx(expected, abs=1e-6)
        values.append(_value(window))
        hashes.append(window.workspace.document.state.hash)
    assert len({round(v, 4) for v in values}) > 4
    assert panel.history_list.count() == len(steps) + 1
    qtbot.waitUntil(lambda: panel.changes_tree.topLevelItemCount() == 2, timeout=LONG)
    shoot(window, "ablation")

    # an entry of the history is a way back, and itself one step of undo
    texts = [panel.history_list.item(row).text() for row in range(panel.history_list.count())]
    half = next(row for row, text in enumerate(texts) if "× 0.5" in text)
    panel._restore_entry(panel.history_list.item(half))
    assert _value(window) == values[1]
    window.workspace.undo_stack.undo()
    assert window.workspace.document.state.hash == hashes[-1]

    # the file keeps all of it
    save_document(window.workspace.document, tmp_path / "apart.circuit")
    again = open_document(tmp_path / "apart.circuit")
    assert again.state.hash == hashes[-1] and again.history == window.workspace.document.history
    assert again.evaluation == window.workspace.document.evaluation
    while window.workspace.undo_stack.canUndo() and window.workspace.document.state.hash != first_hash:
        window.workspace.undo_stack.undo()
    assert _value(window) == whole and window.panels["meter"].value_label.text() == f"{whole:.3f}"


def test_what_changed_names_prompts_and_heads(opened: MainWindow, qtbot: QtBot) -> None:
    window, panel = opened, opened.panels["ablation"]
    window.dock_manager.bring_to_front("ablation")
    window.workspace.set_selection(frozenset({"a2.h6"}), frozenset())
    window.run_command("ablate")
    qtbot.waitUntil(lambda: panel.changes_tree.topLevelItemCount() == 2, timeout=LONG)
    heads, prompts = (panel.changes_tree.topLevelItem(row) for row in range(2))
    names = [heads.child(row).text(0) for row in range(heads.childCount())]
    rises = [
        float(heads.child(row).text(2).replace("−", "-")) - float(heads.child(row).text(1).replace("−", "-"))
        for row in range(heads.childCount())
    ]
    assert "a2.h6" not in names and np.all(np.diff(rises) <= 2e-3)
    first = prompts.child(0)
    assert first.childCount() == 2 and first.child(1).text(0).startswith("after")
    shoot(window, "what-changed")
    panel.changes_tree.activate_row(heads.child(0))
    assert window.workspace.selected_nodes == {names[0]}
    window.run_command("restore")
    assert panel.changes_tree.topLevelItemCount() == 0


def test_what_if_is_asked_without_doing_it(opened: MainWindow, qtbot: QtBot) -> None:
    window, meter = opened, opened.panels["meter"]
    before = window.workspace.document.state
    window.view.select({"a2.h6"})
    _key(window, QEvent.Type.KeyPress)
    assert meter.what_if_label.isVisible() and meter.what_if_label.text().startswith("without a2.h6: ≈ ")
    guess = float(meter.what_if_label.text().rpartition("≈ ")[2].replace("−", "-"))
    _key(window, QEvent.Type.KeyRelease)
    assert not meter.what_if_label.isVisible() and window.workspace.document.state is before

    # first order, by hand: the scores of its edges taken from the metric
    row = before.circuit.graph.sender_index["a2.h6"]
    lost = before.scores.values[row][before.circuit.edges[row]].sum()
    metric = window.workspace.document.evaluation["metric"]
    moved = (metric["circuit"] - lost - metric["ablated"]) / (metric["model"] - metric["ablated"])
    assert guess == pytest.approx(moved, abs=6e-4)


def test_a_wrong_position_is_told_and_changes_nothing(opened: MainWindow, qtbot: QtBot) -> None:
    window, panel = opened, opened.panels["ablation"]
    window.dock_manager.bring_to_front("ablation")
    window.workspace.set_selection(frozenset({"m1"}), frozenset())
    before = window.workspace.document.state
    panel.ablation_form.value_box.setCurrentText("zero")
    panel.ablation_form.positions_field.setText("last")
    qtbot.mouseClick(panel.ablation_form.apply_button, Qt.MouseButton.LeftButton)
    assert window.failure_dialog is not None and "'last' is no position" in window.failure_dialog.text() + (
        window.failure_dialog.informativeText()
    )
    assert window.workspace.document.state is before
    window.failure_dialog.close()


def _key(window: MainWindow, kind: QEvent.Type) -> None:
    event = QKeyEvent(kind, Qt.Key.Key_W, Qt.KeyboardModifier.NoModifier, "w")
    QApplication.sendEvent(window.view, event)
