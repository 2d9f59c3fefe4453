"""Circuits: sets of edges of a graph, and pruning.

Numbers of edges that are reported anywhere are numbers after pruning.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from circuitviz.graph.graph import BoolMatrix, Graph, IndexArray, edge_indices
from circuitviz.notebook_methods import NotebookCircuit


@dataclass(frozen=True, eq=False)
class Circuit(NotebookCircuit):
    """A set of edges of a graph.

    Attributes:
        graph: The graph that the edges belong to.
        edges: Chosen edges, bool [senders, receivers].
        requested_edges: The number of edges that was requested, or None where none was.
        note: Why fewer edges than requested are left; empty otherwise.
    """

    graph: Graph
    edges: BoolMatrix
    requested_edges: int | None = None
    note: str = ""

    def __repr__(self) -> str:
        return f"Circuit({self.n_edges:,} of {self.graph.n_edges:,} edges, {self.n_nodes} nodes)"

    @staticmethod
    def full(graph: Graph) -> Circuit:
        """The circuit of all edges of a graph: the full model."""
        return Circuit(graph, graph.mask.copy())

    @staticmethod
    def empty(graph: Graph) -> Circuit:
        """The circuit without edges: everything ablated."""
        return Circuit(graph, np.zeros_like(graph.mask))

    @staticmethod
    def from_names(graph: Graph, names: Iterable[str]) -> Circuit:
        """The circuit of exactly the edges named, without pruning.

        Args:
            graph: The graph that the names are looked up in.
            names: Names such as ``a5.h3->a9.h9<q>``.

        Raises:
            InputError: An edge does not exist in the graph.
        """
        edges = np.zeros_like(graph.mask)
        for name in names:
            edges[graph.edge(name)] = True
        return Circuit(graph, edges)

    def pruned(self) -> Circuit:
        """The circuit without nodes that have no incoming or no outgoing edge, and without their edges."""
        return Circuit(self.graph, prune(self.graph, self.edges), self.requested_edges, self.note)

    def ablate(self, nodes: Iterable[str] = (), edges: Iterable[str] = ()) -> Circuit:
        """The circuit with nodes and edges ablated, not pruned.

        Ablating a node replaces its output on all its edges, so its row of the edge matrix is emptied.

        Args:
            nodes: Names of nodes whose outgoing edges are removed; unknown names and ``logits`` are ignored.
            edges: Names of edges that are removed.

        Raises:
            InputError: An edge does not exist in the graph.
        """
        remaining = self.edges.copy()
        for name in nodes:
            if name in self.graph.sender_index:
                remaining[self.graph.sender_index[name]] = False
        for name in edges:
            remaining[self.graph.edge(name)] = False
        return Circuit(self.graph, remaining, self.requested_edges, self.note)

    @cached_property
    def n_edges(self) -> int:
        """How many edges there are."""
        return int(np.count_nonzero(self.edges))

    @cached_property
    def n_component_edges(self) -> int:
        """How many edges between components there are, each counted once however many spans it is at."""
        if self.graph.spans is None:
            return self.n_edges
        return int(np.count_nonzero(self.graph.split_spans(self.edges).any(axis=2)))

    @cached_property
    def node_names(self) -> tuple[str, ...]:
        """Names of the circuit's nodes, ordered by depth.

        These are the nodes that an edge of the circuit touches, and the isolated nodes of the graph: no
        choice of edges can leave those out. An edge into a key-value receiver that several heads share
        touches those of its heads that have an outgoing edge.
        """
        has_incoming = self.edges.any(axis=0) & (self.graph.owners.sum(axis=1) == 1)
        has_outgoing = np.append(self.edges.any(axis=1), [False] * self.graph.sinks)
        touched = has_outgoing | self.graph.owners[has_incoming].any(axis=0) | self.graph.isolated
        return tuple(n.name for n, t in zip(self.graph.nodes, touched, strict=True) if t)

    @property
    def n_nodes(self) -> int:
        """How many nodes there are."""
        return len(self.node_names)

    @cached_property
    def edge_indices(self) -> tuple[IndexArray, IndexArray]:
        """Rows of the sender and of the receiver of each edge, int [edges] each, ordered by sender."""
        return edge_indices(self.edges)

    @cached_property
    def digest(self) -> hashlib._Hash:
        """SHA-256 object over the edges; ``copy()`` it before updating it."""
        return hashlib.sha256(np.packbits(self.edges).tobytes())

    def __getstate__(self) -> dict[str, Any]:
        """Without the digest, whose object cannot be sent to another process; it is made again."""
        return {name: value for name, value in vars(self).items() if name != "digest"}

    @cached_property
    def edge_names(self) -> tuple[str, ...]:
        """Names of all edges, ordered by sender."""
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
    """Remove dead ends until nothing changes (methods.md, Graph).

    A node stays while it has an incoming edge and an outgoing one. ``input`` and other roots need no incoming
    edge, targets no outgoing one. A key-value receiver that several heads share stays while one of them does.

    Args:
        graph: The graph that the edges belong to.
        edges: Edges to prune, bool [senders, receivers].
        open_ends: Nodes that need no incoming edge either, bool [nodes]; used while a search has not yet
            examined the edges into them.

    Returns:
        A new bool matrix [senders, receivers].
    """
    remaining = edges & graph.mask
    while True:
        incoming = np.asarray(graph.owners[remaining.any(axis=0)].any(axis=0))
        incoming |= graph.roots
        if open_ends is not None:
            incoming |= open_ends
        outgoing = np.append(remaining.any(axis=1), [True] * graph.sinks)
        alive = incoming & outgoing
        rows, columns = alive[: len(graph.senders)], np.asarray((graph.owners & alive).any(axis=1))
        pruned = remaining & rows[:, None] & columns[None, :]
        if np.array_equal(pruned, remaining):
            return pruned
        remaining = pruned
