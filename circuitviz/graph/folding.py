"""Folding: nodes grouped into boxes, and edges between boxes summed."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from circuitviz.errors import InputError
from circuitviz.graph.circuits import Circuit
from circuitviz.graph.graph import BoolMatrix, IndexArray

FloatMatrix = NDArray[np.float64]


class FoldedEdge(NamedTuple):
    """All edges from one box to another by one channel: the sum of their scores, and their number.

    Attributes:
        sender: Name of the box that the edges come from.
        receiver: Name of the box that they go to.
        channel: ``q``, ``k`` or ``v``, or empty for inputs of MLPs and ``logits``.
        score: Sum of the edges' scores.
        n_edges: Number of edges.
    """

    sender: str
    receiver: str
    channel: str
    score: float
    n_edges: int

    @property
    def key(self) -> tuple[str, str, str]:
        """Sender, receiver and channel."""
        return self.sender, self.receiver, self.channel


@dataclass(frozen=True, eq=False)
class FoldedCircuit:
    """A circuit whose nodes are grouped into boxes.

    Attributes:
        circuit: The circuit that is folded.
        values: Scores [senders, receivers].
        boxes: Names of the boxes, ordered by the mean depth of their nodes. A node of no group is a box of
            its own name.
        membership: Which box holds which node of the graph, bool [boxes, nodes].
    """

    circuit: Circuit
    values: FloatMatrix
    boxes: tuple[str, ...]
    membership: BoolMatrix

    @cached_property
    def box_of(self) -> dict[str, str]:
        """The box of each node of the circuit, by node name."""
        nodes = self.circuit.graph.nodes
        return {nodes[n].name: self.boxes[b] for b, n in np.argwhere(self.membership)}

    def nodes_in(self, box: str) -> tuple[str, ...]:
        """Names of the nodes in a box, ordered by depth."""
        nodes = self.circuit.graph.nodes
        return tuple(nodes[n].name for n in np.flatnonzero(self.membership[self._box_index[box]]))

    def folded_edges(self) -> tuple[FoldedEdge, ...]:
        """Sums of the edges between different boxes, one for each channel, ordered by sender.

        An edge into a key-value receiver that several heads share counts once for each box that holds one of
        them.
        """
        return tuple(arrow for arrow in self._all_folded_edges if arrow.sender != arrow.receiver)

    def sum_within(self, box: str) -> tuple[float, int]:
        """The sum of the scores of the edges within a box, and their number."""
        edges = [a for a in self._all_folded_edges if a.sender == a.receiver == box]
        return sum(a.score for a in edges), sum(a.n_edges for a in edges)

    def with_values(self, values: FloatMatrix) -> FoldedCircuit:
        """The same boxes with other scores [senders, receivers]; the counted edge bundles are kept."""
        folded = replace(self, values=values)
        folded.__dict__["edge_bundles"] = self.edge_bundles
        return folded

    def member_edges(self, sender: str, receiver: str, channel: str) -> BoolMatrix:
        """The edges that a folded edge sums, or that lie within a box, bool [senders, receivers]."""
        rows = self.membership[self._box_index[sender], : len(self.circuit.graph.senders)]
        reads = self.circuit.graph.owners[:, self.membership[self._box_index[receiver]]].any(axis=1)
        columns = reads & (self._channels == channel)
        return np.asarray(self.circuit.edges & rows[:, None] & columns[None, :])

    @cached_property
    def _box_index(self) -> dict[str, int]:
        return {box: i for i, box in enumerate(self.boxes)}

    @cached_property
    def _channels(self) -> NDArray[np.str_]:
        graph = self.circuit.graph
        return np.array([graph.channel(r) for r in range(len(graph.receivers))])

    @cached_property
    def edge_bundles(self) -> EdgeBundles:
        """The circuit's edges, grouped by sender box, receiver box and channel."""
        circuit = self.circuit
        names, channel = np.unique(self._channels, return_inverse=True)
        box_of_node = np.zeros(len(circuit.graph.nodes), np.intp)
        boxes, nodes = np.nonzero(self.membership)
        box_of_node[nodes] = boxes
        sender, receiver, node = circuit.graph.edge_node_triples(circuit.edges)
        is_boxed = np.asarray(self.membership.any(axis=0))[node]
        sender, receiver, node = sender[is_boxed], receiver[is_boxed], node[is_boxed]
        shape = (max(1, len(self.boxes)), max(1, len(self.boxes)), max(1, len(names)))
        bundle_key = np.ravel_multi_index((box_of_node[sender], box_of_node[node], channel[receiver]), shape)
        # two nodes of one box that share a receiver: one edge, not two
        edge_key = (bundle_key * len(circuit.graph.senders) + sender) * len(
            circuit.graph.receivers
        ) + receiver
        _, first_rows = np.unique(edge_key, return_index=True)
        keys, bundle_of_edge, counts = np.unique(
            bundle_key[first_rows], return_inverse=True, return_counts=True
        )
        sender_box, receiver_box, channel_row = np.unravel_index(keys, shape)
        return EdgeBundles(
            sender_box,
            receiver_box,
            names[channel_row],
            counts,
            bundle_of_edge,
            sender[first_rows],
            receiver[first_rows],
        )

    @cached_property
    def _all_folded_edges(self) -> list[FoldedEdge]:
        if not self.boxes:
            return []
        bundles = self.edge_bundles
        scores = bundles.sum_values(self.values[bundles.sender, bundles.receiver])
        columns = (bundles.sender_box, bundles.receiver_box, bundles.channel, scores, bundles.n_edges)
        rows = zip(*(column.tolist() for column in columns), strict=True)
        return [FoldedEdge(self.boxes[s], self.boxes[r], c, score, n) for s, r, c, score, n in rows]


