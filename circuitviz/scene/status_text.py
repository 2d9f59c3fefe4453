"""The line below the circuit: how much of it is drawn, and why not more."""

from __future__ import annotations

import numpy as np

from circuitviz.document import State
from circuitviz.scene.circuit_scene import CircuitScene


def status_text(
    state: State, scene: CircuitScene, compared_with: str = "", is_searching: bool = False
) -> str:
    """How much of a circuit is drawn, in words.

    Args:
        state: what the document shows.
        scene: what is drawn of it.
        compared_with: the name of the circuit that is drawn together with this one, else empty.
        is_searching: whether a search may still add edges.
    """
    circuit = state.circuit
    if circuit is None:
        return ""
    if not circuit.n_edges and circuit.graph.n_edges:
        return "The circuit has no edges; keep more edges, or choose greedy selection."
    edges, nodes = count_drawn(scene)
    total, inside = scene.n_circuit_edges, count_edges_in_boxes(scene)
    if compared_with:
        text = f"with {compared_with}: showing {edges:,} of {total:,} edges of both"
    elif not state.filters.shows_everything:
        text = f"filtered: showing {edges:,} of the circuit's {total:,} edges"
        text += f" and {nodes:,} of its {circuit.n_nodes:,} nodes"
    elif edges + inside != total:
        text = f"showing the {edges:,} strongest of the circuit's {total:,} edges"
    else:
        text = f"showing {total:,} of {circuit.graph.n_edges:,} edges"
        if circuit.graph.spans is not None:
            text += f" at spans, {circuit.n_component_edges:,} between components"
    if inside and state.filters.shows_everything:
        text += f", {inside:,} of them inside groups"
    elif inside:
        text += f"; {inside:,} are inside groups"
    live = state.live_circuit
    if not compared_with and live is not None and live.n_edges != total:
        text += f", {total - live.n_edges:,} ablated"
    if (
        not compared_with
        and not is_searching
        and circuit.requested_edges
        and circuit.requested_edges != total
    ):
        text += f" ({circuit.requested_edges:,} requested)"
    if is_searching:
        return f"still searching: {text}"
    return f"partial result: {text}" if state.scores is not None and state.scores.partial else text


def count_drawn(scene: CircuitScene) -> tuple[int, int]:
    """How many of the circuit's edges and nodes are drawn, those in boxes and folded edges included."""
    nodes = sum(len(node.members) or 1 for node in scene.nodes)
    folding = scene.folding
    if folding is None:
        return len(np.unique(scene.edges.key)), nodes
    bundles = folding.edge_bundles
    is_drawn = np.zeros(len(bundles.n_edges), bool)
    is_drawn[scene.edges.key] = True
    drawn = is_drawn[bundles.bundle_of_edge]
    edge = bundles.sender * len(folding.circuit.graph.receivers) + bundles.receiver
    return len(np.unique(edge[drawn])), nodes  # an edge into a shared receiver is in several bundles


def count_edges_in_boxes(scene: CircuitScene) -> int:
    """How many edges join two nodes of one box, where no line can show them."""
    if scene.folding is None:
        return 0
    boxes = [node.name for node in scene.nodes if node.members]
    return sum(scene.folding.sum_within(box)[1] for box in boxes)
