"""Scores of all edges, and the ways to choose a circuit from them."""

from __future__ import annotations

import hashlib
import heapq
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from circuitviz.errors import InputError, suggest_name
from circuitviz.graph.circuits import Circuit, prune
from circuitviz.graph.graph import BoolMatrix, Graph, edge_indices
from circuitviz.notebook_methods import NotebookObject

IMPORTED_METHOD = "imported"  # ``Scores.method`` of scores read from another tool's file
SIGN_KEY, POSITIVE_HELPS = "score_sign", "positive helps"  # key and value in ``info`` and in files
SIGN_NOTE_KEY = "score_sign_note"  # key in ``info``: how the sign is known
UNIT_KEY, RANK_UNIT = "score_unit", "rank"  # key and value in ``info``: scores that are no effects
SELECTIONS = ("greedy", "top", "signed", "threshold", "nodes", "own")


@dataclass(frozen=True, eq=False)
class Scores(NotebookObject):
    """A score for every edge; a positive score means that the edge helps the metric (methods.md, Scores).

    Files of other tools rarely say whether positive helps: EAP-IG's scores have the sign of the metric that
    was passed, which may be a loss. Where ``sign_known`` is False, the signs are those of the file, and
    nothing may be concluded from them.

    Attributes:
        graph: The graph that the edges belong to.
        values: Scores, float [senders, receivers].
        method: Name of the method that made them.
        options: The method's options.
        partial: Whether the computation was stopped before its end. Then an edge of score 0 was not examined,
            or was and has no effect; it is never chosen, and a node with no examined incoming edge is no dead
            end.
        info: Further results of the method, ready for JSON: ``own``, the least |score| of the edges that the
            method itself selected; ``rounds`` of path patching; ``score_sign`` and ``score_sign_note``, how
            the sign of imported scores is known; ``score_unit``, where they are ranks and no effects;
            ``task_check``, whether the model does the task.
        positions: Effects by sender and token position, float [senders, time], where the method gives them.
        examined: The edges that the method was asked to score, bool [senders, receivers]; None where it
            scored all. The others have no score: their value is 0, they are never chosen, and what shows or
            writes scores leaves theirs out. A node with no examined incoming edge is no dead end.
    """

    graph: Graph
    values: NDArray[np.float64]
    method: str
    options: Mapping[str, Any] = field(default_factory=dict)
    partial: bool = False
    info: Mapping[str, Any] = field(default_factory=dict)
    positions: NDArray[np.float64] | None = None
    examined: BoolMatrix | None = None

    @classmethod
    def from_names(
        cls, graph: Graph, values: Mapping[str, float], method: str, info: Mapping[str, Any] | None = None
    ) -> Scores:
        """Scores of some edges by their names; all others are 0.

        Args:
            graph: The graph that the names are looked up in.
            values: Scores by names such as ``a5.h3->a9.h9<q>``.
            method: Name of the method that made them.
            info: Further results of the method.

        Raises:
            InputError: An edge does not exist in the graph.
        """
        matrix = np.zeros(graph.mask.shape)
        for name, value in values.items():
            matrix[graph.edge(name)] = value
        return cls(graph, matrix, method, info=info or {})

    def __repr__(self) -> str:
        return f"Scores({self.method} of {self.graph.n_edges:,} edges{', partial' * self.partial})"

    def __post_init__(self) -> None:
        if self.values.shape != self.graph.mask.shape:
            raise InputError(
                f"Scores of shape {self.values.shape} were given for a model whose edges need "
                f"{self.graph.mask.shape} (senders, receivers)."
            )

    @property
    def sign_known(self) -> bool:
        """Whether a positive score is known to help the metric."""
        sign = self.info.get(SIGN_KEY)
        return sign == POSITIVE_HELPS or (sign is None and self.method != IMPORTED_METHOD)

    @property
    def are_effects(self) -> bool:
        """Whether scores are effects on the metric, and not ranks."""
        return self.info.get(UNIT_KEY) != RANK_UNIT

    def with_known_sign(self, negated: bool, note: str) -> Scores:
        """The same scores with a known sign: positive helps.

        Args:
            negated: Whether positive scores hurt so far, so that all scores are negated.
            note: How the sign was found out.
        """
        info = {**self.info, SIGN_KEY: POSITIVE_HELPS, SIGN_NOTE_KEY: note}
        if not negated:
            return replace(self, info=info)
        positions = None if self.positions is None else -self.positions
        values = np.where(self.values == 0, 0.0, -self.values)  # no negative zeros
        return replace(self, values=values, positions=positions, info=info)

    def top(self, n: int) -> Circuit:
        """The n edges of largest |score|, pruned: what is left may be far fewer.

        Raises:
            InputError: The graph has fewer than n edges, or a score is not finite.
        """
        return self._strongest(n, -np.abs(self.values))

    def signed(self, n: int) -> Circuit:
        """The n edges of largest score, pruned.

        Raises:
            InputError: The sign of the scores is not known, the graph has fewer than n edges, or a score is
                not finite.
        """
        if not self.sign_known:
            raise InputError(
                "Edges were asked for by signed score, and the file of these scores does not say whether "
                "positive helps; import it with --sign, or choose by |score| (top, greedy)."
            )
        return self._strongest(n, -self.values)

    def threshold(self, value: float) -> Circuit:
        """All edges with |score| ≥ value, pruned.

        Raises:
            InputError: The value is not above 0.
        """
        if not value > 0:
            raise InputError(
                f"A threshold of {value:g} was given; it is the least |score| of an edge to keep, so a "
                "number above 0 would be right."
            )
        selected = (np.abs(self.values) >= value) & self.graph.mask
        return Circuit(self.graph, self._pruned(selected), int(selected.sum()))

    def select_by_method(self) -> Circuit:
        """The edges that the method itself selected.

        Raises:
            InputError: The method only scores edges.
        """
        if "own" not in self.info:
            raise InputError(
                f"The method '{self.method}' scores edges and keeps none by itself; greedy, top or "
                "threshold would be right."
            )
        return self.threshold(self.info["own"])

    def nodes(self, n: int) -> Circuit:
        """The nodes of largest |attribution| (``node_scores``) with all edges between them.

        As many nodes are taken as give at most n edges.

        Raises:
            InputError: The graph has fewer than n edges, or a score is not finite.
        """
        self._check_edge_count(n)
        graph = self.graph
        order = np.argsort(-np.abs(self.node_scores()), kind="stable")

        def edges_among(count: int) -> BoolMatrix:
            is_selected = np.zeros(len(graph.nodes), dtype=bool)
            is_selected[order[:count]] = is_selected[-1] = True
            reads = graph.owners @ is_selected > 0
            return self._pruned(self._choosable_edges & is_selected[:-1, None] & reads[None, :])

        low, high = 0, len(order)
        while low < high:  # more nodes have more edges between them
            middle = (low + high + 1) // 2
            low, high = (middle, high) if edges_among(middle).sum() <= n else (low, middle - 1)
        return Circuit(graph, edges_among(low), n, f"{low} nodes with all edges between them")

    def greedy(self, n: int) -> Circuit:
        """From the targets upstream, always the strongest edge into a node that is already reached.

        Edges are added until n edges are left after pruning; where that is impossible, the circuit's ``note``
        states it.

        Raises:
            InputError: The graph has fewer than n edges, or a score is not finite.
        """
        self._check_edge_count(n)
        if n == 0:
            return Circuit(self.graph, np.zeros_like(self.graph.mask), 0)
        order = self._greedy_order
        low, high = min(n, len(order[0])), len(order[0])
        while low < high:  # edges left after pruning only grow with the edges added
            middle = (low + high) // 2
            if self._greedy_prefix(middle).sum() >= n:
                high = middle
            else:
                low = middle + 1
        edges = self._trim(self._greedy_prefix(low), n)
        n_left = int(edges.sum())
        shortfall = f"{n_left} of {n}: no set of exactly {n} edges without dead ends was reached"
        note = "" if n_left == n else self._examined_note(n) or shortfall
        return Circuit(self.graph, edges, n, note)

    def select(self, rule: str, amount: float) -> Circuit:
        """Choose a circuit by the name of the rule.

        Args:
            rule: One of ``SELECTIONS``.
            amount: Number of edges for ``greedy``, ``top``, ``signed`` and ``nodes``; least |score| for
                ``threshold``; unused for ``own``.

        Raises:
            InputError: There is no such rule, or the amount does not suit it.
        """
        if rule not in SELECTIONS:
            raise InputError(
                f"There is no way to choose edges called '{rule}'; there is "
                f"{', '.join(SELECTIONS)}." + suggest_name(rule, SELECTIONS)
            )
        if rule == "threshold":
            return self.threshold(amount)
        if rule == "own":
            return self.select_by_method()
        circuit: Circuit = getattr(self, rule)(int(amount))
        return circuit

    def node_scores(self) -> NDArray[np.float64]:
        """Attribution of each node, float [senders]: the sum of its outgoing edges' scores."""
        total: NDArray[np.float64] = np.where(self.graph.mask, self.values, 0.0).sum(axis=1)
        return total

    def estimate_change(self, before: BoolMatrix, after: BoolMatrix) -> float:
        """First-order change of the metric between two sets of edges, from stored scores alone.

        Scores are effects of single edges on the full model, so the sum is exact only where edges do not
        interact. Whatever shows it marks it with ≈.

        Args:
            before: Edges before, bool [senders, receivers].
            after: Edges after, bool [senders, receivers].
        """
        return float(np.where(after, self.values, 0.0).sum() - np.where(before, self.values, 0.0).sum())

    def estimate_scaling_change(self, edges: BoolMatrix, factors: Mapping[str, float]) -> float:
        """First-order change of the metric when nodes send a scaled output along their edges.

        Args:
            edges: Edges of the circuit, bool [senders, receivers].
            factors: By node name: 0 where the node sends its ablation value, 1 where it sends its own output.
        """
        rows = [self.graph.sender_index[name] for name in factors]
        sums = np.where(edges[rows], self.values[rows], 0.0).sum(axis=1)
        return float(((np.array(list(factors.values())) - 1.0) * sums).sum()) if rows else 0.0

    @cached_property
    def digest(self) -> bytes:
        """SHA-256 over the scores of the edges that exist."""
        return hashlib.sha256(self._edge_values.tobytes()).digest()

    @property
    def n_examined(self) -> int:
        """Number of edges that the method was asked to score."""
        return self.graph.n_edges if self.examined is None else int(self.examined.sum())

    def score_of(self, edge: tuple[int, int]) -> float | None:
        """The score of an edge (sender, receiver); None where the method was not asked for it."""
        return None if self.examined is not None and not self.examined[edge] else float(self.values[edge])

    @cached_property
    def _edge_indices(self) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
        return edge_indices(self.graph.mask)

    @property
    def _edge_values(self) -> NDArray[np.float64]:
        return self.values[self._edge_indices]

    def _check_edge_count(self, n: int) -> None:
        if n < 0 or n > self.graph.n_edges:
            raise InputError(
                f"{n:,} edges were asked for; this model has {self.graph.n_edges:,}, "
                f"so a number from 0 to {self.graph.n_edges:,} would be right."
            )
        if not np.isfinite(self._edge_values).all():
            raise InputError(
                "The scores hold values that are not numbers, so no edges can be chosen from them."
            )

    def _strongest(self, n: int, keys: NDArray[np.float64]) -> Circuit:
        self._check_edge_count(n)
        senders, receivers = edge_indices(self._choosable_edges)
        selected = np.argsort(keys[senders, receivers], kind="stable")[:n]
        edges = np.zeros_like(self.graph.mask)
        edges[senders[selected], receivers[selected]] = True
        return Circuit(self.graph, self._pruned(edges), n, self._examined_note(n))

    def _examined_note(self, n: int) -> str:
        """Why a circuit cannot have n edges, where it is because fewer were examined."""
        n_examined = self.n_examined
        return f"only {n_examined:,} of {self.graph.n_edges:,} edges were examined" if n > n_examined else ""

    @property
    def _choosable_edges(self) -> BoolMatrix:
        """Edges that can be chosen: those examined, and while others follow of them those with a score."""
        examined = self.graph.mask if self.examined is None else self.examined & self.graph.mask
        return examined & (self.values != 0) if self.partial else examined

    def _pruned(self, edges: BoolMatrix) -> BoolMatrix:
        if not self.partial and self.examined is None:
            return prune(self.graph, edges)
        has_examined_input = np.asarray(self.graph.owners[self._choosable_edges.any(axis=0)].any(axis=0))
        return prune(self.graph, edges, open_ends=~has_examined_input)

    @cached_property
    def _greedy_order(self) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
        graph, strength, choosable = self.graph, np.abs(self.values), self._choosable_edges
        columns = [np.flatnonzero(graph.owners[:, node]) for node in range(len(graph.nodes))]
        heap: list[tuple[float, int, int]] = []
        open_receivers = np.zeros(len(graph.receivers), dtype=bool)
        reached = np.zeros(len(graph.nodes), dtype=bool)

        def add_node(node: int) -> None:
            reached[node] = True
            for receiver in columns[node]:
                if not open_receivers[receiver]:
                    open_receivers[receiver] = True
                    for sender in np.flatnonzero(choosable[:, receiver]):
                        heapq.heappush(heap, (-strength[sender, receiver], int(sender), int(receiver)))

        for sink in range(len(graph.senders), len(graph.nodes)):
            add_node(sink)
        order: list[tuple[int, int]] = []
        while heap:
            _, sender, receiver = heapq.heappop(heap)
            order.append((sender, receiver))
            if not reached[sender]:
                add_node(sender)
        senders, receivers = np.array(order, dtype=np.intp).reshape(-1, 2).T
        return senders, receivers

    def _greedy_prefix(self, length: int) -> BoolMatrix:
        senders, receivers = self._greedy_order
        edges = np.zeros_like(self.graph.mask)
        edges[senders[:length], receivers[:length]] = True
        return self._pruned(edges)

    def _trim(self, edges: BoolMatrix, n: int) -> BoolMatrix:
        """Remove the weakest edges until n are left, never fewer.

        Without one edge a whole chain may be pruned.
        """
        for index in self._weakest(edges):
            if edges.sum() <= n:
                break
            if not edges[index]:
                continue
            candidate = edges.copy()
            candidate[index] = False
            candidate = self._pruned(candidate)
            if candidate.sum() >= n:
                edges = candidate
        return edges

    def _weakest(self, edges: BoolMatrix) -> list[tuple[int, int]]:
        indices = np.argwhere(edges)
        strength = np.abs(self.values[indices[:, 0], indices[:, 1]])
        return [(int(s), int(r)) for s, r in indices[np.argsort(strength, kind="stable")]]