@dataclass(frozen=True, eq=False)
class EdgeBundles:
    """The edges from one box to another by one channel, or within one box, as columns.

    Attributes:
        sender_box: Row of the box that each bundle comes from, int [bundles].
        receiver_box: Row of the box that it goes to, int [bundles].
        channel: ``q``, ``k``, ``v`` or empty, str [bundles].
        n_edges: Number of edges, int [bundles].
        bundle_of_edge: The bundle of each edge, int [edges]. An edge into a receiver that several boxes share
            is in a bundle of each of them.
        sender: Row of each edge's sender, int [edges].
        receiver: Column of each edge's receiver, int [edges].
    """

    sender_box: IndexArray
    receiver_box: IndexArray
    channel: NDArray[np.str_]
    n_edges: IndexArray
    bundle_of_edge: IndexArray
    sender: IndexArray
    receiver: IndexArray

    def sum_values(self, values: NDArray[Any]) -> FloatMatrix:
        """Sums of values [edges] over each bundle, float [bundles]."""
        sums: FloatMatrix = np.bincount(self.bundle_of_edge, values, len(self.sender_box)).astype(float)
        return sums


def fold_circuit(
    circuit: Circuit, values: FloatMatrix, groups: Mapping[str, Collection[str]]
) -> FoldedCircuit:
    """Group the nodes of a circuit into boxes; a node of no group is a box of its own.

    Args:
        circuit: The circuit to fold.
        values: Scores [senders, receivers].
        groups: Node names by group name. Nodes that the circuit lacks are left out; a group without nodes in
            the circuit has no box.

    Raises:
        InputError: A node is in two groups, or a group has the name of a node outside it.
    """
    graph = circuit.graph
    circuit_nodes = set(circuit.node_names)
    group_of: dict[str, str] = {}
    rows: dict[str, list[int]] = {}
    for name, nodes in groups.items():
        for node in sorted(circuit_nodes.intersection(nodes), key=graph.node_index.__getitem__):
            if node in group_of:
                raise InputError(
                    f"{node} is in '{group_of[node]}' and in '{name}'; a circuit can be folded only by "
                    "groups that share no node."
                )
            group_of[node] = name
            rows.setdefault(name, []).append(graph.node_index[node])
    for node in circuit.node_names:
        if node not in group_of:
            if node in rows:
                raise InputError(f"A group has the name of {node}, a node outside it; rename the group.")
            rows[node] = [graph.node_index[node]]
    depth = {
        box: np.mean([graph.depth(graph.nodes[n].name) for n in box_rows]) for box, box_rows in rows.items()
    }
    boxes = tuple(sorted(rows, key=lambda box: (depth[box], rows[box])))
    membership = np.zeros((len(boxes), len(graph.nodes)), dtype=bool)
    for i, box in enumerate(boxes):
        membership[i, rows[box]] = True
    return FoldedCircuit(circuit, values, boxes, membership)
