"""Influence equals the series it is defined by; scores and pruning hold what methods.md says."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from circuitviz.errors import InputError
from circuitviz.features import (
    FeatureEdgeRows,
    attribution_graph,
    difference_target,
    likely_logits,
    local_circuit,
    local_circuit_scores,
    logit_target,
    strongest_edges,
)
from circuitviz.features.influence import AttributionGraph
from circuitviz.features.node_rows import NODE_KINDS, NodeTable
from circuitviz.features.sites import PARTS
from circuitviz.features.targets import Target
from circuitviz.graph import ModelShape, Node, NodeKind
from circuitviz.progress import run_to_completion


def slow_influence(table: Any, targets: Any) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The whole adjacency matrix from rows one by one, and the series p (Ā + Ā² + …)."""
    edges, number = FeatureEdgeRows(table), len(table)
    adjacency = np.zeros((number + len(targets), number + len(targets)))
    for index in np.flatnonzero(~table.is_leaf):
        adjacency[index, :number] = edges.rows([index])[0][0].numpy()
    for k, target in enumerate(targets):
        adjacency[number + k, :number] = edges.row_into(target)[0].numpy()
    sizes = np.abs(adjacency)
    shares = sizes / np.maximum(sizes.sum(1, keepdims=True), 1e-300)
    weights = np.array([t.weight for t in targets])
    start = np.zeros(len(adjacency))
    start[number:] = weights / weights.sum()
    total, term = np.zeros(len(adjacency)), start
    for _ in range(40):
        term = term @ shares
        total += term
    assert not term.any()  # no path is longer
    return shares, total, start


def test_influence_and_both_scores_follow_their_definitions(features: Any) -> None:
    table = features.table
    targets = likely_logits(table, max_targets=3)
    shares, influence, start = slow_influence(table, targets)
    ours = run_to_completion(attribution_graph(FeatureEdgeRows(table), targets, max_rows=10**6))
    assert ours.unexpanded_influence < 0.01
    kinds = np.array([table.node(i).kind for i in range(len(table))])
    embedded = influence[: len(table)][(kinds == NodeKind.TOKEN) | (kinds == NodeKind.POSITION)].sum()
    unexplained = (kinds == NodeKind.ERROR) | (kinds == NodeKind.MLP)
    lost = influence[: len(table)][unexplained].sum()
    fractions = 1 - shares[:, : len(table)][:, unexplained].sum(1)
    mass = influence + start
    complete = (fractions * mass).sum() / mass.sum()
    # nodes that carry less than a hundredth together have no rows
    assert ours.replacement_score == pytest.approx(embedded / (embedded + lost), abs=0.01)
    assert ours.completeness_score == pytest.approx(complete, abs=0.01)


