"""``.circuit`` files: everything comes back, damage is one clear sentence, the disk may be full."""

from __future__ import annotations

import errno
import json
import os
import random
import zipfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from circuitviz.document import Document, Group, Label, State, TaskOrigin, ViewFilters
from circuitviz.errors import InputError
from circuitviz.formats import export_document, import_document, open_document, save_document
from circuitviz.graph import Graph, ModelShape, Scores

SHAPES = [
    ModelShape(2, 4, 16),
    ModelShape(2, 4, 16, 2),
    ModelShape(1, 2, 8, None, True),
    ModelShape(2, 2, 8, mlp=False),
]
TEXT = st.text(max_size=12)


def document(shape: ModelShape, seed: int, text: str = "Name Mover") -> Document:
    graph, pick = Graph.transformer(shape), np.random.default_rng(seed)
    scores = Scores(graph, pick.normal(size=graph.mask.shape), "eap-ig", {"steps": 5})
    where = TaskOrigin(
        "demo", "ab" * 32, "ioi", "cd" * 32, ((text, "b", (" Mary",), (" John", " x")),),
        "logit-diff", "corrupted", "eap-ig", {"steps": 5}, "greedy", 20, 1, 0, None,
        versions={"torch": "2"}, machine="m", seconds=1.5, created="2026",
    )  # fmt: skip
    circuit = scores.greedy(min(20, graph.n_edges))
    nodes = [n for n in circuit.node_names if n != "logits"]
    state = State(
        where,
        scores,
        circuit,
        frozenset(nodes[:1]),
        frozenset(circuit.edge_names[:2]),
        labels={nodes[-1]: Label(text, "#102030")},
        positions={nodes[-1]: (1.5, -2.0)},
        groups={
            text.replace("->", "").strip() or "inner": Group(
                frozenset(nodes[:1]), "#203040", True, (0.5, 7.0)
            ),
            "a group around it": Group(frozenset(nodes[:2])),
        },
        filters=ViewFilters(most=3, hidden_signs=frozenset({"negative"}), low=1),
    )
    made = Document(state)
    made.view = {"layout": "grid"}
    made.curve = [{"asked": 1, "edges": 1, "value": 0.5, "low": None, "high": 0.7}]
    made.store_evaluation(
        state.measurement_key,
        {
            "faithfulness": {"value": 0.123456789012345, "low": 0, "high": 1},
            "metric": {"circuit": 1.0, "model": 2.0, "ablated": 0.5},
            "setting": {"metric": "logit-diff", "ablation": "corrupted", "prompts": 1, "seed": 0},
            "edges": 20,
        },
    )
    made.extra = {"from the future": {"kept": [1, 2]}}
    return made


@given(st.sampled_from(SHAPES), st.integers(0, 1000), TEXT)
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_everything_comes_back(tmp_path: Path, shape: ModelShape, seed: int, text: str) -> None:
    before, path = document(shape, seed, text), tmp_path / "a.circuit"
    save_document(before, path)
    after = open_document(path)
    assert after.state.hash == before.state.hash
    assert after.state.origin == before.state.origin
    assert after.evaluation == before.evaluation is not None
    assert (after.view, after.curve, after.extra) == (before.view, before.curve, before.extra)
    assert not after.is_dirty and after.path == path
    first = path.read_bytes()
    save_document(after, path)
    assert path.read_bytes() == first


def test_damage_is_one_sentence_and_nothing_else(tmp_path: Path) -> None:
    good = tmp_path / "good.circuit"
    save_document(document(SHAPES[0], 1), good)
    data, pick, opened = good.read_bytes(), random.Random(0), 0
    bad = tmp_path / "bad.circuit"
    for _ in range(600):
        broken = bytearray(data)
        for _ in range(pick.choice((1, 1, 3, 20))):
            broken[pick.randrange(len(broken))] = pick.randrange(256)
        if pick.random() < 0.4:
            del broken[pick.randrange(len(broken)) :]
        bad.write_bytes(bytes(broken))
        try:
            open_document(bad)
            opened += 1
        except InputError as error:
            assert "\n" not in str(error) and len(str(error)) < 600
    assert opened < 600


def rewritten(good: Path, path: Path, change) -> Path:  # type: ignore[no-untyped-def]
    with zipfile.ZipFile(good) as old, zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as new:
        manifest = json.loads(old.read("document.json"))
        change(manifest)
        new.writestr("document.json", json.dumps(manifest))
        new.writestr("tensors.safetensors", old.read("tensors.safetensors"))
    return path


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda m: m.update(version=99), "newer circuitviz"),
        (lambda m: m["graph"].update(n_layers=3), "shape"),
        (lambda m: m["graph"].update(n_layers=10**9), "layers"),
        (lambda m: m["ablated"].update(nodes=["a9.h9"]), "no node"),
        (lambda m: m.update(labels={"m0": {"text": "x", "colour": "red; }"}}), "colour"),
        (lambda m: m["groups"]["a group around it"].update(nodes=["a9.h9"]), "no node"),
        (lambda m: m["groups"]["a group around it"].update(nodes=[]), "0 nodes"),
        (lambda m: m["groups"].update(m0=m["groups"].pop("a group around it")), "a node 'm0'"),
        (lambda m: m.update(groups=["Name Movers"]), "do not fit"),
        (lambda m: m["filters"].update(most="few"), "filter 'most' is 'few'"),
        (lambda m: m.pop("positions"), "do not fit"),
        (
            lambda m: m["curve"][0].update(value="high"),
            r"curve\[0\].value is 'high'; a number would be right",
        ),
        (
            lambda m: m["evaluations"].update(x={"faithfulness": 3}),
            "evaluations.x.faithfulness is '3'; an object",
        ),
        (lambda m: m.update(provenance={"pairs": 3}), "provenance.pairs is '3'; a list"),
    ],
)
def test_contents_that_do_not_fit(tmp_path: Path, change, says: str) -> None:  # type: ignore[no-untyped-def]
    good = tmp_path / "good.circuit"
    save_document(document(SHAPES[0], 1), good)
    with pytest.raises(InputError, match=says):
        open_document(rewritten(good, tmp_path / "bad.circuit", change))


