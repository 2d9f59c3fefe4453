"""``circuitviz evaluate`` on a file of features: the same keys as for heads, one prompt, no interval."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from circuitviz.__main__ import main
from circuitviz.document.attribution_query import AttributionQuery
from circuitviz.features import (
    PromptBench,
    add_attention_contributors,
    load_dictionaries,
    local_circuit,
    run_prompt,
)
from circuitviz.formats import import_document
from circuitviz.models import load_model
from circuitviz.resources import resource_path
from circuitviz.workbench.prompt_session import open_prompt

PROMPT = "When Mary and John went to the store, John gave a drink to"
CORRUPTED = "When Mary and John went to the store, Anna gave a drink to"


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small local circuit of the name's logit."""
    path = tmp_path_factory.mktemp("features") / "name.circuit"
    argv = ["local-circuit", "-p", PROMPT, "--target", " Mary", "--nodes", "40", "--gate", "absolute"]
    assert main([*argv, "--corrupted", CORRUPTED, "-o", str(path)]) == 0
    return path


def test_contributors_are_added_and_kept_in_the_file(
    file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = import_document(file).state
    out = tmp_path / "more.circuit"
    argv = ["local-circuit", "-p", PROMPT, "--target", " Mary", "--nodes", "40", "--gate", "absolute"]
    capsys.readouterr()
    assert main([*argv, "--corrupted", CORRUPTED, "--contributors", "6", "-o", str(out), "--json"]) == 0
    data = json.loads(capsys.readouterr().out)
    state = import_document(out).state
    assert before.circuit is not None and state.circuit is not None and state.query is not None
    added = set(state.circuit.node_names) - set(before.circuit.node_names)
    assert added == data["through_attention"].keys() and len(added) == 6
    assert state.query.contributors == 6 and "--contributors=6" in state.query.command_line()
    assert sum(data["ledger"].values()) == pytest.approx(data["value"], rel=1e-4)
    names = state.circuit.edge_names
    assert {state.scores.graph.channel(r) for r in np.flatnonzero(state.circuit.edges.any(0))} == {
        "",
        "q",
        "k",
    }
    assert state.circuit.graph.edge_names(state.circuit.graph.mask) == tuple(
        name for name in state.scores.graph.edge_names(state.scores.graph.mask)
    )
    for side in ("<q>", "<k>"):
        ended = [name for name in names if name.endswith(side)]
        assert ended and all(
            name in data["score_places"] or " Mary" in name or "logit" in name for name in ended
        )
    through = data["attention_ledger"]
    assert sum(through[k] for k in ("queries", "other_queries", "query_biases")) == pytest.approx(
        sum(through[k] for k in ("keys", "other_keys", "key_biases")), rel=1e-3, abs=1e-4
    )
    assert (
        len(data["query_key_pairs"]) == 50 and state.scores.info["query_key_pairs"] == data["query_key_pairs"]
    )
    assert main([*argv, "--contributors", "-1"]) == 2


def evaluated(capsys: pytest.CaptureFixture[str], *argv: str) -> tuple[Any, str]:
    capsys.readouterr()
    code = main(["evaluate", *argv, "--json"])
    out, err = capsys.readouterr()
    assert code == 0, err
    return json.loads(out), err


def test_a_feature_circuit_is_evaluated_in_any_setting(
    file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    model = load_model("demo")
    question = AttributionQuery("demo", PROMPT, target=" Mary", corrupted=CORRUPTED)
    opened = open_prompt(model, question, load_dictionaries([resource_path("demo", "dictionaries")], model))
    bench = PromptBench(opened.table, opened.target, {"corrupted": [run_prompt(model, CORRUPTED)]})
    data, err = evaluated(capsys, str(file), "--measures", "faithfulness,predicted,minimality")
    assert {"faithfulness", "metric", "edges", "nodes", "setting"} <= data.keys()
    assert data["setting"] | {"mean_of": ""} == data["setting"]
    assert (data["setting"]["ablation"], data["setting"]["errors"]) == ("corrupted", "kept")
    assert data["faithfulness"]["low"] is None and data["target"] is None
    nodes = [point["node"] for point in data["predicted"]["points"]]
    judged = bench.evaluate(nodes, "corrupted")
    assert data["faithfulness"]["value"] == pytest.approx(judged.faithfulness, abs=1e-5)
    assert data["completeness"] == pytest.approx(judged.completeness, abs=1e-5)
    frozen = bench.evaluate(nodes, "corrupted", patterns="frozen").faithfulness
    assert data["frozen_faithfulness"] == pytest.approx(frozen, abs=1e-5) and frozen != judged.faithfulness
    assert main(["evaluate", str(file)]) == 0
    line = f"attention free {judged.faithfulness:.3f}, frozen as on the prompt {frozen:.3f}: "
    assert line in capsys.readouterr().out
    assert list(data["refused"]) == ["minimality"] and "one prompt" in err
    for ablation, errors in (("zero", "dropped"), ("mean", "kept")):
        data, _ = evaluated(capsys, str(file), "--ablation", ablation, "--errors", errors)
        assert (data["setting"]["ablation"], data["setting"]["errors"]) == (ablation, errors)
        if ablation == "zero":
            right = bench.evaluate(nodes, "zero", "dropped").faithfulness
            assert data["faithfulness"]["value"] == pytest.approx(right, abs=1e-5)
        else:
            assert data["setting"]["mean_of"] == "24 passages of the demo's text"


def test_a_measures_options_are_flags(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    argv = ["--measures", "predicted", "--predicted-response", "frozen", "--predicted-action", "scale"]
    data, _ = evaluated(capsys, str(file), *argv, "--predicted-value", "0.5")
    assert data["predicted"]["response"] == "frozen" and len(data["predicted"]["points"]) > 20
    for point in data["predicted"]["points"]:
        assert point["measured"] == pytest.approx(point["predicted"], abs=1e-5)


def test_it_reads_well_in_a_terminal(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    capsys.readouterr()
    assert main(["evaluate", str(file), "--measures", "ablations,predicted,sizes"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("faithfulness ") and "no interval" in lines[0]
    assert sum("errors dropped" in line for line in lines) == 6
    assert sum("patterns frozen" in line for line in lines) == 6
    assert any(line.startswith("      1 nodes  faithfulness") for line in lines)
    assert any("predicted +" in line or "predicted -" in line for line in lines)


@pytest.mark.parametrize(
    ("argv", "message"),
    [
        (["--task", "ioi"], "--task was given 'ioi'"),
        (["--metric", "kl"], "--metric was given 'kl'"),
        (["--ablation", "mean-positional"], "there is zero, mean, corrupted"),
        (["--measures", "predicted", "--predicted-nodes", "m9.f1@2"], "m9.f1@2"),
        (["--measures", "predicted", "--predicted-nodes", "selection"], "no node to change"),
        (["--measures", "predicted", "--predicted-action", "remove"], "it takes one of zero"),
        (["--card"], "a card judges circuits on a task"),
        (["-o", "measured.circuit"], "-o was given 'measured.circuit' without --card"),
    ],
)
def test_wrong_input_is_one_line(
    file: Path, capsys: pytest.CaptureFixture[str], argv: list[str], message: str
) -> None:
    capsys.readouterr()
    assert main(["evaluate", str(file), *argv]) == 2
    err = capsys.readouterr().err
    assert message in err and err.count("\n") == 1


def test_without_a_partner_there_is_no_corrupted_value(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "alone.circuit"
    assert main(["local-circuit", "-p", PROMPT, "--target", " Mary", "--nodes", "10", "-o", str(path)]) == 0
    data, _ = evaluated(capsys, str(path), "--measures", "ablations")
    assert data["setting"]["ablation"] == "zero"
    assert {cell["ablation"] for cell in data["ablations"]["cells"]} == {"zero", "mean"}
    assert main(["evaluate", str(path), "--ablation", "corrupted"]) == 2
    assert "has no corrupted partner" in capsys.readouterr().err


def test_circuits_of_heads_have_no_errors_to_drop(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "heads.circuit"
    assert main(["discover", "--prompts", "4", "--method", "eap", "--edges", "20", "-o", str(path)]) == 0
    capsys.readouterr()
    assert main(["evaluate", str(path), "--errors", "dropped"]) == 2
    assert "of heads" in capsys.readouterr().err
    assert main(["evaluate", str(path), "--measures", "ablations"]) == 2
    assert "measures features on one prompt" in capsys.readouterr().err


@pytest.mark.parametrize("position", [12, 16])
def test_contributors_restore_what_free_attention_takes(position: int) -> None:
    """Of a feature whose circuit keeps its value with patterns held and nothing where they are free."""
    model = load_model("demo")
    dictionaries = load_dictionaries([resource_path("demo", "dictionaries")], model)
    prompt = "Then Ian and Betty went to the theater. Betty wanted to give a camera to"
    query = AttributionQuery("demo", prompt, f"m2.f12@{position}", nodes=28)
    session = open_prompt(model, query, dictionaries)
    bench = PromptBench(session.table, session.target)
    circuit = local_circuit(session.edges, session.target, nodes=28)
    assert bench.evaluate(circuit.names, "zero").faithfulness == pytest.approx(0.0, abs=1e-6)
    assert bench.evaluate(circuit.names, "zero", patterns="frozen").faithfulness > 1
    more = add_attention_contributors(circuit, 20)
    assert bench.evaluate(more.names, "zero").faithfulness > 0.3


def test_the_shipped_cross_layer_transcoder_traces_a_logit(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """Opened from its folder; the ledger adds up, and the file's circuit is evaluated with it."""
    folder, out = resource_path("demo", "cross-layer"), tmp_path / "name.circuit"
    card, figures = (folder / "README.md").read_text(), json.loads((folder / "figures.json").read_text())
    for layer, unexplained in enumerate(figures["unexplained"]):
        assert unexplained < 0.05 and f"| {layer} | 384 | {unexplained:.4f} |" in card
    argv = ["local-circuit", "-p", PROMPT, "--target", " Mary", "--nodes", "40", "--gate", "absolute"]
    capsys.readouterr()
    assert main([*argv, "--dictionaries", str(folder), "-o", str(out), "--json"]) == 0
    data = json.loads(capsys.readouterr().out)
    assert sum(data["ledger"].values()) == pytest.approx(data["value"], rel=1e-4)
    names = [node["node"] for node in data["nodes"]]
    assert any(name.startswith("m0.f") for name in names) and len(names) > 20
    judged, _ = evaluated(capsys, str(out), "--ablation", "zero", "--no-random")
    assert judged["faithfulness"]["value"] is not None
