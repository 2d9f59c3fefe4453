"""The dialog that adds a claim: its tests, its pairs, and the verdicts that follow."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from panel_host import LONG, PanelHost, strongest_features
from PySide6.QtWidgets import QFileDialog
from pytestqt.qtbot import QtBot

from circuitviz.evaluation.claims import ClaimSubject, claim_test_steps
from circuitviz.features import load_dictionaries
from circuitviz.formats import open_document
from circuitviz.models import load_model
from circuitviz.progress import run_to_completion
from circuitviz.resources import resource_path


def test_two_features_with_evidence(host: PanelHost, qtbot: QtBot, local_file: Path, tmp_path: Path) -> None:
    host.open_document(local_file)
    workspace = host.workspace
    for node, role in zip(
        strongest_features(local_file), ("name in the first clause", "second name"), strict=True
    ):
        host.label_node(node, role)
        tests = host.add_claim("activation", counterfactual="order-swapped", prompts=16)
        assert tests == ["activation", "feature-effect"]
    first = strongest_features(local_file)[0]
    labels = workspace.document.state.labels
    found = labels[first].evidence[0].outcome
    model = load_model("demo")
    shelf = load_dictionaries([resource_path("demo", "dictionaries")], model)
    about = ClaimSubject(None, (first,), dictionaries=shelf, prompt_model=model)
    apart = run_to_completion(
        claim_test_steps("activation", about, counterfactual="order-swapped", prompts=16)
    )
    assert found.effect == pytest.approx(apart.effect.value, abs=1e-5)
    assert (found.verdict, found.prompts_hash) == (apart.verdict, apart.prompts_hash)

    # another threshold is another circuit: stale, and fresh again when it is taken back
    stale = lambda: labels[first].evidence[0].stale_parts(workspace.document.state.evidence_context_of(first))  # noqa: E731
    assert stale() == ()
    tau = float(workspace.document.state.scores.info["tau"])
    workspace.prompt_circuits.change_threshold(tau * 2)
    qtbot.waitUntil(lambda: stale() == ("circuit",), timeout=LONG)
    workspace.undo_stack.undo()
    assert stale() == ()

    # it is an ordinary label: saved, exported, tested again without a window
    path = tmp_path / "labelled.circuit"
    host.save(path)
    assert open_document(path).state.labels == labels
    workspace.undo_stack.undo()
    workspace.undo_stack.undo()
    assert (
        len(workspace.document.state.labels) == 1
        or not workspace.document.state.labels[strongest_features(local_file)[1]].evidence
    )


def test_pairs_may_come_from_a_file(
    demo_host: PanelHost, qtbot: QtBot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pairs = [
        {"clean": c, "corrupted": o, "correct": list(right), "incorrect": list(wrong)}
        for c, o, right, wrong, *_ in demo_host.workspace.document.state.origin.pairs[:9]
    ]
    path = tmp_path / "mine.jsonl"
    path.write_text("\n".join(json.dumps(pair) for pair in pairs))
    monkeypatch.setattr(QFileDialog, "getOpenFileName", lambda *_: (str(path), ""))
    demo_host.label_node("m0", "tells names apart")
    demo_host.add_claim("answer", counterfactual="a file…")
    found = demo_host.workspace.document.state.labels["m0"].evidence[0]
    assert found.options["counterfactual"] == str(path) and found.outcome.prompts == 9
    assert found.outcome.verdict == "holds"
