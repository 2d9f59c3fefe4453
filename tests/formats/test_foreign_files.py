"""EAP-IG's and circuit-tracer's files come back as they were, and as they are now after a change."""

from __future__ import annotations

import json
import random
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from test_round_trips import documents, feature_graph, same

from circuitviz.document import Document, Group, Label, State, restore_all, set_label, toggle_ablation
from circuitviz.errors import InputError
from circuitviz.formats import export_document, import_document, open_document, save_document
from circuitviz.graph import Circuit, Graph, ModelShape, NodeKind, Scores

SLOW = settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
NUMBER = st.floats(allow_nan=False) | st.integers(-(10**6), 10**6)
ANYTHING = st.recursive(
    st.none() | st.booleans() | NUMBER | st.text(max_size=5),
    lambda x: st.lists(x, max_size=2) | st.dictionaries(st.text(max_size=3), x, max_size=2),
    max_leaves=4,
)
MORE = st.dictionaries(st.text(max_size=4).map(lambda s: "x" + s), ANYTHING, max_size=2)


@st.composite
def eap_files(draw: st.DrawFn) -> dict[str, Any]:
    """What EAP-IG and MIB write, with what they may add, and what may be missing."""
    shape = draw(
        st.sampled_from(
            [
                ModelShape(1, 2, 8),
                ModelShape(1, 4, 8, 2),
                ModelShape(1, 1, 8, None, True),
                ModelShape(2, 1, 4, mlp=False),
            ]
        )
    )
    whole = Graph.transformer(replace(shape, n_kv_heads=None))  # files repeat a receiver for each head
    pick, names = random.Random(draw(st.integers(0, 999))), list(whole.edge_names(whole.mask))
    pick.shuffle(names)
    edges = {
        name: {"score": pick.gauss(0, 1), "in_graph": pick.random() < 0.5}
        for name in names[pick.randrange(3) :]
    }
    for name in draw(st.lists(st.sampled_from(names), max_size=3)):
        edges[name] = {"in_graph": draw(st.booleans()), **draw(MORE), "score": draw(NUMBER)}
    nodes = {node.name: {"in_graph": pick.random() < 0.5} for node in whole.nodes}
    for node in draw(st.lists(st.sampled_from(whole.nodes), max_size=2)):
        nodes[node.name] |= {"score": draw(NUMBER), "neurons": [True], "neurons_scores": [0.5], **draw(MORE)}
    cfg = {
        "n_layers": shape.n_layers,
        "n_heads": shape.n_heads,
        "parallel_attn_mlp": shape.parallel,
        "d_model": shape.d_model,
        **draw(MORE),
    }
    if shape.has_grouped_queries:
        cfg["n_key_value_heads"] = shape.kv_heads
    if not shape.mlp and draw(st.booleans()):
        cfg["attn_only"] = True
    return {"cfg": cfg, "nodes": nodes, "edges": edges, **draw(MORE)}


@given(eap_files())
@SLOW
def test_an_eap_ig_file_comes_back_also_through_a_document(tmp_path: Path, data: dict[str, Any]) -> None:
    first, kept, again = tmp_path / "a.json", tmp_path / "a.circuit", tmp_path / "b.json"
    first.write_text(json.dumps(data))
    document = import_document(first)
    export_document(document, again)
    assert json.loads(again.read_text()) == data
    save_document(document, kept)
    export_document(open_document(kept), again)
    assert json.loads(again.read_text()) == data


