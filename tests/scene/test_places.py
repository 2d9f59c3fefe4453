"""What does not move nodes lays nothing out again, and arrows are what a loop over all edges finds."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import product

import numpy as np
import pytest

from circuitviz.document import (
    Label,
    State,
    collapse_groups,
    group_nodes,
    move_nodes,
    set_label,
    toggle_ablation,
)
from circuitviz.graph import Circuit, Graph, ModelShape, Scores
from circuitviz.layout import layouts
from circuitviz.layout.by_layer import layout_by_layer
from circuitviz.scene.build_scene import build_scene
from circuitviz.scene.circuit_scene import CircuitScene
from circuitviz.scene.node_positions import node_positions

SHARED = Graph.transformer(ModelShape(2, 4, 16, n_kv_heads=2))


@pytest.fixture
def counted(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[int]]:
    """How often a layout was computed: one that counts stands in for 'layered'."""
    calls: list[int] = []

    def layout(*given: object) -> dict[str, tuple[float, float]]:
        calls.append(1)
        return layout_by_layer(*given)  # type: ignore[arg-type]

    node_positions.cache_clear()  # circuits that are equal share their places
    counting = replace(layouts.get("layered"), value=layout)
    monkeypatch.setattr(layouts, "get", lambda _name: counting)
    yield calls
    node_positions.cache_clear()


def state() -> State:
    graph = Graph.transformer(ModelShape(3, 4, 16))
    values = np.random.default_rng(7).normal(size=graph.mask.shape)
    return State(None, Scores(graph, values, "eap"), Scores(graph, values, "eap").greedy(60))


def places(picture: CircuitScene) -> dict[str, tuple[float, float]]:
    return {node.name: (node.x, node.y) for node in picture.nodes}


def test_what_moves_nothing_lays_nothing_out_again(counted: list[int]) -> None:
    first = state()
    stood = places(build_scene(first))
    assert len(counted) == 1
    head = next(n for n in first.circuit.node_names if n.startswith("a1"))  # type: ignore[union-attr]
    out = toggle_ablation(frozenset({head}), frozenset()).transform(first)
    said = set_label(head, Label("mover", colour="#aa5500")).transform(out)
    pictures = [build_scene(each) for each in (out, said, first)]
    assert len(counted) == 1 and all(places(picture) == stood for picture in pictures)
    assert pictures[0].by_name[head].ablated and not pictures[2].by_name[head].ablated
    assert (pictures[1].by_name[head].label, pictures[1].by_name[head].colour) == ("mover", "#aa5500")
    assert not pictures[2].by_name[head].label
    moved = build_scene(move_nodes({head: (500.0, 500.0)}).transform(said))
    assert len(counted) == 2 and places(moved) == {**stood, head: (500.0, 500.0)}
    assert places(build_scene(first)) == stood and len(counted) == 2


def test_folded_circuits_are_laid_out_once_too(counted: list[int]) -> None:
    first = state()
    nodes = [n for n in first.circuit.node_names if n.startswith("a1")][:2]  # type: ignore[union-attr]
    closed = collapse_groups(["G"]).transform(group_nodes("G", frozenset(nodes)).transform(first))
    stood = places(build_scene(closed))
    assert len(counted) == 1 and "G" in stood and not set(nodes) & set(stood)
    other = next(n for n in stood if n.startswith("a2"))
    out = build_scene(toggle_ablation(frozenset({other}), frozenset()).transform(closed))
    assert len(counted) == 1 and places(out) == stood and out.by_name[other].ablated


def test_arrows_go_to_every_node_that_shares_a_receiver() -> None:
    edges = SHARED.mask & (np.random.default_rng(3).random(SHARED.mask.shape) < 0.4)
    slowly = [
        (s, r, n)
        for s, r, n in product(*map(range, (*edges.shape, len(SHARED.nodes))))
        if edges[s, r] and SHARED.owners[r, n]
    ]
    assert list(zip(*(each.tolist() for each in SHARED.edge_node_triples(edges)), strict=True)) == slowly
    assert [SHARED.nodes[n].name for n in SHARED.nodes_by_receiver[SHARED.receiver_index["a1.kv1<k>"]]] == [
        "a1.h2",
        "a1.h3",
    ]
    ends = Circuit(SHARED, edges).edge_indices
    assert list(zip(*(each.tolist() for each in ends), strict=True)) == [
        tuple(at) for at in np.argwhere(edges)
    ]
    none = Circuit.empty(SHARED)
    assert (
        not none.n_edges
        and not len(none.edge_indices[0])
        and not len(SHARED.edge_node_triples(none.edges)[2])
    )
