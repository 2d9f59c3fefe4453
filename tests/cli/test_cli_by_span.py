"""Circuits by span from the command line: found, saved, measured, inspected, exported, and opened in Python."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import circuitviz as cv
from circuitviz.__main__ import main
from circuitviz.document import State
from circuitviz.formats import open_document
from circuitviz.graph.names import split_edge_span, split_span
from circuitviz.workbench.methods_text import methods_paragraph
from circuitviz.workbench.python_script import python_script

pytestmark = pytest.mark.usefixtures("qapp")
SEARCH = ("-t", "ioi", "--prompts", "6", "--method", "eap", "--by-span")


def _ask(capsys: pytest.CaptureFixture[str], *argv: object) -> Any:
    capsys.readouterr()
    code = main([*map(str, argv), "--json"])
    out, err = capsys.readouterr()
    assert code == 0, err
    return json.loads(out)


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A circuit of the demo model by span."""
    path = tmp_path_factory.mktemp("spans") / "ioi.circuit"
    assert main(["discover", *SEARCH, "--edges", "80", "-o", str(path)]) == 0
    return path


def test_discover_counts_edges_both_ways(capsys: pytest.CaptureFixture[str]) -> None:
    data = _ask(capsys, "discover", *SEARCH, "--edges", 80)
    assert data["edges"] == 80 == sum(part["edges"] for part in data["spans"].values())
    assert 0 < data["component_edges"] < 80
    assert list(data["spans"]) == ["other", "IO", "S1", "S1+1", "S2", "END"]
    assert sum(part["nodes"] for part in data["spans"].values()) == data["nodes"] - 1  # and logits
    assert main(["discover", *SEARCH, "--edges", "80"]) == 0
    assert (
        f"80 edges at spans ({data['component_edges']} edges between components)" in capsys.readouterr().out
    )


def test_options_of_the_task_reach_it_and_the_command_line(tmp_path: Path) -> None:
    """With all names replaced, what stands before the second subject counts, too."""
    path = tmp_path / "names.circuit"
    assert main(["discover", *SEARCH, "--corruption", "random-names", "--edges", "60", "-o", str(path)]) == 0
    state = open_document(path).state
    assert state.circuit is not None and state.origin is not None and state.scores is not None
    assert state.scores.graph.split_spans(state.scores.values).any(axis=(0, 1)).sum() == 6
    command = state.origin.command_line()
    assert "--corruption random-names --order mixed" in command
    again = tmp_path / "again.circuit"
    assert main([*command.split()[1:], "-o", str(again)]) == 0
    assert open_document(again).state.circuit == state.circuit


def test_a_file_holds_spans_of_graph_and_prompts(found: Path, tmp_path: Path) -> None:
    document = open_document(found)
    state, origin = document.state, document.state.origin
    assert state.circuit is not None and state.scores is not None and origin is not None
    graph = state.circuit.graph
    assert origin.by_span and "--by-span" in origin.command_line() and graph.spans is not None
    task = cv.load_task("ioi", cv.load_model("demo"), prompts=6)
    assert [pair[4] for pair in origin.pairs] == [
        pair.spans for pair in task.pairs
    ] and graph.spans == task.spans
    again = tmp_path / "again.circuit"
    document.path = None
    cv.save_document(document, again)
    other = open_document(again).state
    assert other.circuit == state.circuit and other.hash == state.hash
    assert other.scores is not None and np.array_equal(other.scores.values, state.scores.values)
    assert other.origin == origin


def test_evaluate_and_measures(found: Path, capsys: pytest.CaptureFixture[str]) -> None:
    measures = ["--measures", "faithfulness,minimality,backup,stability,generalisation"]
    options = [
        "--backup-nodes",
        "a1.h3@S2",
        "--minimality-sets",
        "2",
        "--stability-resamples",
        "2",
        "--generalisation-splits",
        "prompts",
    ]
    data = _ask(capsys, "evaluate", found, *measures, *options)
    assert data["stability"]["edges"] and all("@" in name for name in data["stability"]["edges"])
    assert data["generalisation"]["splits"]
    assert data["edges"] == 80 and 0 < data["component_edges"] < 80
    opened = cv.open(found)
    assert data["faithfulness"]["value"] == pytest.approx(opened.evaluate().faithfulness.value)
    assert {split_span(node["node"])[1] for node in data["minimality"]["nodes"]} <= {"other", "S2", "END", ""}
    assert all(head["node"].endswith("@END") for head in data["backup"]["heads"])
    assert data["random"]


