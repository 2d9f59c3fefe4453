"""Graph, pruning and the choices of edges against naive implementations."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from circuitviz.errors import InputError
from circuitviz.graph import Circuit, Graph, ModelShape, Scores, prune

shapes = st.builds(
    ModelShape,
    n_layers=st.integers(1, 3),
    n_heads=st.sampled_from([2, 4]),
    d_model=st.just(8),
    n_kv_heads=st.sampled_from([None, 2]),
    parallel=st.booleans(),
    mlp=st.booleans(),
)


def naive_edges(shape: ModelShape) -> set[str]:
    """Every edge, from the definition: a sender reaches what is computed after it."""
    edges: set[str] = set()
    senders = ["input"]
    group = shape.n_heads // (shape.n_kv_heads or shape.n_heads)
    mark = "kv" if group > 1 else "h"
    for layer in range(shape.n_layers):
        before = list(senders)
        into = [f"a{layer}.h{h}<q>" for h in range(shape.n_heads)]
        into += [f"a{layer}.{mark}{h}<{c}>" for c in "kv" for h in range(shape.n_heads // group)]
        senders += [f"a{layer}.h{h}" for h in range(shape.n_heads)]
        edges |= {f"{s}->{r}" for s in before for r in into}
        if shape.mlp:
            edges |= {f"{s}->m{layer}" for s in (before if shape.parallel else senders)}
            senders.append(f"m{layer}")
    return edges | {f"{s}->logits" for s in senders}


def naive_prune(graph: Graph, names: set[str]) -> set[str]:
    """Drop one dead end after another."""
    left = set(names)
    while True:
        alive = {"input", "logits"}
        for node in (n.name for n in graph.nodes[1:-1]):
            has_in = any(node in owners(graph, e) for e in left)
            if has_in and any(e.startswith(f"{node}->") for e in left):
                alive.add(node)
        kept = {e for e in left if e.split("->")[0] in alive and alive & owners(graph, e)}
        if kept == left:
            return left
        left = kept


def owners(graph: Graph, edge: str) -> set[str]:
    """Nodes that an edge's receiver belongs to."""
    receiver = edge.split("->")[1].split("<")[0]
    if ".kv" not in receiver:
        return {receiver}
    layer, number = receiver[1:].split(".kv")
    size = graph.shape.n_heads // graph.shape.kv_heads
    return {f"a{layer}.h{int(number) * size + i}" for i in range(size)}


def test_gpt2_small_has_158_nodes_and_32491_edges() -> None:
    graph = Graph.transformer(ModelShape(12, 12, 768))
    assert (len(graph.nodes), graph.n_edges) == (158, 32_491)


@given(shapes)
@settings(max_examples=40, deadline=None)
def test_edges_follow_the_order_of_computation(shape: ModelShape) -> None:
    graph = Graph.transformer(shape)
    assert set(graph.edge_names(graph.mask)) == naive_edges(shape)
    for name in list(naive_edges(shape))[:20]:
        assert graph.edge_name(*graph.edge(name)) == name


@given(shapes, st.integers(0, 2**31), st.floats(0.02, 0.9))
@settings(max_examples=60, deadline=None)
def test_pruning_equals_the_naive_one(shape: ModelShape, seed: int, share: float) -> None:
    graph = Graph.transformer(shape)
    edges = graph.mask & (np.random.default_rng(seed).random(graph.mask.shape) < share)
    left = prune(graph, edges)
    assert set(graph.edge_names(left)) == naive_prune(graph, set(graph.edge_names(edges)))
    assert np.array_equal(prune(graph, left), left)


@given(shapes, st.integers(0, 2**31), st.data())
@settings(max_examples=60, deadline=None)
def test_greedy_leaves_what_was_asked_for_and_no_dead_end(
    shape: ModelShape, seed: int, data: st.DataObject
) -> None:
    graph = Graph.transformer(shape)
    scores = Scores(graph, np.random.default_rng(seed).normal(size=graph.mask.shape), "random")
    n = data.draw(st.integers(0, min(40, graph.n_edges)))
    circuit = scores.greedy(n)
    assert circuit.requested_edges == n
    assert circuit.n_edges == n or circuit.note
    assert circuit.pruned() == circuit
    naive = naive_greedy(scores, n)
    if len(naive) == n:  # no chain was completed by the last edge: nothing had to be trimmed
        assert set(circuit.edge_names) == naive


