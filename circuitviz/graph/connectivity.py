"""Reachability and paths in a circuit: what is upstream of what, and along which paths."""

from __future__ import annotations

import heapq
from collections.abc import Iterator, Set
from dataclasses import dataclass
from functools import cached_property
from math import inf

import numpy as np
from numpy.typing import NDArray

from circuitviz.graph.circuits import Circuit
from circuitviz.graph.graph import BoolMatrix

FloatArray = NDArray[np.float64]
IndexArray = NDArray[np.intp]


@dataclass(frozen=True)
class CircuitPath:
    """A path from one node to another along edges of a circuit.

    Attributes:
        nodes: Names of its nodes, in order.
        edges: Names of its edges, in order.
        strength: Least |score| of its edges: the path is in the circuit exactly as long as a threshold on
            |score| is not higher (a widest path).
        share: Product over its edges of |score| / (sum of |score| of all edges into the same node). The
            shares of all paths between two nodes sum to the influence of the first on the second, an entry of
            A + A² + … for row-normalised |A| [ameisen2025circuit].
    """

    nodes: tuple[str, ...]
    edges: tuple[str, ...]
    strength: float
    share: float


@dataclass(frozen=True, eq=False)
class Connectivity:
    """A circuit as arrows between nodes; an edge into a key receiver that three heads share is three arrows.

    Attributes:
        nodes: Names of the nodes, in order of computation.
        source: Row of the node that each arrow comes from, int [arrows].
        destination: Row of the node that it goes to, int [arrows].
        edges: Name of each arrow's edge [arrows].
        score: Score of each arrow's edge, float [arrows].
    """

    nodes: tuple[str, ...]
    source: IndexArray
    destination: IndexArray
    edges: tuple[str, ...]
    score: FloatArray

    @staticmethod
    def of_circuit(circuit: Circuit, scores: FloatArray | None = None) -> Connectivity:
        """The arrows of a circuit.

        Args:
            circuit: The circuit.
            scores: Scores [senders, receivers]; every edge counts 1 where there are none.
        """
        graph = circuit.graph
        nodes = tuple(node.name for node in graph.nodes)
        circuit_nodes = set(circuit.node_names)
        is_in_circuit = np.array([name in circuit_nodes for name in nodes], bool)
        arrows = graph.edge_node_triples(circuit.edges)
        tail, receivers, head = (column[is_in_circuit[arrows[2]]] for column in arrows)
        score = np.ones(len(tail)) if scores is None else np.asarray(scores[tail, receivers], float)
        names = tuple(graph.edge_name(s, r) for s, r in zip(tail.tolist(), receivers.tolist(), strict=True))
        return Connectivity(nodes, tail, head, names, score)

    @cached_property
    def node_index(self) -> dict[str, int]:
        """Row of each node, by name."""
        return {name: row for row, name in enumerate(self.nodes)}

    def upstream(self, names: Set[str]) -> set[str]:
        """Every node from which a path leads to one of some nodes, those included."""
        return self._node_names(self._closure(self._node_mask(names), self.destination, self.source))

    def downstream(self, names: Set[str]) -> set[str]:
        """Every node to which a path leads from one of some nodes, those included."""
        return self._node_names(self._closure(self._node_mask(names), self.source, self.destination))

    def nodes_and_edges_between(self, start: str, end: str) -> tuple[set[str], set[str]]:
        """Names of the nodes and of the edges on any path from one node to another."""
        downstream = self._closure(self._node_mask({start}), self.source, self.destination)
        upstream = self._closure(self._node_mask({end}), self.destination, self.source)
        inside = downstream & upstream
        used = inside[self.source] & inside[self.destination]
        if not used.any():
            return set(), set()
        return self._node_names(inside), {self.edges[i] for i in np.flatnonzero(used)}

    def count_paths(self, start: str, end: str) -> int:
        """Number of paths from one node to another, exact however large."""
        n_paths = {self.node_index[start]: 1}
        for arrow in np.argsort(self.source, kind="stable").tolist():
            tail, head = int(self.source[arrow]), int(self.destination[arrow])
            if tail in n_paths:
                n_paths[head] = n_paths.get(head, 0) + n_paths[tail]
        return n_paths.get(self.node_index[end], 0) if start != end else 0

    def influence(self, start: str, end: str) -> float:
        """Sum of the shares of all paths: the fraction of what reaches ``end`` that comes from ``start``."""
        fraction = np.zeros(len(self.nodes))
        fraction[self.node_index[start]] = 1.0
        for arrow in np.argsort(self.source, kind="stable").tolist():
            fraction[self.destination[arrow]] += fraction[self.source[arrow]] * self._input_share[arrow]
        return float(fraction[self.node_index[end]]) if start != end else 0.0

    def iter_paths(self, start: str, end: str) -> Iterator[CircuitPath]:
        """Paths from one node to another, strongest first; of two of equal strength the shorter.

        Best-first search with an exact bound on what can still be reached, so that no step is wasted: each
        path costs its length, whatever the size of the graph.

        Yields:
            One path after another.
        """
        end_row, outgoing = self.node_index[end], self._outgoing
        best = self._path_strengths(end_row)
        start_row = self.node_index[start]
        if start_row == end_row or best[start_row] == -inf:
            return
        heap: list[tuple[float, int, tuple[int, ...], int, float]] = [
            (-best[start_row], 0, (), start_row, inf)
        ]
        while heap:
            _, hops, arrows, node, strength = heapq.heappop(heap)
            if node == end_row:
                yield self._build_path(arrows, strength)
                continue
            for arrow in outgoing.get(node, ()):
                next_node = int(self.destination[arrow])
                next_strength = min(strength, abs(float(self.score[arrow])))
                if best[next_node] > -inf:
                    bound = min(next_strength, best[next_node])
                    heapq.heappush(heap, (-bound, hops + 1, (*arrows, arrow), next_node, next_strength))

    def _build_path(self, arrows: tuple[int, ...], strength: float) -> CircuitPath:
        rows = list(arrows)
        nodes = (self.nodes[self.source[rows[0]]], *(self.nodes[i] for i in self.destination[rows]))
        share = float(np.prod(self._input_share[rows]))
        return CircuitPath(nodes, tuple(self.edges[i] for i in rows), strength, share)

    def _path_strengths(self, goal: int) -> list[float]:
        """Strength of the strongest path from each node to a goal, [nodes]; −inf where there is none."""
        best = [-inf] * len(self.nodes)
        best[goal] = inf
        for arrow in np.argsort(-self.destination, kind="stable").tolist():
            tail, head = int(self.source[arrow]), int(self.destination[arrow])
            best[tail] = max(best[tail], min(best[head], abs(float(self.score[arrow]))))
        return best

    @cached_property
    def _outgoing(self) -> dict[int, list[int]]:
        arrows_by_node: dict[int, list[int]] = {}
        for arrow, tail in enumerate(self.source.tolist()):
            arrows_by_node.setdefault(tail, []).append(arrow)
        return arrows_by_node

    @cached_property
    def _input_share(self) -> FloatArray:
        """|score| of each arrow as a fraction of all arrows into the same node, float [arrows]."""
        size = np.abs(self.score)
        input_sums = np.bincount(self.destination, weights=size, minlength=len(self.nodes))[self.destination]
        return np.divide(size, input_sums, out=np.zeros_like(size), where=input_sums > 0)

    def _node_mask(self, names: Set[str]) -> BoolMatrix:
        mask = np.zeros(len(self.nodes), bool)
        mask[[self.node_index[name] for name in names if name in self.node_index]] = True
        return mask

    def _closure(self, reached: BoolMatrix, origins: IndexArray, ends: IndexArray) -> BoolMatrix:
        """Follow arrows until no new node is reached: one NumPy step per hop."""
        count = -1
        while count != (count := int(reached.sum())):
            reached = reached.copy()
            reached[ends[reached[origins]]] = True
        return reached

    def _node_names(self, mask: BoolMatrix) -> set[str]:
        return {self.nodes[row] for row in np.flatnonzero(mask)}
