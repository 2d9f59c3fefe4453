"""The table of changes of a prompt circuit; numbers are those of the plain model."""

from __future__ import annotations

from pathlib import Path

import pytest
from panel_host import PanelHost
from pytestqt.qtbot import QtBot
from slow_causal import row
from slow_prompt_model import SlowPromptModel

from circuitviz.workbench.prompt_evaluation import PromptEvaluationRequest


def test_three_features_are_taken_out_and_put_back(
    prompt_host: PanelHost, qtbot: QtBot, tmp_path: Path
) -> None:
    panel, meter, slow = prompt_host.show("ablation"), prompt_host.show("meter"), SlowPromptModel()
    state = prompt_host.workspace.document.state
    trial = PromptEvaluationRequest.from_state(state)
    assert trial is not None and state.circuit is not None
    whole, first, nodes = prompt_host.evaluation, state.hash, set(trial.nodes)
    assert whole["metric"]["circuit"] == pytest.approx(slow.circuit(nodes), abs=1e-3)
    assert whole["metric"]["ablated"] == pytest.approx(slow.circuit(set()), abs=1e-3)
    assert "[" not in meter.interval_label.text() and "one prompt" in meter.interval_label.text()
    shown = meter.value_label.text()
    assert shown == f"{whole['faithfulness']['value']:.3f}".replace("-", "−")
    assert not panel.ablation_form.positions_field.isVisible() and panel.ablation_form.errors_box.isVisible()

    # what if, asked without doing it
    strong = sorted(nodes, key=lambda n: -abs(state.scores.info["attributions"][n]))
    features = [name for name in strong if ".f" in name][2:5]
    prompt_host.workspace.live_faithfulness.show_what_if(frozenset({features[0]}))
    assert meter.what_if_label.text().startswith(f"without {features[0]}: ≈ ")
    prompt_host.workspace.live_faithfulness.show_what_if(frozenset())
    assert not meter.what_if_label.isVisible()
    assert prompt_host.workspace.document.state is state

    out: list[str] = []
    for name in features:
        prompt_host.workspace.set_selection(frozenset({name}), frozenset())
        prompt_host.run_command("ablate")
        out.append(name)
        assert meter.value_label.text().startswith("≈") or meter.value_label.text() == "–"
        prompt_host.wait_until_measured()
        found = prompt_host.evaluation
        assert found["metric"]["circuit"] == pytest.approx(slow.circuit(nodes - set(out)), abs=1e-3)
        start = slow.changed([])
        assert found["target"]["before"] == pytest.approx(start, abs=1e-3)
        assert found["target"]["free"] == pytest.approx(slow.changed(out) - start, abs=1e-3)
        assert found["target"]["frozen"] == pytest.approx(found["target"]["predicted"], abs=1e-4)
    section = panel.changes_tree.topLevelItem(0)
    rows = {section.child(i).text(0): section.child(i).text(3) for i in range(section.childCount())}
    assert rows["free"] == f"{found['target']['free']:+.3f}".replace("-", "−")
    assert rows["predicted"] == f"{found['target']['predicted']:+.3f}".replace("-", "−")
    assert panel.changes_tree.topLevelItem(1).child(0).text(0).startswith("before:  ' Mary'")
    assert panel.history_list.count() == 4
    response = panel.changes_tree.topLevelItem(2).child(0)
    assert response.text(0) in nodes - set(out)
    at, item, position = row(response.text(0))
    slow.changed(out)
    after = f"{float(slow.model.parts[at][position, item]):.3f}"
    assert response.text(2) == after != response.text(1)
    panel.changes_tree.activate_row(response)
    assert prompt_host.workspace.selected_nodes == {response.text(0)}

    # the command line reads the same numbers from the file
    path = tmp_path / "apart.circuit"
    prompt_host.save(path)
    for _ in features:
        prompt_host.workspace.undo_stack.undo()
    assert prompt_host.workspace.document.state.hash == first
    assert prompt_host.evaluation == whole and meter.value_label.text() == shown
    for _ in features:
        prompt_host.workspace.undo_stack.redo()
    assert prompt_host.evaluation == found
