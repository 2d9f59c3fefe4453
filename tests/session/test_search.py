"""Search finds by everything that is known of a node, the nearest first."""

from __future__ import annotations

import numpy as np
import pytest

from circuitviz.graph import Circuit, Graph, Scores, Shape
from circuitviz.session import Group, Label, State, search

GRAPH = Graph.transformer(Shape(12, 12, 48))
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
TOPS = {"a9.h9": [(" Mary", 8.5), (" John", 2.0)], "m3": [(" marzipan", 1.0)], "a0.h1": [("the", 0.5), (" then", 0.4)]}


def found(query: str) -> list[str]:
    return [hit.node for hit in search(STATE, query, TOPS)]


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
    assert begins[:12] == [f"a1.h{h}" for h in range(12)] and set(begins) == {n for n in NAMES if n.startswith("a1")}
    assert found("h7") == [f"a{layer}.h7" for layer in range(12)]
    assert [hit.why for hit in search(STATE, "9.9", TOPS)] == ["name"]
    assert search(STATE, "mary", TOPS)[0].why == "promotes ' Mary' +8.50"
    assert search(STATE, "late")[1].why == "group Late"
    assert found("layer 99") == [] == search(State(), "a1")
