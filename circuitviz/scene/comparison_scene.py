"""Two circuits in one picture: what they share and what only one of them has, on one layout."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from circuitviz.document import State
from circuitviz.graph import BoolMatrix, Circuit, Scores
from circuitviz.scene.circuit_scene import MAX_DRAWN_EDGES, CircuitScene, DrawnEdge, DrawnNode, build_scene

SIDE_BOTH, SIDE_LEFT, SIDE_RIGHT = "both", "left", "right"


def build_comparison_scene(
    left: State,
    right: State,
    names: tuple[str, str],
    layout: str = "layered",
    max_edges: int = MAX_DRAWN_EDGES,
) -> CircuitScene:
    """Both circuits as they are now, ablated parts left out; ``names`` are for legend and hints.

    Scores of two methods have no common scale, so each circuit's are shares of its own strongest
    edge, and an edge that both have is as strong as the stronger of its two shares. At most ``max_edges``
    edges are drawn, the strongest. Labels and places are those of the left circuit, then of the right.
    """
    ours, theirs = left.live_circuit, right.live_circuit
    if ours is None or theirs is None or not ours.graph.same_as(theirs.graph):
        return CircuitScene()
    graph, edges = ours.graph, ours.edges | theirs.edges
    shares = np.maximum(relative_strengths(left, ours), relative_strengths(right, theirs))
    union = State(
        scores=Scores(graph, shares, "both"),
        circuit=Circuit(graph, edges, int(edges.sum())),
        labels={**right.labels, **left.labels},
        positions={**right.positions, **left.positions},
    )
    picture = build_scene(union, layout, max_edges)
    drawn = tuple(_edge_with_side(edge, left, right, ours, theirs, names) for edge in picture.edges)
    nodes = tuple(replace(node, side=side_of_node(node.name, ours, theirs)) for node in picture.nodes)
    by_name: Mapping[str, DrawnNode] = {node.name: node for node in nodes}
    return CircuitScene(nodes, drawn, picture.n_circuit_edges, by_name, names, placed=picture.placed)


def relative_strengths(state: State, circuit: Circuit) -> NDArray[np.float64]:
    """|score| of a circuit's edges as shares of its strongest [senders, receivers]; 0 elsewhere."""
    values = np.abs(state.scores.values) if state.scores is not None else circuit.edges.astype(float)
    values = np.where(circuit.edges, values, 0.0)
    return values / (values.max() or 1.0)


def side_of_node(node: str, ours: Circuit, theirs: Circuit) -> str:
    """Which of the two circuits has a node."""
    if node in ours.node_names:
        return SIDE_BOTH if node in theirs.node_names else SIDE_LEFT
    return SIDE_RIGHT


def side_of_edge(at: tuple[int, int], ours: BoolMatrix, theirs: BoolMatrix) -> str:
    """Which of the two circuits has an edge."""
    if ours[at]:
        return SIDE_BOTH if theirs[at] else SIDE_LEFT
    return SIDE_RIGHT


def _edge_with_side(
    edge: DrawnEdge, left: State, right: State, ours: Circuit, theirs: Circuit, names: tuple[str, str]
) -> DrawnEdge:
    at = ours.graph.edge(edge.name)
    said = []
    for name, state, circuit in ((names[0], left, ours), (names[1], right, theirs)):
        if circuit.edges[at]:
            score = f"{state.scores.values[at]:+.4f}" if state.scores is not None else "without a score"
            said.append(f"{name}: {score}")
    side = side_of_edge(at, ours.edges, theirs.edges)
    return replace(edge, side=side, note="; ".join(said))
