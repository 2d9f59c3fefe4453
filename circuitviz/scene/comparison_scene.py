"""Two circuits in one scene and on one layout: what both have, and what only one of them has."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from circuitviz.document import State
from circuitviz.graph import BoolMatrix, Circuit, Scores
from circuitviz.number_text import signed_number
from circuitviz.scene.build_scene import build_scene
from circuitviz.scene.circuit_scene import CircuitScene
from circuitviz.scene.edge_arrays import SIDES

SIDE_BOTH, SIDE_LEFT, SIDE_RIGHT = SIDES[1:]


def build_comparison_scene(
    left: State,
    right: State,
    names: tuple[str, str],
    layout: str = "layered",
    max_edges: int | None = None,
) -> CircuitScene:
    """The scene of two circuits as they are now, ablated parts left out.

    Scores of two methods have no common scale, so each circuit's are shares of its own strongest edge,
    and an edge that both have is as strong as the stronger of its two shares. Labels and positions are
    those of the left circuit, then of the right.

    Args:
        left: the state of one circuit.
        right: the state of the other; without a common graph nothing is drawn.
        names: of both circuits, for legend and tooltips.
        layout: a name in ``layout.layouts``.
        max_edges: draw at most so many edges, the strongest; all where it is None.
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
    scene = build_scene(union, layout, max_edges)
    at = np.unravel_index(scene.edges.key, edges.shape)
    side = np.where(ours.edges[at], np.where(theirs.edges[at], 1, 2), 3)
    compared = ((names[0], left, ours), (names[1], right, theirs))

    def note_of(key: int) -> str:
        row, column = np.unravel_index(key, edges.shape)
        notes = []
        for name, state, circuit in compared:
            if circuit.edges[row, column]:
                score = None if state.scores is None else state.scores.score_of((int(row), int(column)))
                score_text = "without a score" if score is None else signed_number(score, 4)
                notes.append(f"{name}: {score_text}")
        return "; ".join(notes)

    nodes = tuple(replace(node, side=side_of_node(node.name, ours, theirs)) for node in scene.nodes)
    drawn = replace(scene.edges, side=side.astype(np.intp), note_of=note_of)
    return CircuitScene(nodes, drawn, scene.n_circuit_edges, names, user_positioned=scene.user_positioned)


def relative_strengths(state: State, circuit: Circuit) -> NDArray[np.float64]:
    """|score| of a circuit's edges as shares of its strongest [senders, receivers]; 0 elsewhere."""
    values = np.abs(state.scores.values) if state.scores is not None else circuit.edges.astype(float)
    values = np.where(circuit.edges, values, 0.0)
    return values / (values.max() or 1.0)


def side_of_node(node: str, ours: Circuit, theirs: Circuit) -> str:
    """Which of two circuits has a node."""
    if node in ours.node_names:
        return SIDE_BOTH if node in theirs.node_names else SIDE_LEFT
    return SIDE_RIGHT


def side_of_edge(at: tuple[int, int], ours: BoolMatrix, theirs: BoolMatrix) -> str:
    """Which of two circuits has an edge, by its place in [senders, receivers]."""
    if ours[at]:
        return SIDE_BOTH if theirs[at] else SIDE_LEFT
    return SIDE_RIGHT
