"""Rows spread over columns: order kept, no two in one column, the cheapest of all choices, the width used."""

from __future__ import annotations

from itertools import combinations, pairwise

import numpy as np
import pytest

from circuitviz.graph import Graph, ModelShape, NodeKind, Scores
from circuitviz.layout import COLUMN_SPACING, layouts
from circuitviz.layout.slots import MIN_SLOTS, _cheapest_in_order, assign_slots


@pytest.mark.parametrize("seed", range(8))
def test_the_columns_of_a_row_are_the_cheapest_of_all_in_order(seed: int) -> None:
    rng = np.random.default_rng(seed)
    nodes = int(rng.integers(1, 5))
    cost = rng.random((nodes, nodes + int(rng.integers(0, 4))))
    every = combinations(range(cost.shape[1]), nodes)
    cheapest = min(every, key=lambda chosen: sum(cost[i, slot] for i, slot in enumerate(chosen)))
    assert _cheapest_in_order(cost).tolist() == list(cheapest)


@pytest.mark.parametrize("seed", range(8))
def test_rows_keep_their_order_and_nodes_their_own_columns(seed: int) -> None:
    rng = np.random.default_rng(seed)
    row = np.sort(rng.integers(0, 6, 25))
    x, tail, head = rng.random(25), rng.integers(0, 25, 40), rng.integers(0, 25, 40)
    found = assign_slots(row, x, tail, head, [True] * 25)
    widest = max(MIN_SLOTS, int(np.bincount(row).max()))
    assert np.abs(found).max() <= (widest - 1) / 2
    for r in range(6):
        members = np.flatnonzero(row == r)
        assert (np.diff(found[members][np.argsort(x[members])]) >= 1 - 1e-9).all()


def test_single_heads_of_many_layers_do_not_stand_in_one_line() -> None:
    """Twelve layers with a head each, joined in a chain: by barycentres alone all stand in the middle."""
    graph = Graph.transformer(ModelShape(12, 4, 64))
    scores = np.zeros(graph.mask.shape)
    names = ["input", *(f"a{layer}.h{layer % 4}" for layer in range(12)), "logits"]
    for sender, receiver in pairwise(names):
        end = f"{receiver}<v>" if receiver[0] == "a" else receiver
        scores[graph.sender_index[sender], graph.receiver_index[end]] = 1.0
    circuit = Scores(graph, scores, "eap").threshold(0.5)
    places = layouts.get("layered").value(graph, circuit.node_names, circuit.edges, {})
    heads = [name for name in circuit.node_names if graph.node(name).kind is NodeKind.HEAD]
    columns = [round(places[name][0] / COLUMN_SPACING, 2) for name in heads]
    assert len(heads) == 12 and len(set(columns)) >= 4
    assert all(a != b for a, b in pairwise(columns))
    assert places["input"][0] == places["logits"][0] == 0.0
