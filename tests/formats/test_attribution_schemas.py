"""Attribution graphs that we write pass circuit-tracer's and Neuronpedia's rules and say all that is known."""

from __future__ import annotations

import copy
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from attribution_rules import NEURONPEDIA, TRACER, faults
from hypothesis import given
from test_foreign_files import graph_file
from test_round_trips import SLOW, documents

from circuitviz.document import Document, Group, Label, State
from circuitviz.document.attribution_query import ATTRIBUTION_GRAPH, LOGIT_DIFF_TARGET, AttributionQuery
from circuitviz.features import load_dictionaries
from circuitviz.formats import export_document, import_document
from circuitviz.progress import run_to_completion
from circuitviz.resources import resource_path
from circuitviz.workbench.prompt_session import open_prompt

EXAMPLE = Path(__file__).with_name("example_np_graph.json")
PROMPT = "Then Ian and Betty went to the theater. Betty wanted to give a camera to"


def exported(document: Document, folder: Path) -> dict[str, Any]:
    path = folder / "written.graph.json"
    export_document(document, path)
    data: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return data


def test_the_rules_take_the_example_and_nothing_without_what_is_required() -> None:
    """The control: the rules are neither too strict nor too lax."""
    example = json.loads(EXAMPLE.read_text())
    assert not faults(example)
    for rules in (TRACER, NEURONPEDIA):
        for part, (needed, _) in rules.items():
            assert faults({key: value for key, value in example.items() if key != part})
            for key in needed:
                broken = copy.deepcopy(example)
                entry = broken[part][0] if isinstance(broken[part], list) else broken[part]
                del entry[key]
                assert faults(broken), (part, key)
                entry[key] = 3.5
                assert faults(broken) or key == "weight", (part, key)


@pytest.fixture(scope="module", params=["likely logits", "a difference"])
def answered(request: pytest.FixtureRequest, demo: Any) -> Any:
    """The demo's attribution graph as the command line makes it, its table and targets."""
    more = (
        {}
        if request.param == "likely logits"
        else {"target": LOGIT_DIFF_TARGET, "correct": (" Ian",), "incorrect": (" Betty",)}
    )
    question = AttributionQuery("demo", PROMPT, method=ATTRIBUTION_GRAPH, rows=300, **more)
    opened = open_prompt(
        demo.model, question, load_dictionaries([resource_path("demo", "dictionaries")], demo.model)
    )
    answer = run_to_completion(opened.find_circuit(question))
    return opened, Document(State(answer.origin, answer.scores, answer.circuit))


