"""The form of interventions of prompt circuits; numbers are those of the plain model."""

from __future__ import annotations

from dataclasses import replace

import pytest
from panel_host import LONG, PROMPT_QUERY, PanelHost
from PySide6.QtCore import Qt
from pytestqt.qtbot import QtBot
from slow_prompt_model import SlowPromptModel

from circuitviz.workbench.prompt_evaluation import PromptEvaluationRequest


def test_features_are_scaled_set_and_judged_otherwise(prompt_host: PanelHost, qtbot: QtBot) -> None:
    panel, slow = prompt_host.show("ablation"), SlowPromptModel()
    trial = PromptEvaluationRequest.from_state(prompt_host.workspace.document.state)
    assert trial is not None
    name = next(n for n in trial.nodes if n.startswith("m2.f"))
    prompt_host.workspace.set_selection(frozenset({name}), frozenset())
    panel.ablation_form.value_box.setCurrentText("scale")
    panel.ablation_form.factor_field.setValue(0.25)
    qtbot.mouseClick(panel.ablation_form.apply_button, Qt.MouseButton.LeftButton)
    prompt_host.wait_until_measured()
    circuit = prompt_host.evaluation["metric"]["circuit"]
    assert circuit == pytest.approx(slow.circuit(set(trial.nodes), {name: 0.25}), abs=1e-3)
    own = prompt_host.workspace.document.state.scores.info["activations"][name]
    panel.ablation_form.value_box.setCurrentText("set")
    panel.ablation_form.factor_field.setValue(own * 0.25)
    qtbot.mouseClick(panel.ablation_form.apply_button, Qt.MouseButton.LeftButton)
    prompt_host.wait_until_measured()
    assert (
        panel.history_list.item(1).text().endswith(f"{name} = {panel.ablation_form.factor_field.value():g}")
    )
    before = prompt_host.evaluation["faithfulness"]["value"]
    panel.ablation_form.errors_box.setCurrentText("dropped")
    panel.ablation_form.errors_box.activated.emit(1)
    assert prompt_host.show("meter").value_label.text() == "–"  # never the number of another setting
    prompt_host.wait_until_measured()
    assert prompt_host.evaluation["setting"]["errors"] == "dropped"
    assert prompt_host.evaluation["faithfulness"]["value"] != pytest.approx(before, abs=1e-4)
    panel.ablation_form.ablation_box.setCurrentText("mean")
    panel.ablation_form.ablation_box.activated.emit(1)
    prompt_host.wait_until_measured()
    assert "passages of the demo's text" in prompt_host.show("meter").setting_label.text()
    assert panel.history_list.count() == 5  # the same change in each setting

    # an entry of another setting goes back to that, too
    entry = panel.history_list.item(3)
    assert entry.text().endswith("corrupted ablation, errors kept")
    panel._restore_entry(entry)
    assert prompt_host.evaluation["faithfulness"]["value"] == before
    assert panel.ablation_form.errors_box.currentText() == "kept"
    for _ in range(3):
        prompt_host.workspace.undo_stack.undo()
    assert prompt_host.evaluation["faithfulness"]["value"] == before


def test_without_a_corrupted_partner_zero_and_mean_are_offered(prompt_host: PanelHost, qtbot: QtBot) -> None:
    prompt_host.workspace.prompt_circuits.submit_query(replace(PROMPT_QUERY, corrupted="", nodes=30))
    workspace = prompt_host.workspace  # the circuit comes into a tab of its own, which is empty at first
    qtbot.waitUntil(lambda: workspace.state.query and not workspace.state.query.corrupted, timeout=LONG)
    prompt_host.wait_until_measured()
    panel, meter = prompt_host.show("ablation"), prompt_host.show("meter")
    form = panel.ablation_form
    assert [form.ablation_box.itemText(i) for i in range(form.ablation_box.count())] == ["zero", "mean"]
    assert "corrupted prompt" in form.ablation_box.toolTip()
    item = form.value_box.model().item(form.value_box.findText("corrupted"))
    assert not item.isEnabled() and "corrupted prompt" in item.toolTip()
    assert prompt_host.evaluation["setting"]["ablation"] == "zero"

    # the target is what the circuit is of: it cannot be out, and no number says that it were
    state = prompt_host.workspace.document.state
    target = state.circuit.graph.nodes[-1].name
    prompt_host.workspace.set_selection(frozenset({target}), frozenset())
    prompt_host.run_command("ablate")
    assert target in prompt_host.messages[-1] and prompt_host.workspace.document.state is state
    prompt_host.workspace.live_faithfulness.show_what_if(frozenset({target}))
    assert meter.what_if_label.text() == f"without {target}: no estimate"