def test_inspect_a_node_and_an_edge_at_a_span(found: Path, capsys: pytest.CaptureFixture[str]) -> None:
    circuit = open_document(found).state.circuit
    assert circuit is not None
    node = next(name for name in circuit.node_names if name.startswith("a") and name.endswith("@S2"))
    at_span = _ask(capsys, "inspect", found, "--node", node)
    whole = _ask(capsys, "inspect", found, "--node", split_span(node)[0])
    task = cv.load_task("ioi", cv.load_model("demo"), prompts=6)
    assert (
        at_span["position"] == task.span_names(0).index("S2")
        and whole["position"] == len(whole["tokens"]) - 1
    )
    assert at_span["attention"] == whole["attention"] and at_span["logit_lens"] != whole["logit_lens"]
    edge = max(circuit.edge_names, key=lambda name: "<" in name)
    plain, span = split_edge_span(edge)
    part, sums = (_ask(capsys, "inspect", found, "--edge", name) for name in (edge, plain))
    names = task.span_names(0)
    kept = [value if name == span else 0.0 for name, value in zip(names, sums["positions"], strict=True)]
    assert part["positions"] == pytest.approx(kept)
    code = main(["inspect", str(found), "--node", "a1.h0@nowhere"])
    assert code != 0 and "has no span 'nowhere'" in capsys.readouterr().err


@pytest.mark.parametrize("suffix", [".csv", ".nodes.csv", ".graphml", ".dot", ".graph.json", ".svg", ".tex"])
def test_export_writes_spans(
    found: Path, tmp_path: Path, suffix: str, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / f"circuit{suffix}"
    assert main(["export", str(found), "-o", str(out)]) == 0, capsys.readouterr().err
    text = out.read_text(encoding="utf-8")
    assert "S2" in text
    if suffix == ".nodes.csv":
        assert {row["span"] for row in csv.DictReader(text.splitlines())} >= {"S2", "END"}


def test_claims_of_a_node_at_a_span_are_tested_on_its_component(
    found: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "labelled.circuit"
    path.write_bytes(found.read_bytes())
    _ask(capsys, "label", "set", path, "a2.h6@END", "Name Mover")
    test = ["--target", "a2.h6@END", "--test", "answer", "--counterfactual", "name-swapped", "--prompts", 8]
    (outcome,) = _ask(capsys, "label", "test", path, *test)
    assert outcome["outcome"]["verdict"] == "holds"
    assert open_document(path).state.labels["a2.h6@END"].text == "Name Mover"


def test_circuits_at_other_spans_are_not_compared(
    found: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Another draw of the same task has the same spans; a circuit of the whole prompt has none."""
    other, plain = tmp_path / "other.circuit", tmp_path / "plain.circuit"
    assert main(["discover", *SEARCH, "--seed", "7", "--edges", "80", "-o", str(other)]) == 0
    assert 0 < _ask(capsys, "compare", found, other)["edges"]["iou"] < 1
    assert main(["discover", *SEARCH[:-1], "--edges", "80", "-o", str(plain)]) == 0
    assert main(["compare", str(found), str(plain)]) != 0
    assert "not at the same spans" in capsys.readouterr().err


def test_formats_without_spans_say_so(
    found: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["export", str(found), "-o", str(tmp_path / "x.json")]) != 0
    assert "this circuit is by span" in capsys.readouterr().err


def test_texts_say_how_it_was_found(found: Path) -> None:
    document = open_document(found)
    said = methods_paragraph(document)
    assert "at each span of the prompts (Haklay et al. 2025)" in said and "edges between components)" in said
    assert "by_span=True" in python_script(document)


def test_methods_that_do_not_are_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["discover", "--by-span", "--method", "path-patching", "--prompts", "2"]) != 0
    assert "'path-patching' does not score edges by span" in capsys.readouterr().err
    assert main(["discover", *SEARCH, "--edges", "99999"]) != 0
    assert "has 8,929 edges" in capsys.readouterr().err


def test_a_plain_circuit_of_a_task_with_spans_is_as_before(tmp_path: Path) -> None:
    path = tmp_path / "plain.circuit"
    assert main(["discover", "--prompts", "4", "--method", "eap", "--edges", "20", "-o", str(path)]) == 0
    origin = open_document(path).state.origin
    assert origin is not None and not origin.by_span and "--by-span" not in origin.command_line()
    assert isinstance(State(origin).measurement_key, str)