def test_our_graph_passes_both_schemas_and_says_everything(answered: Any, tmp_path: Path, demo: Any) -> None:
    opened, document = answered
    state, table = document.state, opened.table
    data = exported(document, tmp_path)
    assert not faults(data)
    metadata, nodes = data["metadata"], {node["circuitviz"]["name"]: node for node in data["nodes"]}
    strings = demo.model.tokens.token_strings(table.run.tokens.tolist())
    assert (
        metadata["prompt_tokens"] == strings
        and "".join(strings).endswith(PROMPT)
        and metadata["prompt"] == PROMPT
    )
    assert metadata["scan"] == "demo" and metadata["transcoder_list"] and metadata["schema_version"] == 1
    assert metadata["node_threshold"] == 0.8
    assert metadata["pruning_settings"] == {"node_threshold": 0.8, "edge_threshold": 0.98}
    assert (
        metadata["info"]["generator"]["name"] == "circuitviz" and metadata["info"]["create_time_ms"] > 1.7e12
    )
    assert data["qParams"] == {
        "linkType": "both",
        "pinnedIds": [],
        "supernodes": [],
        "clickedId": "",
        "sg_pos": "",
    }
    assert [f"token@{i}" in nodes for i in range(len(strings))] == [True] * len(strings)
    likely = torch.softmax(table.run.logits, -1)
    first = max(opened.targets, key=lambda target: target.weight).node.name
    for name, node in nodes.items():
        if node["feature_type"] == "logit" and state.circuit.graph.node(name).token is not None:
            token = state.circuit.graph.node(name).token
            assert node["token_prob"] == pytest.approx(float(likely[token])) and node["activation"] is None
            assert (
                node["clerp"]
                == f'Output "{demo.model.tokens.token_strings([token])[0]}" (p={float(likely[token]):.3f})'
            )
        elif node["feature_type"] == "logit":
            assert node["clerp"] == ""  # a difference is no token
        else:
            assert 0 < node["influence"] <= 1 and node["clerp"] == "" and node["token_prob"] == 0
        assert node["is_target_logit"] == (name == first)
        if node["feature_type"] in ("cross layer transcoder", "attention feature"):
            assert node["activation"] == pytest.approx(float(table.activation[table.index(name)]), rel=1e-6)
        elif node["feature_type"] != "logit":
            assert node["activation"] is None
    held = state.scores.info["influence"]
    inner = sorted((n for n in nodes if n in held), key=lambda n: -held[n])
    shares = [nodes[n]["influence"] for n in inner]
    assert shares == sorted(shares)
    kept = [nodes[n]["influence"] - held[n] / sum_of(opened) for n in inner if not n.startswith("token")]
    assert max(kept) < 0.8  # without its own share a node lies below the threshold


def sum_of(opened: Any) -> float:
    """All influence of the graph, of nodes that were pruned too."""
    return float(next(iter(opened._graphs.values())).influence.sum())


def test_our_graph_comes_back(answered: Any, tmp_path: Path) -> None:
    _, document = answered
    marked = Document(document.state)
    features = [
        n.name
        for n in document.state.circuit.graph.nodes
        if n.feature is not None and n.name in document.state.circuit.node_names
    ]
    sink = document.state.circuit.graph.nodes[-1].name
    marked.set_state(
        replace(
            document.state,
            labels={features[0]: Label("a <label>", "#102030"), sink: Label("what is said")},
            groups={
                "two": Group(frozenset(features[1:3]), "#405060"),
                "more": Group(frozenset(features[3:6]), collapsed=True),
            },
        )
    )
    marked.view = {"selected": {"nodes": [features[4]], "edges": []}}
    data = exported(marked, tmp_path)
    assert not faults(data)
    ids = {node["circuitviz"]["name"]: node["node_id"] for node in data["nodes"]}
    assert data["qParams"]["clickedId"] == ids[features[4]]
    assert set(data["qParams"]["pinnedIds"]) == {ids[name] for name in features[1:6]}
    again = import_document(tmp_path / "written.graph.json")
    ours, theirs = marked.state, again.state
    assert set(theirs.circuit.edge_names) == set(ours.circuit.edge_names)
    assert {n.name: n for n in theirs.circuit.graph.nodes} == {n: ours.circuit.graph.node(n) for n in ids}
    for name in ours.circuit.edge_names:
        assert (
            theirs.scores.values[theirs.circuit.graph.edge(name)]
            == ours.scores.values[ours.circuit.graph.edge(name)]
        )
    assert dict(theirs.labels) == dict(ours.labels)
    # the group that holds the chosen node stands open, all else is as it was
    assert (
        theirs.groups["two"] == ours.groups["two"]
        and theirs.groups["more"].nodes == ours.groups["more"].nodes
    )
    assert not theirs.groups["more"].collapsed and again.view["selected"]["nodes"] == [features[4]]
    before, after = ours.scores.info, theirs.scores.info
    for key in ("targets", "replacement_score", "completeness_score", "unread", "node_share", "edge_share"):
        assert after[key] == before[key]
    for key in ("influence", "cumulative_influence", "probabilities", "shown"):
        assert after.get(key, {}) == {n: v for n, v in before.get(key, {}).items() if n in ids}
    assert {n: before["activations"][n] for n in after["activations"]} == after["activations"]
    assert {*features, sink} <= set(after["activations"])
    assert after["prompt"]["strings"] == list(before["prompt"]["strings"])
    assert exported(again, tmp_path) == {
        **data,
        "metadata": {**data["metadata"], "circuitviz": exported(again, tmp_path)["metadata"]["circuitviz"]},
    }


