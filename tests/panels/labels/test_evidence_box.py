"""Evidence of labels: claims that hold and fail, verdicts that go stale, and tests that run again."""

from __future__ import annotations

from pathlib import Path

import pytest
from panel_host import LONG, PanelHost
from PySide6.QtCore import Qt
from pytestqt.qtbot import QtBot

from circuitviz.discovery import make_setting
from circuitviz.evaluation.claims import ClaimSubject, claim_test_steps
from circuitviz.models import load_model
from circuitviz.panels.labels.labels_table import EVIDENCE_COLUMN, PART_COLUMN, ROLE_COLUMN
from circuitviz.progress import run_to_completion
from circuitviz.workbench.record_origin import rebuild_task


def test_a_claim_that_holds_and_one_that_fails_and_both_stale(
    demo_host: PanelHost, qtbot: QtBot, tmp_path: Path
) -> None:
    panel, workspace = demo_host.show("labels"), demo_host.workspace
    demo_host.label_node("a2.h6", "Name Mover")
    assert (demo_host.label_cell(0, PART_COLUMN), demo_host.label_cell(0, ROLE_COLUMN)) == (
        "a2.h6",
        "Name Mover",
    )

    # patching its output from the counterfactual moves the answer to the other name; the order does not
    demo_host.add_claim("answer", counterfactual="name-swapped")
    demo_host.add_claim("answer", counterfactual="order-swapped")
    demo_host.add_claim("attention", counterfactual="name-swapped", key="IO", expect="falls")
    found = workspace.document.state.labels["a2.h6"].evidence
    assert [e.outcome.verdict for e in found] == ["holds", "fails", "holds"]
    assert found[0].claim == "patching its output from 'name-swapped' moves the answer"
    assert demo_host.label_cell(0, EVIDENCE_COLUMN) == "2 ✓  1 ✗"
    assert panel.evidence_box.table.item(1, 0).text() == "✗ fails"

    # the number is the engine's own, computed apart from the window
    model = load_model("demo")
    where = workspace.document.state.origin
    task = rebuild_task(where, model)
    claimed = ClaimSubject(make_setting(model, task, where.metric, where.ablation), ("a2.h6",))
    apart = run_to_completion(claim_test_steps("answer", claimed, counterfactual="name-swapped"))
    assert found[0].outcome.effect == pytest.approx(apart.effect.value, abs=1e-6)
    assert found[0].outcome.prompts_hash == apart.prompts_hash and found[0].outcome.seed == 0
    assert f"{apart.effect.value:.2f}" in panel.evidence_box.table.item(0, 2).text()

    # another circuit: stale, said so; undone: as it was; run again: fresh
    workspace.select_edge_count(60)
    assert demo_host.label_cell(0, EVIDENCE_COLUMN) == "3 stale"
    assert panel.evidence_box.table.item(0, 0).text() == "✓ holds\nstale: circuit"
    workspace.undo_stack.undo()
    assert demo_host.label_cell(0, EVIDENCE_COLUMN) == "2 ✓  1 ✗"
    workspace.undo_stack.redo()
    qtbot.waitUntil(panel.evidence_box.run_stale_button.isEnabled, timeout=LONG)
    qtbot.mouseClick(panel.evidence_box.run_stale_button, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: demo_host.label_cell(0, EVIDENCE_COLUMN) == "2 ✓  1 ✗", timeout=LONG)

    # saved and opened again without a model: the verdicts are there
    kept = workspace.document.state.labels
    path = tmp_path / "labelled.circuit"
    demo_host.save(path)
    while workspace.document.state.labels:
        workspace.undo_stack.undo()
    with qtbot.waitSignal(workspace.document_shown, timeout=LONG):
        workspace.open_file(path)
    assert workspace.document.state.labels == kept and demo_host.label_cell(0, EVIDENCE_COLUMN) == "2 ✓  1 ✗"
