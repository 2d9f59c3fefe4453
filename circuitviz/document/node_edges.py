"""A node's edges in a circuit, parted into those that it reads and those that read it."""

from __future__ import annotations

from dataclasses import dataclass

from circuitviz.document.state import State
from circuitviz.graph.graph import IndexArray


@dataclass(frozen=True, slots=True)
class NodeEdge:
    """An edge at a node.

    Attributes:
        name: Name of the edge.
        score: Its score; None in a circuit without scores.
        share: Its |score| divided by the sum of |score| over all the node's edges; None without scores.
        is_ablated: Whether it, or the node at its other end, is ablated.
    """

    name: str
    score: float | None
    share: float | None
    is_ablated: bool


def node_edges(state: State, node: str) -> tuple[list[NodeEdge], list[NodeEdge]]:
    """The edges into a node and those out of it, the strongest first.

    An edge into a key or value receiver that several heads share is an edge of each of them.

    Args:
        state: A state with a circuit.
        node: Name of a node of the circuit's graph.
    """
    assert state.circuit is not None
    graph, (senders, receivers) = state.circuit.graph, state.circuit.edge_indices
    is_incoming = graph.owners[:, graph.node_index[node]][receivers]
    is_outgoing = senders == graph.sender_index.get(node, -1)
    touching = is_incoming | is_outgoing
    total = 0.0
    if state.scores is not None:
        total = float(abs(state.scores.values[senders[touching], receivers[touching]]).sum())

    def list_edges(rows: IndexArray, columns: IndexArray) -> list[NodeEdge]:
        edges = []
        for row, column in zip(rows.tolist(), columns.tolist(), strict=True):
            name = graph.edge_name(row, column)
            score = None if state.scores is None else state.scores.score_of((row, column))
            share = None if score is None or not total else abs(score) / total
            owners = {graph.nodes[i].name for i in graph.nodes_by_receiver[column]}
            is_ablated = (
                name in state.ablated_edges
                or graph.senders[row] in state.ablated_nodes
                or owners <= state.ablated_nodes
            )
            edges.append(NodeEdge(name, score, share, is_ablated))
        return sorted(edges, key=lambda edge: -abs(edge.score or 0.0))

    incoming = list_edges(senders[is_incoming], receivers[is_incoming])
    return incoming, list_edges(senders[is_outgoing], receivers[is_outgoing])