def naive_greedy(scores: Scores, n: int) -> set[str]:
    """Add the strongest edge into a node already reached until n are left after pruning."""
    graph, reached, chosen = scores.graph, {"logits"}, set()
    while len(left := naive_prune(graph, chosen)) < n:
        open_edges = [e for e in naive_edges(graph.shape) - chosen if reached & owners(graph, e)]
        best = max(open_edges, key=lambda e: abs(scores.values[graph.edge(e)]))
        chosen.add(best)
        reached.add(best.split("->")[0])
    return left


@given(shapes, st.integers(0, 2**31), st.data())
@settings(max_examples=40, deadline=None)
def test_top_and_signed_are_the_largest_then_pruned(
    shape: ModelShape, seed: int, data: st.DataObject
) -> None:
    graph = Graph.transformer(shape)
    values = np.random.default_rng(seed).normal(size=graph.mask.shape)
    scores, n = Scores(graph, values, "random"), data.draw(st.integers(0, graph.n_edges))
    names = sorted(naive_edges(shape))
    for chosen, key in ((scores.top(n), abs), (scores.signed(n), float)):
        ranked = sorted(names, key=lambda e, key=key: -key(values[graph.edge(e)]))
        assert set(chosen.edge_names) == naive_prune(graph, set(ranked[:n]))


def test_wrong_names_and_numbers_are_told() -> None:
    graph = Graph.transformer(ModelShape(2, 2, 8))
    scores = Scores(graph, np.zeros(graph.mask.shape), "none")
    for wrong, says in (
        (lambda: graph.node("a7.h1"), "There is no node"),
        (lambda: graph.edge("m1->a0.h0<q>"), "There is no edge"),
        (lambda: scores.top(10**6), "edges were asked for"),
        (lambda: scores.select("best", 3), "no way to choose"),
        (lambda: Scores(graph, np.zeros((2, 2)), "none"), "shape"),
    ):
        with pytest.raises(InputError, match=says):
            wrong()
    scores.values[0, 0] = np.nan
    with pytest.raises(InputError, match="not numbers"):
        scores.greedy(3)


def test_a_circuit_without_a_node_has_none_of_its_edges() -> None:
    graph = Graph.transformer(ModelShape(2, 2, 8))
    left = Circuit.full(graph).ablate(["a0.h1"], ["m0->logits"])
    assert not [e for e in left.edge_names if e.startswith("a0.h1->") or e == "m0->logits"]
    assert left.n_edges == graph.n_edges - int(graph.mask[2].sum()) - 1


def test_reuse_is_what_sets_of_names_say() -> None:
    """Shares of nodes and edges against sets made one by one; input and logits are no components."""
    from circuitviz.graph import measure_reuse

    graph = Graph.transformer(ModelShape(3, 4, 16))
    rng = np.random.default_rng(4)
    scores = [Scores(graph, rng.normal(size=graph.mask.shape), "eap") for _ in range(3)]
    circuits = {f"c{i}": s.greedy(20 + 5 * i) for i, s in enumerate(scores)}
    circuits["empty"] = Circuit.empty(graph)
    found = measure_reuse(circuits)
    edges = {name: set(c.edge_names) for name, c in circuits.items()}
    nodes = {name: set(c.node_names) - {"input", "logits"} for name, c in circuits.items()}
    for i, a in enumerate(circuits):
        for j, b in enumerate(circuits):
            for got, sets in ((found.nodes, nodes), (found.edges, edges)):
                want = len(sets[a] & sets[b]) / len(sets[a]) if sets[a] else None
                assert got[i][j] == want
            assert set(found.shared_nodes[i][j]) == nodes[a] & nodes[b]
    assert found.nodes_in_all == ()
    with pytest.raises(InputError, match="2 shapes"):
        measure_reuse({"a": circuits["c0"], "b": Circuit.full(Graph.transformer(ModelShape(2, 4, 16)))})