@given(documents())
@SLOW
def test_every_circuit_that_we_write_passes_both_schemas(tmp_path: Path, document: Document) -> None:
    data = exported(document, tmp_path)
    assert not faults(data)
    again = import_document(tmp_path / "written.graph.json")
    assert not faults(exported(again, tmp_path))


def odd(kind: str) -> dict[str, Any]:
    """A file as the other tool leaves it: valid for one of the two, or for neither."""
    data = graph_file()
    if kind == "no view":
        del data["qParams"]
    elif kind == "nothing chosen":
        data["qParams"] = {"clickedId": None, "pinnedIds": None, "mine": 1}
    elif kind == "saved by circuit-tracer":  # its Save writes what stands in the address: texts
        data["qParams"] |= {
            "pinnedIds": "E_17_0,2_9_1",
            "supernodes": json.dumps([["names", "0_3_1", "2_9_1"]]),
            "clerps": json.dumps([["48", "own name"]]),
        }
    else:  # Neuronpedia lets layers be numbers and numbers of features be absent
        del data["metadata"]["transcoder_list"]
        for node in data["nodes"]:
            node |= {
                "layer": int(node["layer"]) if node["layer"].isdigit() else node["layer"],
                "feature": None,
                "clerp": "",
            }
    data["links"] = [link for link in data["links"] if link["source"] != "nowhere"]
    for node in data["nodes"]:
        if node["feature_type"] == "cross layer transcoder" and node["feature"] is not None:
            layer, index = int(node["layer"]), int(node["node_id"].split("_")[1])
            node["feature"] = (layer + index) * (layer + index + 1) // 2 + index
    return data


@pytest.mark.parametrize("kind", ["no view", "nothing chosen", "saved by circuit-tracer", "Neuronpedia"])
def test_what_other_tools_left_out_is_there_when_we_write(tmp_path: Path, kind: str) -> None:
    path, before = tmp_path / "a.graph.json", odd(kind)
    path.write_text(json.dumps(before))
    assert faults(before)
    document = import_document(path)
    data = exported(document, tmp_path)
    assert not faults(data)
    assert data["mine"] == {"kept": True} and data["metadata"]["mine"] == [1]
    if kind == "saved by circuit-tracer":
        assert (
            data["qParams"]["pinnedIds"] == ["E_17_0", "2_9_1"]
            and data["qParams"]["clerps"] == before["qParams"]["clerps"]
        )
        assert data["qParams"]["supernodes"] == [["names", "0_3_1", "2_9_1"]]
        assert document.state.scores is not None and document.state.scores.info["pinned"] == [
            "m2.f9@1",
            "token@0",
        ]
    if kind == "nothing chosen":
        assert data["qParams"]["mine"] == 1 and data["qParams"]["linkType"] == "both"


def test_numbers_of_features_are_understood_by_schema(tmp_path: Path) -> None:
    """Where an id does not say the index, the number does: Cantor's pairing, or layer · 100,000 + index."""
    path, data = tmp_path / "a.graph.json", graph_file(qParams={}, links=[])
    for node, number in zip(data["nodes"][1:3], (200_009, (0 + 3) * (0 + 3 + 1) // 2 + 3), strict=True):
        node |= {"node_id": f"x{number}", "feature": number}
    path.write_text(json.dumps(data))
    state = import_document(path).state
    assert state.circuit is not None
    assert {n.feature for n in state.circuit.graph.nodes if n.feature is not None} == {9, 3}
    assert np.count_nonzero(state.scores.values) == 0  # type: ignore[union-attr]
