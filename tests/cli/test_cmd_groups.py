"""``circuitviz groups``: proposals on the demo, judged by a slow evaluation, accepted into a file."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import circuitviz as cv
from circuitviz.__main__ import main
from circuitviz.document import toggle_ablation
from circuitviz.features import (
    evaluate_prompt_circuit,
    load_dictionaries,
    logit_target,
    node_table,
    run_prompt,
)
from circuitviz.formats import open_document
from circuitviz.resources import resource_path

PROMPT = "Then Ian and Betty went to the theater. Betty wanted to give a camera to"


def test_groups_are_proposed_judged_and_accepted(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    model = cv.load_model("demo")
    document = cv.find_prompt_circuit(cv.AttributionQuery("demo", PROMPT, " Ian", nodes=30), model)
    cv.save_document(document, tmp_path / "one.circuit")
    argv = ["groups", str(tmp_path / "one.circuit"), "--similarity", "0.4", "--json"]
    assert main([*argv, "--accept", "all", "-o", str(tmp_path / "two.circuit")]) == 0
    data = json.loads(capsys.readouterr().out)
    groups = open_document(tmp_path / "two.circuit").state.groups
    assert {name: set(group.nodes) for name, group in groups.items()} == {
        one["name"]: set(one["nodes"]) for one in data["groups"]
    }
    assert groups and all(one["score"] >= 0.4 for one in data["groups"])

    assert main([*argv, "--accept-all", "-o", str(tmp_path / "all.circuit")]) == 0
    assert open_document(tmp_path / "all.circuit").state.groups == groups
    capsys.readouterr()

    # the circuit of groups alone, judged on its own
    table = node_table(
        run_prompt(model, PROMPT), load_dictionaries([resource_path("demo", "dictionaries")], model)
    )
    target = logit_target(table, model.tokens.answer_id(PROMPT, " Ian"))
    circuit = document.state.circuit
    grouped = {name for one in data["groups"] for name in one["nodes"]}
    fixed = {"position", "bias"}
    nodes = [
        n
        for n in circuit.node_names
        if n != target.node.name and circuit.graph.node(n).kind.value not in fixed
    ]
    kept = [n for n in nodes if ".f" not in n or n in grouped]
    assert data["ungrouped"] == len(nodes) - len(kept)
    for shown, names in (("circuit", nodes), ("grouped", kept)):
        expected = evaluate_prompt_circuit(table, target, names, "zero").faithfulness
        assert data["faithfulness"][shown] == pytest.approx(expected, abs=1e-4)

    # a token that is taken out, which no mask ablates: as the circuit itself is measured
    token = next(n for n in nodes if n.startswith("token@"))
    document.apply_command(toggle_ablation([token]))
    cv.save_document(document, tmp_path / "less.circuit")
    assert main(["evaluate", str(tmp_path / "less.circuit"), "--json"]) == 0
    measured = json.loads(capsys.readouterr().out)["faithfulness"]["value"]
    assert measured != pytest.approx(data["faithfulness"]["circuit"], abs=1e-2)
    assert main(["groups", str(tmp_path / "less.circuit"), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["faithfulness"]["circuit"] == pytest.approx(measured, abs=1e-6)

    assert main(["groups", str(tmp_path / "two.circuit"), "--json"]) == 0  # what is grouped stays so
    again = json.loads(capsys.readouterr().out)
    assert not grouped & {name for one in again["groups"] for name in one["nodes"]}
    for more, said in (
        (["--accept", "x", "-o", "y.circuit"], "No group 'x'"),
        (["--accept", "all"], "belong together"),
    ):
        assert main(["groups", str(tmp_path / "one.circuit"), *more]) == 2
        assert said in capsys.readouterr().err