def test_foreign_files_and_zip_bombs(tmp_path: Path) -> None:
    bomb = tmp_path / "bomb.circuit"
    with zipfile.ZipFile(bomb, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("document.json", b"0" * (64 * 2**20))
        archive.writestr("tensors.safetensors", b"")
    foreign = tmp_path / "foreign.circuit"
    with zipfile.ZipFile(foreign, "w") as archive:
        archive.writestr("word/document.xml", "<x/>")
    text = tmp_path / "text.circuit"
    text.write_text("hello")
    for path, says in (
        (bomb, "unpacks to"), (foreign, "holds no document.json"), (text, "no zip file"),
        (tmp_path / "none.circuit", "There is no file"), (tmp_path, "is a folder"),
    ):  # fmt: skip
        with pytest.raises(InputError, match=says):
            open_document(path)


def test_a_full_disk_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path, made = tmp_path / "a.circuit", document(SHAPES[0], 1)
    save_document(made, path)
    before = path.read_bytes()

    def full(_handle: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(InputError, match="disk is full"):
        save_document(document(SHAPES[0], 2), path)
    assert path.read_bytes() == before and os.listdir(tmp_path) == ["a.circuit"]


@pytest.mark.parametrize("shape", SHAPES)
def test_eap_ig_json_comes_back(tmp_path: Path, shape: ModelShape) -> None:
    before, path = document(shape, 3), tmp_path / "a.json"
    export_document(before, path)
    data = json.loads(path.read_text())
    assert "kv" not in "".join(data["edges"]) and data["nodes"]["logits"]["in_graph"]
    after = import_document(path)
    assert after.state.circuit.edges.tolist() == before.state.live_circuit.edges.tolist()
    mask = after.state.circuit.graph.mask
    assert np.allclose(after.state.scores.values[mask], before.state.scores.values[mask])
    if shape.has_grouped_queries:  # each query head of a group holds its share of the key-value head's score
        place = before.state.scores.graph.edge("input->a0.kv1<v>")
        share = before.state.scores.values[place] / 2
        assert data["edges"]["input->a0.h2<v>"]["score"] == pytest.approx(share)


@pytest.mark.parametrize(
    ("text", "says"),
    [("{", "not valid JSON"), ("[" * 100_000, "JSON|nested"), ("{}", "needs the keys"),
     ('{"cfg": {}, "edges": {}}', "does not describe"),
     ('{"cfg": {"n_layers": 1, "n_heads": 1, "d_model": 4}, "edges": {"x->y": {}}}', "no edge")],
)  # fmt: skip
def test_foreign_json_is_told(tmp_path: Path, text: str, says: str) -> None:
    path = tmp_path / "a.json"
    path.write_text(text)
    with pytest.raises(InputError, match=says):
        import_document(path)


def test_an_attribution_graph_is_not_mistaken_for_eap_ig(tmp_path: Path) -> None:
    export_document(document(SHAPES[0], 4), tmp_path / "a.json")
    (tmp_path / "a.json").rename(tmp_path / "a.graph.json")
    with pytest.raises(InputError, match="no attribution graph"):
        import_document(tmp_path / "a.graph.json")


def test_changed_json_is_a_document_or_one_sentence(tmp_path: Path) -> None:
    """Values inside the manifest are exchanged, so the zip's own checks do not help."""
    good, bad, pick = tmp_path / "good.circuit", tmp_path / "bad.circuit", random.Random(1)
    save_document(document(SHAPES[0], 1), good)
    strange = [None, -1, 1e400, "x", [], {}, [[]], True, 10**12]

    def mutate(node):  # type: ignore[no-untyped-def]
        keys = list(node) if isinstance(node, dict) else list(range(len(node)))
        key = pick.choice(keys)
        if isinstance(node[key], dict | list) and node[key] and pick.random() < 0.8:
            mutate(node[key])
        else:
            node[key] = pick.choice(strange)

    for _ in range(300):
        try:
            open_document(rewritten(good, bad, mutate))
        except InputError as error:
            assert "\n" not in str(error)


def test_a_table_with_a_column_twice_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("sender,receiver,score,score\ninput,logits,1,2\n")
    with pytest.raises(InputError, match="the column 'score' is there twice"):
        import_document(path)


@pytest.mark.parametrize("suffix", ["csv", "dot", "graphml"])
def test_tables_hold_every_edge_and_say_which_are_out(tmp_path: Path, suffix: str) -> None:
    made, path = document(SHAPES[0], 4), tmp_path / f"a.{suffix}"
    export_document(made, path)
    text = path.read_text()
    number = {"csv": text.count("\n") - 1, "dot": text.count("->"), "graphml": text.count("<edge ")}
    assert number[suffix] == made.state.circuit.n_edges > made.state.live_circuit.n_edges


def test_agreements_of_earlier_versions_are_carried_along(tmp_path: Path) -> None:
    made, path = document(SHAPES[0], 4), tmp_path / "a.circuit"
    rounds = {"rounds": [{"kappa": 0.4, "low": None, "agreed": 2, "number": 3, "labels": {"m0": ["a", "b"]}}]}
    made.store_measure("agreement", rounds)
    for _ in range(2):  # from the file that an earlier version wrote, and from the one written of it
        save_document(made, path)
        made = open_document(path)
        assert made.measures["agreement"] == rounds
