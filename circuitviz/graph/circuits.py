"""A circuit is a set of edges; what is reported of it is always what is left after pruning."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from circuitviz.graph.graph import BoolMatrix, Graph, IndexArray, edge_indices


@dataclass(frozen=True, eq=False)
class Circuit:
    """Chosen edges [senders, receivers] of a graph.

    ``asked`` is the number of edges that was asked for, ``note`` says why fewer are left.
    """

    graph: Graph
    edges: BoolMatrix
    asked: int | None = None
    note: str = ""

    def __repr__(self) -> str:
        return f"Circuit({self.n_edges:,} of {self.graph.n_edges:,} edges, {self.n_nodes} nodes)"

    @staticmethod
    def full(graph: Graph) -> Circuit:
        """Every edge that exists: the model itself."""
        return Circuit(graph, graph.mask.copy())

    @staticmethod
    def empty(graph: Graph) -> Circuit:
        """No edge: everything ablated."""
        return Circuit(graph, np.zeros_like(graph.mask))

    @staticmethod
    def from_names(graph: Graph, names: Iterable[str]) -> Circuit:
        """Exactly the edges named, unpruned; InputError on an edge that does not exist."""
        edges = np.zeros_like(graph.mask)
        for name in names:
            edges[graph.edge(name)] = True
        return Circuit(graph, edges)

    def pruned(self) -> Circuit:
        """Without the nodes that have no incoming or no outgoing edge, and without their edges."""
        return Circuit(self.graph, prune(self.graph, self.edges), self.asked, self.note)

    def without(self, nodes: Iterable[str] = (), edges: Iterable[str] = ()) -> Circuit:
        """The circuit with all edges out of some nodes, and some edges, removed; not pruned.

        Node ablation replaces a node's output on all its edges, so its row is emptied.
        """
        left = self.edges.copy()
        for name in nodes:
            if name in self.graph.sender_index:
                left[self.graph.sender_index[name]] = False
        for name in edges:
            left[self.graph.edge(name)] = False
        return Circuit(self.graph, left, self.asked, self.note)

    @cached_property
    def n_edges(self) -> int:
        """How many edges there are."""
        return int(np.count_nonzero(self.edges))

    @cached_property
    def node_names(self) -> tuple[str, ...]:
        """Nodes that an edge touches, in order of depth, and those that no edge of the graph touches.

        The latter are in every circuit of their graph: no choice of edges can leave them out. An edge into a
        key-value receiver that several heads share touches those that write.
        """
        own = self.edges.any(axis=0) & (self.graph.owners.sum(axis=1) == 1)
        writing = np.append(self.edges.any(axis=1), [False] * self.graph.sinks)
        touched = writing | self.graph.owners[own].any(axis=0) | self.graph.isolated
        return tuple(n.name for n, t in zip(self.graph.nodes, touched, strict=True) if t)

    @property
    def n_nodes(self) -> int:
        """How many nodes there are."""
        return len(self.node_names)

    @cached_property
    def edge_indices(self) -> tuple[IndexArray, IndexArray]:
        """Rows of the sender and of the receiver of each edge [edges], in order of their senders."""
        return edge_indices(self.edges)

    @cached_property
    def digest(self) -> hashlib._Hash:
        """SHA-256 over the edges; go on with a ``copy()``."""
        return hashlib.sha256(np.packbits(self.edges).tobytes())

    @cached_property
    def edge_names(self) -> tuple[str, ...]:
        """Names of all edges, in order of their senders."""
        return self.graph.edge_names(self.edges)

    def __eq__(self, other: object) -> bool:
        return (
            isinstance(other, Circuit)
            and self.graph.same_as(other.graph)
            and bool(np.array_equal(self.edges, other.edges))
        )

    def __hash__(self) -> int:
        return hash((self.graph.shape, self.digest.digest()))


def prune(graph: Graph, edges: BoolMatrix, open_ends: BoolMatrix | None = None) -> BoolMatrix:
    """Remove dead ends until nothing changes (METHODS: Graph); returns a new matrix.

    A node stays while it has an incoming edge (``input`` and other leaves need none, nor do ``open_ends``
    [nodes]) and an outgoing one (targets need none). A key-value receiver that several heads share
    stays while one does.
    """
    left = edges & graph.mask
    while True:
        incoming = np.asarray(graph.owners[left.any(axis=0)].any(axis=0))
        incoming |= graph.roots
        if open_ends is not None:
            incoming |= open_ends
        outgoing = np.append(left.any(axis=1), [True] * graph.sinks)
        alive = incoming & outgoing
        rows, columns = alive[: len(graph.senders)], np.asarray((graph.owners & alive).any(axis=1))
        pruned = left & rows[:, None] & columns[None, :]
        if np.array_equal(pruned, left):
            return pruned
        left = pruned
