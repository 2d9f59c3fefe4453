"""The line below the circuit: how much of it is in sight, and why not more."""

from __future__ import annotations

import numpy as np

from circuitviz.document import State
from circuitviz.scene.circuit_scene import CircuitScene


def status_text(
    state: State, picture: CircuitScene, compared_with: str = "", is_searching: bool = False
) -> str:
    """Say in words what is shown of what there is.

    ``compared_with``: the name of the circuit that this one is compared with; ``is_searching``: whether it
    may still grow.
    """
    circuit = state.circuit
    if circuit is None:
        return ""
    if not circuit.n_edges and circuit.graph.n_edges:
        return "No edges are left; keep more edges, or choose them greedily."
    edges, nodes = count_drawn(picture)
    if compared_with:
        note = f"with {compared_with}: showing {edges:,} of {picture.n_circuit_edges:,} edges of both"
    elif not state.filters.shows_everything:
        note = f"filtered: showing {edges:,} of the circuit's {picture.n_circuit_edges:,} edges"
        note += f" and {nodes:,} of its {circuit.n_nodes:,} nodes"
    elif edges + count_edges_in_boxes(picture) != picture.n_circuit_edges:
        note = f"showing the {edges:,} strongest of the circuit's {picture.n_circuit_edges:,} edges"
    else:
        note = f"showing {edges + count_edges_in_boxes(picture):,} of {circuit.graph.n_edges:,} edges"
    if held := count_edges_in_boxes(picture):
        note += (
            f", {held:,} of them inside groups"
            if state.filters.shows_everything
            else f"; {held:,} are inside groups"
        )
    if (
        not compared_with
        and state.live_circuit is not None
        and state.live_circuit.n_edges != picture.n_circuit_edges
    ):
        note += f", {picture.n_circuit_edges - state.live_circuit.n_edges:,} ablated"
    if not compared_with and not is_searching and circuit.asked and circuit.asked != picture.n_circuit_edges:
        note += f" ({circuit.asked:,} asked for)"
    if is_searching:
        return f"still searching: {note}"
    return f"partial result: {note}" if state.scores is not None and state.scores.partial else note


def count_drawn(picture: CircuitScene) -> tuple[int, int]:
    """How many of the circuit's edges and nodes are drawn, those in boxes and arrows with them."""
    nodes = sum(len(node.members) or 1 for node in picture.nodes)
    folding = picture.folding
    if folding is None:
        return len({edge.name for edge in picture.edges}), nodes
    if not folding.circuit.graph.shape.has_grouped_queries:  # no edge is in two arrows
        return sum(edge.n_edges for edge in picture.edges), nodes
    held = np.zeros_like(folding.circuit.edges)
    for edge in picture.edges:
        held |= folding.member_edges(edge.sender, edge.receiver, edge.channel)
    return int(held.sum()), nodes


def count_edges_in_boxes(picture: CircuitScene) -> int:
    """How many edges lie within boxes, where no line can show them."""
    if picture.folding is None:
        return 0
    boxes = [node.name for node in picture.nodes if node.members]
    return sum(picture.folding.sum_within(box)[1] for box in boxes)
