"""Columns of drawn edges say what a loop over the circuit's edges says, also where heads share receivers."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from circuitviz.document import State, ViewFilters
from circuitviz.document.groups import Group
from circuitviz.graph import Circuit, Graph, ModelShape, Scores
from circuitviz.scene.build_scene import build_scene
from circuitviz.scene.circuit_scene import CircuitScene
from circuitviz.scene.edge_arrays import CHANNELS
from circuitviz.scene.theme import LIGHT
from circuitviz.shapes.edge_styles import EdgeStyles

MANY_HEADS = Graph.transformer(ModelShape(3, 4, 16))
SHARED_KEYS = Graph.transformer(ModelShape(3, 4, 16, n_kv_heads=2))


def state_of(graph: Graph, n_edges: int = 90) -> State:
    scores = Scores(graph, np.random.default_rng(2).normal(size=graph.mask.shape), "eap")
    return State(None, scores, scores.greedy(n_edges))


def edges_by_loop(state: State) -> list[tuple[str, str, str, str, float]]:
    """Name, sender, receiving node, channel and score of each drawn edge, the weakest first."""
    circuit, graph = state.circuit, state.circuit.graph
    found = []
    for name in sorted(circuit.edge_names, key=lambda name: abs(state.scores.values[graph.edge(name)])):
        row, column = graph.edge(name)
        for node in np.flatnonzero(graph.owners[column]):
            receiver = graph.nodes[node].name
            if receiver in circuit.node_names:
                score = float(state.scores.values[row, column])
                found.append((name, graph.nodes[row].name, receiver, graph.channel(column), score))
    return found


@pytest.mark.parametrize("graph", [MANY_HEADS, SHARED_KEYS], ids=["own keys", "shared keys"])
def test_rows_are_the_circuits_edges(graph: Graph) -> None:
    state = state_of(graph)
    edges = build_scene(state).edges
    drawn = [(e.name, e.sender, e.receiver, e.channel, e.score) for e in edges]
    assert drawn == edges_by_loop(state)
    strongest = max(abs(e.score) for e in edges)
    assert [e.strength for e in edges] == pytest.approx([abs(e.score) / strongest for e in edges])
    names = list(dict.fromkeys(e.name for e in edges))
    assert list(edges.rows_by_name) == names and len(edges.rows_by_name) == len(names)
    for name in names:
        assert edges.rows_by_name[name] == [row for row, e in enumerate(edges) if e.name == name]
    assert "a0.h0->nowhere" not in edges.rows_by_name and edges.rows_by_name.get("a0.h0", None) is None
    assert (len(names) < len(edges)) == (graph is SHARED_KEYS)


@pytest.mark.parametrize("graph", [MANY_HEADS, SHARED_KEYS], ids=["own keys", "shared keys"])
@pytest.mark.parametrize(
    "filters",
    [
        ViewFilters(most=12),
        ViewFilters(least=0.7, joined=True),
        ViewFilters(hidden_signs=frozenset({"negative"}), hidden_channels=frozenset({"q", ""})),
        ViewFilters(hidden_kinds=frozenset({"mlp"}), low=1, most=9, joined=True),
    ],
    ids=["number", "score", "sign and channel", "kind, layer and number"],
)
@pytest.mark.parametrize("is_folded", [False, True], ids=["nodes", "boxes"])
def test_filters_leave_what_a_loop_leaves(graph: Graph, filters: ViewFilters, is_folded: bool) -> None:
    state = state_of(graph)
    if is_folded:
        state = replace(state, groups={"G": Group(frozenset({"a0.h0", "a1.h1", "a1.h2"}), collapsed=True)})
    whole, scene = build_scene(state), build_scene(replace(state, filters=filters))
    signs = {True: "positive", False: "negative"}
    shown = {n.name for n in whole.nodes if passes(n.members or (n.name,), filters, graph)}
    wanted = [
        edge
        for edge in whole.edges
        if {edge.sender, edge.receiver} <= shown
        and abs(edge.score) >= filters.least
        and signs[edge.score >= 0] not in filters.hidden_signs
        and edge.channel not in filters.hidden_channels
    ]
    if filters.most is not None:
        kept = list(dict.fromkeys(edge.name for edge in reversed(wanted)))[: filters.most]
        wanted = [edge for edge in wanted if edge.name in kept]
    if filters.joined:
        shown &= {name for edge in wanted for name in (edge.sender, edge.receiver)}
    assert list(scene.edges) == wanted
    assert [node.name for node in scene.nodes] == [node.name for node in whole.nodes if node.name in shown]


def passes(members: tuple[str, ...], filters: ViewFilters, graph: Graph) -> bool:
    low, high = filters.low or -1, graph.shape.n_layers if filters.high is None else filters.high
    nodes = [graph.node(name) for name in members]
    return any(
        str(n.kind) not in filters.hidden_kinds and (n.layer is None or low <= n.layer <= high) for n in nodes
    )


def test_ablated_edges_are_those_of_ablated_senders_and_those_named() -> None:
    state = state_of(SHARED_KEYS)
    named = frozenset(state.circuit.edge_names[::7])
    edges = build_scene(replace(state, ablated_nodes=frozenset({"a0.h1"}), ablated_edges=named)).edges
    assert edges.ablated.any() and not edges.ablated.all()
    for edge in edges:
        assert edge.ablated == (edge.sender == "a0.h1" or edge.name in named)
    groups = [2 if edge.ablated else int(edge.score < 0) for edge in edges]
    styles = EdgeStyles.of_edges(edges, LIGHT)
    assert styles.ink.tolist() == groups
    levels = [min(7, int(8 * np.sqrt(edge.strength))) for edge in edges]
    assert styles.level.tolist() == levels


def test_the_opacity_of_a_folded_edge_is_that_of_its_most_stable_edge() -> None:
    state = state_of(MANY_HEADS)
    opacity = {name: (i % 5) / 5 for i, name in enumerate(state.circuit.edge_names)}
    assert [e.opacity for e in build_scene(state, opacity=opacity).edges] == pytest.approx(
        [max(0.06, opacity[e.name]) for e in build_scene(state).edges]
    )
    folded = replace(state, groups={"G": Group(frozenset({"a0.h0", "a0.h1", "a1.h1"}), collapsed=True)})
    scene = build_scene(folded, opacity=opacity)
    for edge in scene.edges:
        members = scene.folding.member_edges(edge.sender, edge.receiver, edge.channel)
        highest = max(opacity[name] for name in MANY_HEADS.edge_names(members))
        assert edge.opacity == pytest.approx(max(0.06, highest))


def test_a_slice_and_a_row_are_made_of_the_same_columns() -> None:
    edges = build_scene(state_of(MANY_HEADS)).edges
    assert list(edges[3:9]) == [edges[row] for row in range(3, 9)] and edges[-1] == edges[len(edges) - 1]
    assert edges == build_scene(state_of(MANY_HEADS)).edges and edges[1:] != edges
    assert all(CHANNELS[number] == edge.channel for number, edge in zip(edges.channel, edges, strict=True))
    assert list(CircuitScene().edges) == [] and CircuitScene() == CircuitScene()
    empty = Circuit.empty(MANY_HEADS)
    assert len(build_scene(State(None, None, empty)).edges) == 0
