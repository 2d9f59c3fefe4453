"""Search finds by everything that is known of a node, the nearest first."""

from __future__ import annotations

import numpy as np
import pytest

from circuitviz.document import Group, Label, State, search_nodes
from circuitviz.graph import Circuit, Graph, ModelShape, Node, NodeKind, Scores

GRAPH = Graph.transformer(ModelShape(12, 12, 48))
SCORES = Scores(GRAPH, np.random.default_rng(0).normal(size=GRAPH.mask.shape), "eap")
NAMES = [n.name for n in GRAPH.nodes]
STATE = State(
    None,
    SCORES,
    Circuit.full(GRAPH),
    labels={
        "a9.h9": Label("Name Mover", note="copies the indirect object"),
        "a2.h2": Label("Previous Token"),
        "class:Previous Token": Label("Previous Token", note="shifts by one"),
        "group:Late": Label("writers of the answer"),
    },
    groups={"Late": Group(frozenset({"a10.h0", "a11.h10", "a9.h9"}))},
)
TOPS = {
    "a9.h9": [(" Mary", 8.5), (" John", 2.0)],
    "m3": [(" marzipan", 1.0)],
    "a0.h1": [("the", 0.5), (" then", 0.4)],
}


def found(query: str) -> list[str]:
    return [hit.node for hit in search_nodes(STATE, query, TOPS)]


@pytest.mark.parametrize(
    ("query", "first"),
    [
        ("a9.h9", ["a9.h9"]),
        ("A9.H9", ["a9.h9"]),
        ("9.9", ["a9.h9"]),
        ("  m3 ", ["m3"]),
        ("name mov", ["a9.h9"]),
        ("indirect", ["a9.h9"]),
        ("shifts", ["a2.h2"]),
        ("late", ["a9.h9", "a10.h0", "a11.h10"]),
        ("writers", ["a9.h9", "a10.h0", "a11.h10"]),
        ("mary", ["a9.h9"]),
        ("mar", ["m3", "a9.h9"]),
        ('"the"', ["a0.h1"]),
        ("nothing like that", []),
        ("   ", []),
    ],
)
def test_what_is_sought_comes_first(query: str, first: list[str]) -> None:
    assert found(query) == first


def test_layers_names_and_their_order() -> None:
    layer = [n for n in NAMES if n.startswith(("a3.", "m3"))]
    for query in ("layer 3", "L3", "layer:3", "l 3"):
        assert sorted(found(query)) == sorted(layer), query
    begins = found("a1")
    assert begins[:12] == [f"a1.h{h}" for h in range(12)] and set(begins) == {
        n for n in NAMES if n.startswith("a1")
    }
    assert found("h7") == [f"a{layer}.h7" for layer in range(12)]
    assert [hit.reason for hit in search_nodes(STATE, "9.9", TOPS)] == ["name"]
    assert search_nodes(STATE, "mary", TOPS)[0].reason == "promotes ' Mary' +8.50"
    assert search_nodes(STATE, "late")[1].reason == "group Late"
    assert found("layer 99") == [] == search_nodes(State(), "a1")


def local(labels: dict[str, Label], info: dict[str, object]) -> State:
    """A circuit of features at three positions of a prompt."""
    nodes = (
        Node("token@0", NodeKind.TOKEN, position=0, token=5),
        Node("token@2", NodeKind.TOKEN, position=2, token=7),
        Node("a0.f3@1", NodeKind.FEATURE, 0, site="a", position=1, feature=3, dictionary="d"),
        Node("m1.f12@2", NodeKind.FEATURE, 1, site="m", position=2, feature=12, dictionary="d"),
        Node("logit.9@2", NodeKind.LOGITS, position=2, token=9),
    )
    mask = np.zeros((4, 5), dtype=bool)
    mask[[0, 0, 1, 2, 3], [2, 3, 3, 3, 4]] = True
    graph = Graph.of_nodes(ModelShape(2, 2, 8), nodes, mask)
    return State(
        None, Scores(graph, graph.mask.astype(float), "local", info=info), Circuit.full(graph), labels=labels
    )


@pytest.mark.parametrize("written", ["by the run", "by labels"])
def test_nodes_of_a_prompt_are_found_by_their_token_and_position(written: str) -> None:
    strings = ["When", " Mary", " gave"]
    if written == "by the run":
        state = local({}, {"prompt": {"strings": strings}})
    else:
        labels = {name: Label(strings[int(name[-1])]) for name in ("token@0", "token@2")}
        state = local(labels, {})
    gave = search_nodes(state, "gave")
    assert {hit.node for hit in gave} == {"token@2", "m1.f12@2", "logit.9@2"}
    assert "at the token ' gave', position 2" in [hit.reason for hit in gave]
    for query in ("position 2", "@2", "pos 2", "Position: 2", "pos.2"):
        assert {hit.node for hit in search_nodes(state, query)} == {"token@2", "m1.f12@2", "logit.9@2"}, query
    assert search_nodes(state, "position 2")[0].reason == "at position 2, the token ' gave'"
    assert [hit.node for hit in search_nodes(state, "position 1")] == ["a0.f3@1"]
    assert not search_nodes(state, "position 3") and not search_nodes(state, '"Mar"')
    assert bool(search_nodes(state, "mary")) == (written == "by the run")  # no label tells the token at 1