def test_with_every_row_influence_is_exact(features: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    from circuitviz.features import influence as module

    monkeypatch.setattr(module, "MAX_UNEXPANDED_INFLUENCE", 0.0)
    table = features.table
    targets = [difference_target(table, [7], [11])]
    _, right, _ = slow_influence(table, targets)
    ours = run_to_completion(attribution_graph(FeatureEdgeRows(table), targets, max_rows=10**6))
    np.testing.assert_allclose(ours.influence, right[ours.nodes], rtol=1e-9, atol=1e-12)
    leaves = ours.influence[table.is_leaf[ours.nodes]].sum()
    assert leaves == pytest.approx(1, abs=1e-9)  # all influence ends there


def slow_shares(weights: np.ndarray) -> list[list[float]]:
    """|weights|, each row divided by its sum."""
    return [[abs(v) / (sum(map(abs, row)) or 1.0) for v in row] for row in weights.tolist()]


def slow_series(weights: np.ndarray, start: np.ndarray) -> list[float]:
    """The series p (Ā + Ā² + …), term by term."""
    normal, every = slow_shares(weights), range(len(weights))
    total, now = [0.0] * len(weights), list(start)
    while any(now):
        now = [sum(now[into] * normal[into][node] for into in every) for node in every]
        total = [a + b for a, b in zip(total, now, strict=True)]
    return total


def tracer_pruned(
    weights: np.ndarray, start: np.ndarray, kinds: list[str], node_share: float, edge_share: float
) -> tuple[set[int], set[tuple[int, int]]]:
    """circuit-tracer's ``prune_graph`` in plain loops: nodes that stay, and edges (from, into).

    weights: [all, all], into × from, targets last; start: probabilities of targets, else 0.
    """
    every = range(len(weights))

    def least(numbers: list[float], share: float) -> float:
        ordered, running = sorted(numbers, reverse=True), 0.0
        for number in ordered:
            running += number
            if running >= share * sum(ordered) * (1 - 1e-12):
                return number
        return ordered[-1]

    held = slow_series(weights, start)
    bar = least(held, node_share)
    nodes = {i for i in every if held[i] >= bar or kinds[i] in ("token", "target")}
    pruned = np.array([[weights[i, j] if i in nodes and j in nodes else 0.0 for j in every] for i in every])
    normal = slow_shares(pruned)
    passed = [a + b for a, b in zip(slow_series(pruned, start), start, strict=True)]
    strength = {(j, i): normal[i][j] * passed[i] for i in every for j in every}
    bar = least(list(strength.values()), edge_share)
    edges = {ends for ends, value in strength.items() if value >= bar and value > 0}
    while True:
        edges = {(a, b) for a, b in edges if a in nodes and b in nodes}
        writing, reading = {a for a, _ in edges}, {b for _, b in edges}
        left = {
            node
            for node in nodes
            if kinds[node] in ("token", "target")
            or (node in writing and (kinds[node] == "error" or node in reading))
        }
        if left == nodes:
            return nodes, edges
        nodes = left


@given(
    st.integers(0, 10**6),
    st.integers(1, 12),
    st.integers(1, 3),
    st.integers(1, 3),
    st.floats(0.2, 1),
    st.floats(0.3, 1),
)
@settings(max_examples=150, deadline=None)
def test_pruning_is_circuit_tracers(
    seed: int, inner: int, tokens: int, targets: int, node_share: float, edge_share: float
) -> None:
    """The same nodes and edges for random graphs, also sparse ones with dead ends after pruning."""
    pick = np.random.default_rng(seed)
    kinds = ["token"] * tokens + [str(pick.choice(["feature", "feature", "error"])) for _ in range(inner)]
    number = len(kinds)
    weights = np.zeros((number + targets, number + targets))
    for into in range(tokens, number + targets):
        if into >= number or kinds[into] == "feature":
            before = min(into, number)
            weights[into, :before] = pick.normal(size=before) ** 3 * (pick.random(before) < 0.6)
    start = np.zeros(number + targets)
    start[number:] = pick.dirichlet(np.ones(targets))
    ours = random_graph(weights[:, :number], start[number:], kinds)
    scores, circuit = ours.scores(node_share, edge_share)
    nodes, edges = tracer_pruned(weights, start, [*kinds, *["target"] * targets], node_share, edge_share)
    names = [ours.table.node(i).name for i in range(number)] + [t.node.name for t in ours.targets]
    assert {node.name for node in scores.graph.nodes} == {names[i] for i in nodes}
    assert set(circuit.edge_names) == {f"{names[a]}->{names[b]}" for a, b in edges}
    assert all(scores.values[scores.graph.edge(f"{names[a]}->{names[b]}")] == weights[b, a] for a, b in edges)
    held = np.array(slow_series(weights, start))
    for i in nodes - set(range(number, number + targets)):  # equal ones may come in either order
        share = scores.info["cumulative_influence"][names[i]] * held.sum()
        above, also = held[held > held[i] + 1e-9].sum() + held[i], held[held > held[i] - 1e-9].sum()
        assert above - 1e-9 <= share <= also + 1e-9


def random_graph(weights: np.ndarray, probability: np.ndarray, kinds: list[str]) -> AttributionGraph:
    """An attribution graph of any weights: a table that has kinds and names, and no model behind it."""
    kind = np.array([NODE_KINDS.index(NodeKind(name)) for name in kinds], np.int8)
    number = len(kinds)
    shape = ModelShape(number + 1, 1, 1)
    model = SimpleNamespace(shape=shape)
    run = SimpleNamespace(
        model=model, token_ids=list(range(number)), strings=["t"] * number, logits=torch.zeros(9)
    )
    inner = np.array([name != "token" for name in kinds])
    table = NodeTable(
        run, {f"m{i}": SimpleNamespace(name="d") for i in range(number)}, kind, np.where(inner, np.arange(number), -1).astype(np.int16), np.full(number, PARTS.index("m"), np.int8),
        np.arange(number, dtype=np.int32), np.where(kind == NODE_KINDS.index(NodeKind.FEATURE), np.arange(number), -1),
        np.arange(number, dtype=np.int16), torch.ones(number), torch.zeros(number, 1),
    )  # fmt: skip
    goals = tuple(
        Target(Node(f"logit.{i}@{number}", NodeKind.LOGITS, position=number, token=i), 1.0, weight=float(p))
        for i, p in enumerate(probability)
    )
    whole = np.zeros((len(weights), len(weights)))
    whole[:, :number] = weights
    held = np.array(slow_series(whole, np.append(np.zeros(number), probability))[:number])
    return AttributionGraph(table, goals, np.arange(number), weights, held, probability, 0.0)


def test_pruning_keeps_shares_of_influence(demo_features: Any) -> None:
    table = demo_features.table
    ours = run_to_completion(attribution_graph(FeatureEdgeRows(table), likely_logits(table, max_targets=4)))
    scores, circuit = ours.scores(0.8, 0.98)
    order = np.sort(ours.influence)[::-1]
    needed = int(np.searchsorted(np.cumsum(order), 0.8 * order.sum())) + 1
    names = [table.node(int(i)).name for i in ours.nodes[np.argsort(-ours.influence)[:needed]]]
    tokens = [f"token@{i}" for i in range(7)]
    sinks = [t.node.name for t in ours.targets]
    assert {n.name for n in scores.graph.nodes} == {*names, *tokens, *sinks}
    assert set(circuit.node_names) <= {n.name for n in scores.graph.nodes}
    assert set(sinks) <= set(circuit.node_names)
    few, _ = ours.scores(0.3, 0.98)
    assert len(few.graph.nodes) < len(scores.graph.nodes)
    assert circuit.n_edges < scores.graph.n_edges
    by_hand = FeatureEdgeRows(table)
    sender, receiver = map(int, np.argwhere(circuit.edges)[0])
    name = scores.graph.receivers[receiver]
    target = next((t for t in ours.targets if t.node.name == name), None)
    row = by_hand.row_into(target)[0] if target else by_hand.rows([table.index(name)])[0][0]
    right = float(row[table.index(scores.graph.senders[sender])])
    assert scores.values[sender, receiver] == pytest.approx(right, rel=1e-6)
    assert scores.info["prompt"]["tokens"] == table.run.tokens.tolist()


def test_rows_are_made_for_what_matters_first(demo_features: Any) -> None:
    table = demo_features.table
    target = [logit_target(table, 5)]
    few = run_to_completion(attribution_graph(FeatureEdgeRows(table), target, max_rows=20))
    assert int((~table.is_leaf[few.nodes]).sum()) == 20
    more = run_to_completion(attribution_graph(FeatureEdgeRows(table), target, max_rows=200))
    assert more.unexpanded_influence < few.unexpanded_influence
    with pytest.raises(InputError, match="needs a target"):
        run_to_completion(attribution_graph(FeatureEdgeRows(table), []))
    with pytest.raises(InputError, match="share of 1.5"):
        few.scores(1.5)


def test_flows_of_a_local_circuit_add_up_at_each_node(features: Any) -> None:
    """What flows out of a kept node's edges is its attribution; nothing else reaches it."""
    table, edges = features.table, FeatureEdgeRows(features.table)
    found = local_circuit(edges, logit_target(table, 5), nodes=40, gate="absolute")
    scores = local_circuit_scores(edges, found)
    graph = scores.graph
    assert [n.name for n in graph.nodes] == [*found.names, "logit.5@6"]
    out = scores.node_scores()
    attribution = found.attribution[torch.from_numpy(found.nodes)].numpy()
    np.testing.assert_allclose(out, attribution, rtol=1e-6, atol=1e-9)
    circuit = strongest_edges(scores)
    assert set(circuit.node_names) == {n.name for n in graph.nodes}
    assert np.abs(scores.values[circuit.edges]).sum() >= 0.98 * np.abs(scores.values[graph.mask]).sum()


def test_direct_attribution_has_edges_into_the_target_alone(demo_features: Any) -> None:
    edges = FeatureEdgeRows(demo_features.table)
    target = logit_target(demo_features.table, 5)
    found = local_circuit(edges, target, nodes=10, method="direct-attribution")
    scores = local_circuit_scores(edges, found)
    assert scores.graph.receivers == ("logit.5@6",)
    assert (scores.values[scores.graph.mask] > found.tau).all()