def test_a_change_goes_into_an_eap_ig_file_and_the_rest_stays(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    edge = {"score": float("nan"), "in_graph": True, "mine": 1}
    data = {
        "cfg": {"n_layers": 1, "n_heads": 1, "d_model": 4}, "seed": 7,
        "nodes": {"a0.h0": {"in_graph": True, "score": 0.25}, "m0": {"in_graph": True}},
        "edges": {"input->m0": edge, "a0.h0->m0": {"score": 2, "in_graph": True}, "m0->logits": {"score": 1, "in_graph": True}},
    }  # fmt: skip
    path.write_text(json.dumps(data))
    document = import_document(path)
    document.apply_command(toggle_ablation(["a0.h0"]))
    export_document(document, path)
    text = path.read_text()
    now = json.loads(text)
    assert now["seed"] == 7 and now["edges"]["a0.h0->m0"] == {"score": 2, "in_graph": False}
    assert now["nodes"]["a0.h0"] == {"in_graph": False, "score": 0.25}
    assert (
        now["edges"]["input->m0"]["mine"] == 1 and "NaN" in text and set(now["edges"]) == set(data["edges"])
    )
    document.apply_command(restore_all())
    export_document(document, path)
    assert json.loads(path.read_text())["nodes"]["a0.h0"] == {"in_graph": True, "score": 0.25}


def graph_file(**changes: Any) -> dict[str, Any]:
    """A graph as circuit-tracer writes it: a token, two features, an error by a new id, two logits."""

    def node(node_id: str, layer: str, at: int, kind: str, clerp: str = "", **more: Any) -> dict[str, Any]:
        short = node_id.rsplit("_", 1)[0]
        return {
            "node_id": node_id,
            "feature": 7,
            "layer": layer,
            "ctx_idx": at,
            "feature_type": kind,
            "jsNodeId": f"{short}-0",
            "clerp": clerp,
            "influence": 0.4,
            **more,
        }

    tracer = "cross layer transcoder"
    made = {
        "metadata": {"slug": "s", "scan": "gemma-2-2b", "prompt": "ab", "prompt_tokens": ["a", "b"], "transcoder_list": [], "schema_version": 1, "mine": [1]},
        "qParams": {"linkType": "both", "pinnedIds": ["E_17_0"], "supernodes": [["names", "0_3_1", "2_9_1"]], "clickedId": "2_9_1", "sg_pos": ""},
        "nodes": [
            node("4_5_1", "4", 1, "logit", 'Output " b" (p=0.3)', token_prob=0.3, is_target_logit=True, influence=None),
            node("2_9_1", "2", 1, tracer, "male names", activation=31.5),
            node("0_3_1", "0", 1, tracer, activation=2),
            node("1_-1_1", "1", 1, "mlp reconstruction error"),
            node("E_17_0", "E", 0, "embedding", 'Emb: "a"', qk_tracing_results={"deep": [None]}),
            node("4_6_1", "4", 1, "logit"),
        ],
        "links": [
            {"source": "2_9_1", "target": "4_5_1", "weight": -0.4, "mine": "x"},
            {"source": "E_17_0", "target": "0_3_1", "weight": 1.25},
            {"source": "0_3_1", "target": "2_9_1", "weight": 3},
            {"source": "1_-1_1", "target": "2_9_1", "weight": 1e-9},
            {"source": "2_9_1", "target": "2_9_1", "weight": 1.0},
            {"source": "nowhere", "target": "2_9_1", "weight": 1.0},
        ],
        "mine": {"kept": True},
    }  # fmt: skip
    return {**made, **changes}


def normal(data: dict[str, Any]) -> dict[str, Any]:
    """Links are a set."""
    return {**data, "links": sorted(data["links"], key=lambda x: (x["source"], x["target"], x["weight"]))}


@pytest.mark.parametrize("name", ["a.graph.json", "a.json"])
def test_an_attribution_graph_is_understood_and_comes_back(tmp_path: Path, name: str) -> None:
    path, kept, again = tmp_path / name, tmp_path / "a.circuit", tmp_path / "b.graph.json"
    path.write_text(json.dumps(graph_file()))
    document = import_document(path)
    state = document.state
    assert state.circuit is not None and state.scores is not None
    graph = state.circuit.graph
    feature = graph.node("m2.f9@1")
    assert (feature.kind, feature.layer, feature.feature, feature.position) == (NodeKind.FEATURE, 2, 9, 1)
    assert graph.node("m1.error@1").kind is NodeKind.ERROR and graph.node("token@0").token == 17
    assert {n.name for n in graph.nodes[-2:]} == {"logit.5@1", "logit.6@1"} and graph.sinks == 2
    assert graph.shape.n_layers == 3
    assert state.scores.values[graph.edge("m2.f9@1->logit.5@1")] == -0.4
    assert dict(state.labels) == {
        "m2.f9@1": Label("male names", "")
    }  # what is no label: a logit's token, 'Emb:'
    info = state.scores.info
    assert info["prompt"] == {"strings": ["a", "b"]} and info["pinned"] == ["token@0"]
    assert info["activations"] == {"m2.f9@1": 31.5, "m0.f3@1": 2} and info["shown"] == {"logit.5@1": " b"}
    assert set(info["cumulative_influence"].values()) == {0.4} and info["probabilities"] == {"logit.5@1": 0.3}
    assert state.groups["names"].nodes == {"m0.f3@1", "m2.f9@1"}
    assert document.view["selected"]["nodes"] == ["m2.f9@1"]
    for made in (document, open_document_of(document, kept)):
        export_document(made, again)
        assert normal(json.loads(again.read_text())) == normal(graph_file())


def open_document_of(document: Any, path: Path) -> Any:
    save_document(document, path)
    return open_document(path)


def test_what_a_person_changes_goes_into_the_graph_and_the_rest_stays(tmp_path: Path) -> None:
    path = tmp_path / "a.graph.json"
    style = json.dumps([["names", "0_3_1", "2_9_1"], ["overlaps", "2_9_1", "E_17_0"]])
    params = {
        "supernodes": style,
        "pinnedIds": "E_17_0",
        "clerps": json.dumps([["2_9_1", "old name"], ["x_1_1", "?"]]),
    }
    path.write_text(json.dumps(graph_file(qParams=params)))
    document = import_document(path)
    assert document.state.labels["m2.f9@1"].text == "old name"
    document.apply_command(set_label("m2.f9@1", Label("new name", "")))
    document.apply_command(toggle_ablation(["m1.error@1"]))
    more = {**document.state.groups, "mine": Group(frozenset({"token@0"}))}
    document.set_state(replace(document.state, groups=more))
    export_document(document, path)
    now = json.loads(path.read_text())
    nodes = {node["node_id"]: node for node in now["nodes"]}
    assert nodes["2_9_1"]["clerp"] == "new name" and nodes["2_9_1"]["activation"] == 31.5
    assert nodes["1_-1_1"]["circuitviz"]["ablated"] is True
    assert all(x["circuitviz"] == {"live": False} for x in now["links"] if x["source"] == "1_-1_1")
    assert import_document(path).state.ablated_nodes == {"m1.error@1"}
    assert json.loads(now["qParams"]["clerps"]) == [["2_9_1", "new name"], ["x_1_1", "?"]]
    assert now["qParams"]["supernodes"] == [
        ["names", "0_3_1", "2_9_1"],
        ["mine", "E_17_0"],
        ["overlaps", "2_9_1", "E_17_0"],
    ]
    assert now["qParams"]["pinnedIds"] == ["E_17_0"] and now["mine"] == {"kept": True}
    assert nodes["E_17_0"] == graph_file()["nodes"][4]


def test_old_ids_of_errors_collide_with_features_and_are_told_apart(tmp_path: Path) -> None:
    """Old files call the error of layer 2 at position 1 '0_2_1', as feature 2 of layer 0 is called."""
    path, again, data = tmp_path / "a.graph.json", tmp_path / "b.graph.json", graph_file()
    old = [dict(node) for node in data["nodes"]]
    old[3] |= {"node_id": "0_2_1", "layer": "1"}
    old.append({**old[2], "node_id": "0_2_1", "layer": "0"})
    links = [
        {"source": "0_2_1", "target": "2_9_1", "weight": 0.5},
        {"source": "0_2_1", "target": "2_9_1", "weight": 0.25},
        {"source": "E_17_0", "target": "0_2_1", "weight": 4.0},
    ]
    path.write_text(json.dumps({**data, "nodes": old, "links": links}))
    document = import_document(path)
    state = document.state
    assert state.circuit is not None
    assert set(state.circuit.edge_names) == {"m1.error@1->m2.f9@1", "m0.f2@1->m2.f9@1", "token@0->m0.f2@1"}
    export_document(document, again)
    assert normal(json.loads(again.read_text())) == normal({**data, "nodes": old, "links": links})


def test_edges_through_scores_are_no_links_of_an_attribution_graph(tmp_path: Path) -> None:
    graph = feature_graph(has_score_edges=True)
    state = State(None, Scores(graph, graph.mask * 0.5, "hierarchical-attribution"), Circuit.full(graph))
    export_document(Document(state), tmp_path / "a.graph.json")
    links = json.loads((tmp_path / "a.graph.json").read_text())["links"]
    held = [name for name in graph.edge_names(graph.mask) if not name.endswith(">")]
    assert len(links) == len(held) < graph.n_edges


@given(documents(score_edges=False))
@SLOW
def test_our_own_circuits_come_back_from_an_attribution_graph(tmp_path: Path, before: Any) -> None:
    path = tmp_path / "a.graph.json"
    before.set_state(replace(before.state, labels={k: v for k, v in before.state.labels.items() if v.text}))
    export_document(before, path)
    data = json.loads(path.read_text())
    assert {"slug", "scan", "prompt", "prompt_tokens"} <= set(data["metadata"])
    for node in data["nodes"]:
        assert {"node_id", "feature", "layer", "ctx_idx", "feature_type", "jsNodeId", "clerp"} <= set(node)
    ids = {node["node_id"] for node in data["nodes"]}
    assert len(ids) == len(data["nodes"]) and all({x["source"], x["target"]} <= ids for x in data["links"])
    after = import_document(path)
    same(before, after)
    export_document(after, path)
    assert json.loads(path.read_text()) == data


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"nodes": [{}]}, "lacks node_id"),
        ({"nodes": []}, "0 nodes"),
        ({"nodes": 3}, "no attribution graph"),
        ({"links": [{"source": "E_17_0"}]}, "target"),
        ({"links": [{"source": "E_17_0", "target": "0_3_1", "weight": "heavy"}]}, "heavy"),
        (
            {
                "links": [
                    {"source": "0_3_1", "target": "2_9_1", "weight": 1},
                    {"source": "2_9_1", "target": "0_3_1", "weight": 1},
                ]
            },
            "circle",
        ),
        ({"nodes": graph_file()["nodes"] * 2500}, "prune it first"),
        ({"metadata": {"circuitviz": {"shape": {"n_layers": 10**9, "n_heads": 1, "d_model": 1}}}}, "layers"),
    ],
)
def test_what_is_no_attribution_graph_is_told(tmp_path: Path, change: dict[str, Any], says: str) -> None:
    path = tmp_path / "a.graph.json"
    path.write_text(json.dumps(graph_file(**change)))
    with pytest.raises(InputError, match=says) as told:
        import_document(path)
    assert "a.graph.json" in str(told.value)


