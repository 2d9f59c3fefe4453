"""Edges that a method was not asked to score have no score in any file, where a measured 0 stands as 0."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import networkx as nx
import numpy as np

from circuitviz.document import Document, State
from circuitviz.formats import export_document, open_document, save_document
from circuitviz.graph import Circuit, Graph, ModelShape, Scores

GRAPH = Graph.transformer(ModelShape(2, 4, 16, 2))
ZERO, SCORED, UNSCORED = "a1.h0->logits", "a0.h1->a1.h0<q>", "input->a0.h1<q>"


def document(is_whole: bool = False) -> Document:
    """A circuit of three edges: one of score 0, one of score 0.5, and one that was added without a score."""
    values, examined = np.zeros(GRAPH.mask.shape), np.zeros_like(GRAPH.mask)
    values[GRAPH.edge(SCORED)] = 0.5
    for name in (ZERO, SCORED):
        examined[GRAPH.edge(name)] = True
    scores = Scores(GRAPH, values, "exact", examined=None if is_whole else examined)
    return Document(State(scores=scores, circuit=Circuit.from_names(GRAPH, [ZERO, SCORED, UNSCORED])))


def test_circuit_files_keep_which_edges_have_a_score(tmp_path: Path) -> None:
    save_document(document(), tmp_path / "a.circuit")
    state = open_document(tmp_path / "a.circuit").state
    assert np.array_equal(state.scores.examined, document().state.scores.examined)
    save_document(document(is_whole=True), tmp_path / "b.circuit")
    assert open_document(tmp_path / "b.circuit").state.scores.examined is None


def test_tables_and_graphs_leave_the_score_out(tmp_path: Path) -> None:
    export_document(document(), tmp_path / "a.csv")
    with (tmp_path / "a.csv").open(encoding="utf-8") as file:
        rows = {f"{row['sender']}->{row['receiver']}": row["score"] for row in csv.DictReader(file)}
    assert rows == {SCORED: "0.5", ZERO: "0.0", UNSCORED: ""}
    export_document(document(), tmp_path / "a.graphml")
    edges = nx.read_graphml(tmp_path / "a.graphml").edges(data=True)
    assert sorted(data.get("score", "none") for *_, data in edges if data["receiver"] != "a0.h1<q>") == [
        0,
        0.5,
    ]
    assert [data.get("score") for *_, data in edges if data["receiver"] == "a0.h1<q>"] == [None]


def test_eap_json_lists_scored_edges_and_those_of_the_circuit(tmp_path: Path) -> None:
    export_document(document(), tmp_path / "a.json")
    edges = json.loads((tmp_path / "a.json").read_text())["edges"]
    assert {name: entry["score"] for name, entry in edges.items()} == {ZERO: 0, SCORED: 0.5, UNSCORED: 0}
