"""What is made of a part is never lost: a site is opened and closed, and all stands where it stood."""

from __future__ import annotations

import random
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from circuitviz.document import (
    Document,
    Label,
    State,
    TaskOrigin,
    group_nodes,
    move_nodes,
    replace_circuit,
    set_label,
    switch_basis,
)
from circuitviz.document.detached_annotations import DetachedAnnotations
from circuitviz.errors import InputError
from circuitviz.formats import open_document, save_document
from circuitviz.graph import Graph, ModelShape, Node, NodeKind, Scores
from circuitviz.graph.feature_sites import graph_with_features

SHAPE = ModelShape(2, 4, 16)
SITES = ("a0", "m0", "a1", "m1")
WHERE = TaskOrigin("demo", "ab" * 32, "ioi", "cd" * 32, (("a", "b", (" c",), (" d",)),), "logit-diff", "corrupted",
                   "eap-ig", {}, "greedy", 20, 1, 0, None)  # fmt: skip


def graph(opened: frozenset[str]) -> Graph:
    """The model's graph with some sites in features."""
    if not opened:
        return Graph.transformer(SHAPE)
    return graph_with_features(SHAPE, dict.fromkeys(sorted(opened), (1, 5)), {})


def seen(opened: frozenset[str], where: TaskOrigin | None = WHERE, command=switch_basis):
    """The command that shows that graph."""
    scores = Scores(graph(opened), np.ones(graph(opened).mask.shape), "eap-ig")
    return command(scores.top(int(scores.graph.n_edges)), scores, where, "Switch")


def shown(state: State, name: str) -> bool:
    """By hand: whether a node or an edge's ends are in the circuit's graph."""
    assert state.circuit is not None
    nodes = {node.name for node in state.circuit.graph.nodes}
    return all(end.partition("<")[0] in nodes for end in name.split("->"))


@pytest.mark.parametrize("seed", range(12))
def test_labels_and_places_are_those_last_given_whatever_was_opened(seed: int) -> None:
    """Against a plain list of what was last said of each name."""
    pick, document = random.Random(seed), Document(State(WHERE))
    document.apply_command(seen(frozenset()))
    opened: frozenset[str] = frozenset()
    said: dict[str, str] = {}
    put: dict[str, tuple[float, float]] = {}
    hashes = [document.state.hash]
    for step in range(60):
        circuit = document.state.circuit
        assert circuit is not None
        name = pick.choice([*(n.name for n in circuit.graph.nodes), *circuit.edge_names])
        match pick.randrange(4):
            case 0:
                opened ^= {pick.choice(SITES)}
                document.apply_command(seen(opened, command=pick.choice([switch_basis, replace_circuit])))
            case 1 if "->" not in name:
                put[name] = (float(step), pick.random())
                document.apply_command(move_nodes({name: put[name]}))
            case 2 if name in said:
                del said[name]
                document.apply_command(set_label(name, None))
            case _:
                said[name] = f"{step}"
                document.apply_command(set_label(name, Label(said[name])))
        hashes.append(document.state.hash)
        state = document.state
        assert {t: x.text for t, x in state.labels.items()} == {
            t: x for t, x in said.items() if shown(state, t)
        }
        assert {t: x.text for t, x in state.detached.labels.items()} == {
            t: x for t, x in said.items() if not shown(state, t)
        }
        assert dict(state.positions) == {n: at for n, at in put.items() if shown(state, n)}
    assert len(set(hashes)) > 30, "and each is a state of its own"
    for site in SITES:
        document.apply_command(seen(frozenset()))
        assert {t for t, x in said.items() if ".f" not in t and ".error" not in t} == set(
            document.state.labels
        ), site