def test_features_cannot_be_written_as_eap_ig(tmp_path: Path) -> None:
    path = tmp_path / "a.graph.json"
    path.write_text(json.dumps(graph_file()))
    document = import_document(path)
    with pytest.raises(InputError, match="heads and MLPs"):
        export_document(document, tmp_path / "b.json")
    for suffix in ("graphml", "dot", "csv", "nodes.csv"):
        export_document(document, tmp_path / f"b.{suffix}")
    for suffix in ("graphml", "csv"):
        after = import_document(tmp_path / f"b.{suffix}").state
        assert after.circuit is not None and document.state.circuit is not None
        assert set(after.circuit.edge_names) == set(document.state.circuit.edge_names)
        assert np.count_nonzero(after.scores.values) == 4  # type: ignore[union-attr]
        facts = ("activations", "cumulative_influence", "probabilities")
        told = {
            key: {
                n: v
                for n, v in document.state.scores.info[key].items()
                if n in after.circuit.node_names or "logit" in n
            }
            for key in facts
        }  # type: ignore[union-attr]
        assert {key: after.scores.info[key] for key in facts} == told  # type: ignore[union-attr]


def test_numbers_that_no_float_holds_are_refused_in_a_sentence(tmp_path: Path) -> None:
    path = tmp_path / "one.json"
    cfg = {"n_layers": 1, "n_heads": 1, "parallel_attn_mlp": False, "d_model": 2}
    edges = {"input->logits": {"score": 10**400, "in_graph": True}}
    path.write_text(json.dumps({"cfg": cfg, "nodes": {}, "edges": edges}))
    with pytest.raises(InputError, match="too large"):
        import_document(path)


def test_a_small_file_of_a_large_model_is_kept_small(tmp_path: Path) -> None:
    """GPT-2 small has 32,491 edges, GPT-2 XL 2.2 million: what a file does not list is neither kept nor written."""
    edges = {
        "a0.h1->logits": {"score": 0.5, "in_graph": True},
        "m3->m5": {"score": 0.0, "in_graph": False},
        "input->a2.h0<q>": {"score": 0.0, "in_graph": False, "note": "theirs"},
    }
    cfg = {"n_layers": 12, "n_heads": 12, "parallel_attn_mlp": False, "d_model": 768}
    path = tmp_path / "small.json"
    path.write_text(json.dumps({"cfg": cfg, "nodes": {"m0": {"in_graph": False}}, "edges": edges}))
    document = import_document(path)
    assert len(json.dumps(document.extra)) < 40_000
    saved = tmp_path / "again.circuit"
    save_document(document, saved)
    export_document(open_document(saved), tmp_path / "again.json")
    assert json.loads((tmp_path / "again.json").read_text()) == json.loads(path.read_text())
