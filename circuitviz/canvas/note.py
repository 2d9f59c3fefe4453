"""The line below the circuit: how much of it is in sight, and why not more."""

from __future__ import annotations

import numpy as np

from circuitviz.canvas.picture import CircuitPicture
from circuitviz.session import State


def note_of(state: State, picture: CircuitPicture, beside: str = "", searching: bool = False) -> str:
    """Say in words what is shown of what there is.

    ``beside``: the name of the circuit that this one is compared with; ``searching``: whether it
    may still grow.
    """
    circuit = state.circuit
    if circuit is None:
        return ""
    if not circuit.n_edges and circuit.graph.n_edges:
        return "No edges are left; keep more edges, or choose them greedily."
    edges, nodes = drawn(picture)
    if beside:
        note = f"with {beside}: showing {edges:,} of {picture.total:,} edges of both"
    elif not state.sight.open:
        note = f"filtered: showing {edges:,} of the circuit's {picture.total:,} edges"
        note += f" and {nodes:,} of its {circuit.n_nodes:,} nodes"
    elif edges + inside(picture) != picture.total:
        note = f"showing the {edges:,} strongest of the circuit's {picture.total:,} edges"
    else:
        note = f"showing {edges + inside(picture):,} of {circuit.graph.n_edges:,} edges"
    if held := inside(picture):
        note += f", {held:,} of them inside groups" if state.sight.open else f"; {held:,} are inside groups"
    if not beside and state.live is not None and state.live.n_edges != picture.total:
        note += f", {picture.total - state.live.n_edges:,} ablated"
    if not beside and not searching and circuit.asked and circuit.asked != picture.total:
        note += f" ({circuit.asked:,} asked for)"
    if searching:
        return f"still searching: {note}"
    return f"partial result: {note}" if state.scores is not None and state.scores.partial else note


def drawn(picture: CircuitPicture) -> tuple[int, int]:
    """How many of the circuit's edges and nodes are drawn, those in boxes and arrows with them."""
    nodes = sum(len(node.members) or 1 for node in picture.nodes)
    folding = picture.folding
    if folding is None:
        return len({edge.name for edge in picture.edges}), nodes
    if not folding.circuit.graph.shape.grouped:  # no edge is in two arrows
        return sum(edge.count for edge in picture.edges), nodes
    held = np.zeros_like(folding.circuit.edges)
    for edge in picture.edges:
        held |= folding.edges(edge.sender, edge.node, edge.channel)
    return int(held.sum()), nodes


def inside(picture: CircuitPicture) -> int:
    """How many edges lie within boxes, where no line can show them."""
    if picture.folding is None:
        return 0
    boxes = [node.name for node in picture.nodes if node.members]
    return sum(picture.folding.inside(box)[1] for box in boxes)