def test_a_group_comes_back_with_its_label_and_never_takes_anothers_place(tmp_path: Path) -> None:
    document = Document(State(WHERE))
    for command in (
        seen(frozenset()),
        group_nodes("Movers", ["a1.h0", "a1.h1", "m1"]),
        set_label("group:Movers", Label("they move")),
        group_nodes("Early", ["a0.h0", "a0.h2"]),
    ):
        document.apply_command(command)
    before = document.state
    document.apply_command(seen(frozenset({"a1"})))
    assert set(document.state.groups) == {"Early"} and "group:Movers" not in document.state.labels
    document.apply_command(group_nodes("Movers", ["a1.f1", "a1.f5"]))
    document.apply_command(set_label("group:Movers", Label("other ones")))
    save_document(document, tmp_path / "kept.circuit")
    kept = open_document(tmp_path / "kept.circuit")
    assert kept.state.hash == document.state.hash and kept.state.detached == document.state.detached
    for each in (document, kept):
        each.apply_command(seen(frozenset()))
        assert each.state.groups["Movers"] == before.groups["Movers"]
        assert each.state.labels["group:Movers"].text == "they move"
        assert [group.nodes for group in each.state.detached.groups.values()] == [{"a1.f1", "a1.f5"}]
        each.apply_command(seen(frozenset({"a1"})))
        assert each.state.groups["Movers"].nodes == {"a1.f1", "a1.f5"}
        assert each.state.labels["group:Movers"].text == "other ones"

    # nodes that another group took meanwhile, or its name: it waits
    document.apply_command(seen(frozenset({"m1"})))
    document.apply_command(group_nodes("Movers", ["a1.h1", "a1.h2"]))
    document.apply_command(set_label("group:Movers", Label("a third")))
    document.apply_command(seen(frozenset()))
    assert document.state.groups["Movers"].nodes == {"a1.h1", "a1.h2"}
    waiting = {name: group.nodes for name, group in document.state.detached.groups.items()}
    assert sorted(map(sorted, waiting.values())) == [["a1.f1", "a1.f5"], ["a1.h0", "a1.h1", "m1"]]
    texts = {document.state.detached.labels[f"group:{name}"].text for name in waiting}
    assert texts == {"they move", "other ones"} and document.state.labels["group:Movers"].text == "a third"


def test_names_of_another_model_or_prompt_mean_other_things() -> None:
    document = Document(State(WHERE))
    document.apply_command(seen(frozenset()))
    document.apply_command(set_label("a1.h0", Label("mover")))
    document.apply_command(move_nodes({"a1.h0": (1.0, 2.0)}))
    document.apply_command(seen(frozenset({"a1"}), replace(WHERE, model="other", weight_hash="ef" * 32)))
    assert not document.state.detached

    def prompt(text: str, *features: int) -> State:
        nodes = [Node(f"m0.f{i}@1", NodeKind.FEATURE, 0, site="m", position=1, feature=i) for i in features]
        nodes.append(Node("logit.4@1", NodeKind.LOGITS, position=1, token=4))
        mask = np.zeros((len(features), len(nodes)), dtype=bool)
        mask[:, -1] = True
        of = Graph.of_nodes(SHAPE, tuple(nodes), mask)
        scores = Scores(of, of.mask * 1.0, "direct-attribution")
        where = replace(WHERE, task="prompt", pairs=((text, "", (), ()),))
        return replace_circuit(scores.top(len(features)), scores, where, "Trace").transform(document.state)

    document.apply_command(type(seen(frozenset()))("Trace", lambda _state: prompt("one", 3, 7)))
    document.apply_command(set_label("m0.f7@1", Label("fires")))
    fewer = prompt("one", 3)
    assert not fewer.labels and fewer.detached.labels["m0.f7@1"].text == "fires"
    assert not prompt("two", 3).detached


@pytest.mark.parametrize(
    "given",
    [
        {"labels": {"a1.h0": {"colour": "#112233"}}},
        {"positions": {"a1.h0": [1, float("nan")]}},
        {"groups": {"x": {"nodes": "a1.h0", "colour": "#112233", "collapsed": False}}},
        {"groups": {"x": {"nodes": [], "colour": "#112233", "collapsed": False}}},
        [],
    ],
)
def test_what_stands_aside_in_a_file_is_checked(given: object, tmp_path: Path, monkeypatch) -> None:
    from circuitviz.formats.parts.detached_annotations import DetachedAnnotationsPart

    document = Document(State(WHERE, detached=DetachedAnnotations(positions={"a1.h0": (1.0, 2.0)})))
    monkeypatch.setattr(DetachedAnnotationsPart, "write", lambda self, document: {"aside": given})
    save_document(document, tmp_path / "odd.circuit")
    with pytest.raises(InputError):
        open_document(tmp_path / "odd.circuit")
