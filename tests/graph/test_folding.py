"""Folding loses nothing: every edge is in one arrow or inside one box, and folds of folds agree."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from circuitviz.errors import InputError
from circuitviz.graph import Circuit, FoldedCircuit, Graph, ModelShape, fold_circuit

PLAIN = Graph.transformer(ModelShape(3, 3, 16))
SHARED = Graph.transformer(ModelShape(2, 4, 16, n_kv_heads=2))
Groups = dict[str, frozenset[str]]


@st.composite
def folded(draw: st.DrawFn, graph: Graph) -> tuple[Circuit, np.ndarray, Groups]:
    """A random circuit with scores, some of whose nodes are put into up to four groups."""
    pick = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    edges = graph.mask & (pick.random(graph.mask.shape) < draw(st.floats(0.02, 1.0)))
    places = draw(st.lists(st.integers(0, 5), min_size=len(graph.nodes), max_size=len(graph.nodes)))
    groups = {
        f"G{i}": frozenset(n.name for n, at in zip(graph.nodes, places, strict=True) if at == i)
        for i in range(4)
    }
    return Circuit(graph, edges), pick.normal(size=edges.shape), groups


def slowly(circuit: Circuit, values: np.ndarray, groups: Groups) -> dict[tuple[str, str, str], list[float]]:
    """Scores of the edges between every two boxes, edge by edge, by name."""
    graph, found = circuit.graph, {}
    there = set(circuit.node_names)

    def box(node: str) -> str:
        return next((name for name, nodes in groups.items() if node in nodes), node)

    for s, r in product(range(len(graph.senders)), range(len(graph.receivers))):
        if circuit.edges[s, r]:
            owners = {n.name for n, own in zip(graph.nodes, graph.owners[r], strict=True) if own}
            channel = graph.receivers[r][-2] if graph.receivers[r].endswith(">") else ""
            for into in {box(n) for n in owners & there}:
                found.setdefault((box(graph.senders[s]), into, channel), []).append(values[s, r])
    return found


@pytest.mark.parametrize("graph", [PLAIN, SHARED], ids=["plain", "shared keys"])
def test_arrows_are_the_sums_of_their_edges(graph: Graph) -> None:
    @given(folded(graph))
    def check(case: tuple[Circuit, np.ndarray, Groups]) -> None:
        circuit, values, groups = case
        folding, slow = fold_circuit(circuit, values, groups), slowly(circuit, values, groups)
        between = {key: scores for key, scores in slow.items() if key[0] != key[1]}
        assert {(a.sender, a.receiver, a.channel) for a in folding.folded_edges()} == set(between)
        for a in folding.folded_edges():
            scores = between[a.sender, a.receiver, a.channel]
            assert a.n_edges == len(scores) and a.score == pytest.approx(sum(scores), abs=1e-9)
            held = folding.member_edges(a.sender, a.receiver, a.channel)
            assert sorted(values[held]) == sorted(scores)
        for box in folding.boxes:
            within = [x for key, scores in slow.items() if key[0] == key[1] == box for x in scores]
            total, number = folding.sum_within(box)
            assert number == len(within) and total == pytest.approx(sum(within), abs=1e-9)

    check()


@given(folded(PLAIN))
def test_nothing_is_lost_and_nodes_stay_whole(case: tuple[Circuit, np.ndarray, Groups]) -> None:
    circuit, values, groups = case
    folding = fold_circuit(circuit, values, groups)
    count = np.zeros(circuit.edges.shape, int)
    for a in folding.folded_edges():
        count += folding.member_edges(a.sender, a.receiver, a.channel)
    for box, channel in product(folding.boxes, ("", "q", "k", "v")):
        count += folding.member_edges(box, box, channel)
    assert np.array_equal(count, circuit.edges.astype(int))
    held = [n for box in folding.boxes for n in folding.nodes_in(box)]
    assert sorted(held) == sorted(circuit.node_names)
    assert all(folding.box_of[n] == box for box in folding.boxes for n in folding.nodes_in(box))


@given(folded(PLAIN))
def test_no_group_is_the_circuit_itself(case: tuple[Circuit, np.ndarray, Groups]) -> None:
    circuit, values, _ = case
    folding = fold_circuit(circuit, values, {})
    assert folding.boxes == circuit.node_names
    rebuilt = Circuit.empty(circuit.graph).edges.copy()
    for a in folding.folded_edges():
        assert a.n_edges == 1
        held = folding.member_edges(a.sender, a.receiver, a.channel)
        assert values[held] == pytest.approx([a.score])
        rebuilt |= held
    assert np.array_equal(rebuilt, circuit.edges)


@given(folded(PLAIN))
def test_a_group_of_groups_sums_what_they_sum(case: tuple[Circuit, np.ndarray, Groups]) -> None:
    circuit, values, groups = case
    outer = {"all": groups["G0"] | groups["G1"], "G2": groups["G2"], "G3": groups["G3"]}
    fine, coarse = fold_circuit(circuit, values, groups), fold_circuit(circuit, values, outer)
    sums: dict[tuple[str, str, str], float] = {}
    for a in fine.folded_edges():
        ends = ["all" if box in ("G0", "G1") else box for box in (a.sender, a.receiver)]
        if ends[0] != ends[1]:
            key = (ends[0], ends[1], a.channel)
            sums[key] = sums.get(key, 0.0) + a.score
    assert {(a.sender, a.receiver, a.channel): a.score for a in coarse.folded_edges()} == pytest.approx(
        sums, abs=1e-9
    )


def small(groups: Groups) -> FoldedCircuit:
    circuit = Circuit.full(PLAIN)
    return fold_circuit(circuit, circuit.edges.astype(float), groups)


def test_what_does_not_fit_is_said() -> None:
    with pytest.raises(InputError, match="share no node"):
        small({"one": frozenset({"a0.h0", "a1.h0"}), "two": frozenset({"a1.h0"})})
    with pytest.raises(InputError, match="a node outside it"):
        small({"a2.h1": frozenset({"a0.h0", "a1.h0"})})
    assert "gone" not in small({"gone": frozenset({"a9.h9"})}).boxes
    assert small({"ends": frozenset({"input", "logits"})}).boxes[0] == "a0.h0"
