"""The Ablation panel: every number is the engine's, every step can be undone."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from panel_host import LONG, PanelHost
from PySide6.QtCore import Qt
from pytestqt.qtbot import QtBot

from circuitviz.discovery import make_setting
from circuitviz.evaluation import FaithfulnessBench
from circuitviz.formats import open_document, save_document
from circuitviz.graph import Intervention
from circuitviz.models import load_model
from circuitviz.progress import run_to_completion
from circuitviz.workbench.record_origin import rebuild_task


def _value(host: PanelHost) -> float:
    return float(host.workspace.document.evaluation["faithfulness"]["value"])


def test_nodes_are_scaled_patched_and_put_back(demo_host: PanelHost, qtbot: QtBot, tmp_path: Path) -> None:
    panel = demo_host.show("ablation")
    assert not panel.ablation_form.apply_button.isEnabled() and panel.history_list.count() == 1
    whole, first_hash = _value(demo_host), demo_host.workspace.document.state.hash
    demo_host.workspace.set_selection(frozenset({"a2.h6"}), frozenset())
    assert panel.ablation_form.apply_button.isEnabled() and "a2.h6" in panel.ablation_form.nodes_label.text()

    state = demo_host.workspace.document.state
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
        tier = demo_host.show("meter").value_label.text()
        assert tier.startswith("≈") or tier == "–"  # never the number of another state
        qtbot.waitUntil(demo_host.is_measured, timeout=LONG)
        positions = tuple(int(p) for p in places.split(",")) if places else ()
        changed = {"a2.h6": Intervention(kind, share if kind == "scale" else 1.0, positions)}
        assert demo_host.workspace.document.state.interventions == changed
        expected = run_to_completion(bench.evaluate(state.circuit, changed)).faithfulness.value
        assert _value(demo_host) == pytest.approx(expected, abs=1e-6)
        values.append(_value(demo_host))
        hashes.append(demo_host.workspace.document.state.hash)
    assert len({round(v, 4) for v in values}) > 4
    assert panel.history_list.count() == len(steps) + 1
    qtbot.waitUntil(lambda: panel.changes_tree.topLevelItemCount() == 2, timeout=LONG)

    # an entry of the history is a way back, and itself one step of undo
    texts = [panel.history_list.item(row).text() for row in range(panel.history_list.count())]
    half = next(row for row, text in enumerate(texts) if "× 0.5" in text)
    panel._restore_entry(panel.history_list.item(half))
    assert _value(demo_host) == values[1]
    demo_host.workspace.undo_stack.undo()
    assert demo_host.workspace.document.state.hash == hashes[-1]

    # the file keeps all of it
    save_document(demo_host.workspace.document, tmp_path / "apart.circuit")
    again = open_document(tmp_path / "apart.circuit")
    assert again.state.hash == hashes[-1] and again.history == demo_host.workspace.document.history
    assert again.evaluation == demo_host.workspace.document.evaluation
    while demo_host.workspace.undo_stack.canUndo() and demo_host.workspace.document.state.hash != first_hash:
        demo_host.workspace.undo_stack.undo()
    assert _value(demo_host) == whole and demo_host.show("meter").value_label.text() == f"{whole:.3f}"


def test_what_changed_names_prompts_and_heads(demo_host: PanelHost, qtbot: QtBot) -> None:
    panel = demo_host.show("ablation")
    demo_host.workspace.set_selection(frozenset({"a2.h6"}), frozenset())
    demo_host.run_command("ablate")
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
    panel.changes_tree.activate_row(heads.child(0))
    assert demo_host.workspace.selected_nodes == {names[0]}
    demo_host.run_command("restore")
    assert panel.changes_tree.topLevelItemCount() == 0


def test_a_wrong_position_is_told_and_changes_nothing(demo_host: PanelHost, qtbot: QtBot) -> None:
    panel = demo_host.show("ablation")
    demo_host.workspace.set_selection(frozenset({"m1"}), frozenset())
    before = demo_host.workspace.document.state
    panel.ablation_form.value_box.setCurrentText("zero")
    panel.ablation_form.positions_field.setText("last")
    qtbot.mouseClick(panel.ablation_form.apply_button, Qt.MouseButton.LeftButton)
    assert "'last' is no position" in demo_host.failures[-1].message
    assert demo_host.workspace.document.state is before
