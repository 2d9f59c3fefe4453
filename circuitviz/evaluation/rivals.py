"""Rivals: other circuits of the same size that are as faithful, and share as few edges as possible.

A rival is searched in the model without the edges of the circuits found so far:

1. Choose a circuit of the same size greedily, by the same scores, with those edges excluded. Where it is not
   as faithful, choose larger ones; from those that are, remove edges again, the weakest first, as long as
   they stay so.
2. Where it is not as faithful, give back some of the excluded edges: of several groups, the one that brings
   the faithfulness of everything that is not excluded closest to that of the first circuit. Choose again.
3. Do the same in the model without one of the circuit's nodes, of those that the model does best without.
   What such a node suppresses, as a head suppresses its backup, shows only then.
4. At last, choose circuits that keep the strongest edges of the first one: a quarter of as many as may be
   shared, half, three quarters, all. In a circuit of hundreds of edges, steps 1 to 3 give few of them back.
5. Stop where a circuit is as faithful, which is a rival, or where so many edges were given back that too many
   would be shared.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field, replace
from itertools import islice
from typing import Any

import numpy as np

from circuitviz.evaluation.registry import MeasureInput, MeasureRuns, measures
from circuitviz.evaluation.stability import edge_iou
from circuitviz.graph import BoolMatrix, Circuit, Evaluation, Graph, Scores
from circuitviz.options import option
from circuitviz.progress import Progress, ProgressSteps

N_REPORTED_PROMPTS = 5
MIN_RELATIVE_SPREAD = 1e-4  # of the metric, below which a prompt tells no circuits apart
N_REPLACED_NODES = 3  # of the circuit, without which rivals are searched
SHARED_PARTS = (0.25, 0.5, 0.75, 1.0)  # of the edges that may be shared, which circuits keep at last
N_TRIMMED_PARTS = 32  # parts of a larger circuit that are tried to be removed at first


@dataclass(frozen=True)
class RivalOptions:
    """What counts as a rival, and how long one is searched."""

    number: int = option(3, "the most rivals to search", low=1, high=20)
    tolerance: float = option(0.02, "largest difference of faithfulness to the first circuit", low=0.0)
    interval: bool = option(False, "count a circuit within the first one's 95 % interval, too")
    overlap: float = option(
        0.5,
        "largest share of edges in common (IoU) with the first circuit and every rival",
        low=0.0,
        high=0.99,
    )
    candidates: int = option(12, "groups of excluded edges that are tried at each step", low=1, high=1000)
    evaluations: int = option(200, "circuits that are evaluated for each rival, at most", low=1, high=100_000)


@dataclass(frozen=True)
class Rivals:
    """A circuit with its rivals, all of one size.

    Attributes:
        circuits: The circuit itself, then the rivals.
        evaluations: Their evaluations.
        options: What counted as a rival.
        texts: The clean prompts.
        closest: The most faithful circuit of little overlap that was no rival, of the last search; None where
            there was none.
    """

    circuits: tuple[Circuit, ...]
    evaluations: tuple[Evaluation, ...]
    options: RivalOptions
    texts: tuple[str, ...] = ()
    closest: tuple[Circuit, Evaluation] | None = None

    @property
    def core(self) -> BoolMatrix:
        """The edges that all share, bool [senders, receivers]."""
        return np.logical_and.reduce([circuit.edges for circuit in self.circuits])

    def as_dict(self) -> dict[str, Any]:
        """Return the numbers as files and the command line hold them; ``iou`` is of each pair of circuits."""
        first = self.circuits[0]
        data: dict[str, Any] = {
            "found": len(self.circuits) - 1,
            "edges": first.n_edges,
            "tolerance": self.options.tolerance,
            "overlap": self.options.overlap,
            "evaluations": self.options.evaluations,
            "faithfulness": [asdict(evaluation.faithfulness) for evaluation in self.evaluations],
            "rivals": [list(circuit.edge_names) for circuit in self.circuits[1:]],
            "core": list(first.graph.edge_names(self.core)),
            "iou": [[edge_iou(a.edges, b.edges) for b in self.circuits] for a in self.circuits],
            "prompts": self._telling_prompts(),
        }
        if self.closest is not None:
            circuit, evaluation = self.closest
            data["closest"] = {
                **asdict(evaluation.faithfulness),
                "iou": max(edge_iou(circuit.edges, other.edges) for other in self.circuits),
            }
        return data

    def _telling_prompts(self) -> list[dict[str, Any]]:
        """The prompts on which the circuits' metric differs most, with the metric of each circuit."""
        if len(self.circuits) < 2:
            return []
        metric = np.stack([evaluation.per_prompt["circuit"] for evaluation in self.evaluations])
        spread = np.ptp(metric, axis=0)
        rows = np.argsort(-spread, kind="stable")[:N_REPORTED_PROMPTS]
        rows = rows[spread[rows] > MIN_RELATIVE_SPREAD * np.abs(metric).max()]
        return [
            {"prompt": row, "text": self.texts[row], "metric": [float(m) for m in metric[:, row]]}
            for row in rows.tolist()
        ]


@measures.register(
    "rivals",
    summary="Other circuits of the same size, as faithful, that share as few edges as possible",
    options=RivalOptions,
    count_runs=lambda _input, options: MeasureRuns(1 + options.number * options.evaluations),
    card_options={"number": 1, "evaluations": 60},
    card_prompts=16,
)
def measure_rivals(measure_input: MeasureInput, options: RivalOptions) -> ProgressSteps[Rivals]:
    """Search rivals one after another, until none is found or there are enough."""
    scores, bench = measure_input.require_scores("order in which other edges are tried"), measure_input.bench
    first = yield from bench.evaluate(measure_input.circuit)
    texts = tuple(pair.clean for pair in bench.setting.task.pairs)
    found = Rivals((measure_input.circuit,), (first,), options, texts)
    for number in range(options.number):
        yield Progress(number, options.number, f"rival {number + 1}", found)
        search = _RivalSearch(measure_input, scores, found, number)
        rival = yield from search.run()
        if rival is None:
            return replace(found, closest=search.closest)
        circuit, evaluation = rival
        found = replace(
            found, circuits=(*found.circuits, circuit), evaluations=(*found.evaluations, evaluation)
        )
    return found


@dataclass
class _RivalSearch:
    """The search of one rival."""

    measure_input: MeasureInput
    scores: Scores
    found: Rivals
    number: int
    closest: tuple[Circuit, Evaluation] | None = field(default=None, init=False)
    n_evaluations: int = field(default=0, init=False)
    limit: int = field(default=0, init=False)

    def run(self) -> ProgressSteps[tuple[Circuit, Evaluation] | None]:
        """Return a rival, or None."""
        limit = max(0, self.found.options.evaluations - len(SHARED_PARTS))
        rival = yield from self._search(np.zeros_like(self.scores.graph.mask), limit // 2)
        if rival is not None:
            return rival
        for node in (yield from self._replaceable_nodes()):
            blocked = np.zeros_like(self.scores.graph.mask)
            blocked[self.scores.graph.sender_index[node]] = True
            rival = yield from self._search(blocked, limit)
            if rival is not None:
                return rival
        return (yield from self._search_sharing())

    def _search_sharing(self) -> ProgressSteps[tuple[Circuit, Evaluation] | None]:
        """Choose circuits that keep the strongest edges of the first one, more and more of them."""
        first = self.found.circuits[0].edges
        excluded = np.logical_or.reduce([circuit.edges for circuit in self.found.circuits])
        rows, columns = np.nonzero(first)
        order = np.argsort(-np.abs(self.scores.values[rows, columns]), kind="stable")
        for part in SHARED_PARTS:
            kept = order[: int(part * self._max_shared)]
            others = excluded.copy()
            others[rows[kept], columns[kept]] = False
            circuit = self._choose(int(first.sum()), others)
            evaluation = yield from self._evaluate(circuit)
            if self._is_rival(circuit, evaluation, int(first.sum())):
                return circuit, evaluation
        return None

    @property
    def _max_shared(self) -> int:
        """How many edges two circuits of this size may share."""
        overlap = self.found.options.overlap
        return int(2 * self.found.circuits[0].n_edges * overlap / (1 + overlap) + 1e-9)

    def _replaceable_nodes(self) -> ProgressSteps[list[str]]:
        """Nodes of the first circuit without which the whole model comes closest to its faithfulness."""
        graph, strength = self.scores.graph, np.abs(self.scores.values)
        nodes = [name for name in self.measure_input.removable_nodes if name in graph.sender_index]
        rows = {name: graph.sender_index[name] for name in nodes}
        kept = strength * self.found.circuits[0].edges
        nodes.sort(key=lambda name: -float(kept[rows[name]].sum()))
        distances = {}
        for node in nodes[: self.found.options.candidates]:
            without = Circuit.full(graph).ablate((node,))
            distances[node] = self._distance((yield from self._evaluate(without)))
        return sorted(distances, key=lambda name: distances[name])[:N_REPLACED_NODES]

    def _search(self, blocked: BoolMatrix, limit: int) -> ProgressSteps[tuple[Circuit, Evaluation] | None]:
        """Search in the model without some edges, until so many circuits have been evaluated."""
        n_edges = self.found.circuits[0].n_edges
        self.limit = limit
        excluded = np.logical_or.reduce([circuit.edges for circuit in self.found.circuits]) & ~blocked
        restored = np.zeros_like(excluded)
        step = 0
        while not self._is_spent:
            # larger circuits take many evaluations, so they are tried after 0, 1, 2, 4, 8 … steps only
            sizes = self._growing_circuits(n_edges, excluded | blocked)
            for circuit in sizes if step & (step - 1) == 0 else islice(sizes, 1):
                evaluation = yield from self._evaluate(circuit)
                if circuit.n_edges > n_edges and self._is_as_faithful(evaluation):
                    circuit, evaluation = yield from self._trim(circuit, evaluation, n_edges)
                if self._is_rival(circuit, evaluation, n_edges):
                    return circuit, evaluation
            group = yield from self._best_group(excluded, blocked)
            if group is None or int((restored | group).sum()) > self._max_shared:
                return None
            restored |= group
            excluded &= ~group
            step += 1
        return None

    @property
    def _is_spent(self) -> bool:
        return self.n_evaluations >= self.limit

    def _evaluate(self, circuit: Circuit) -> ProgressSteps[Evaluation]:
        """Evaluate a circuit, and count it."""
        evaluation = yield from self.measure_input.bench.evaluate(circuit)
        self.n_evaluations += 1
        options = self.found.options
        share = min(1.0, self.n_evaluations / options.evaluations)
        yield Progress(
            self.number + share, options.number, f"rival {self.number + 1}, circuit {self.n_evaluations}"
        )
        return evaluation

    def _best_group(self, excluded: BoolMatrix, blocked: BoolMatrix) -> ProgressSteps[BoolMatrix | None]:
        """The excluded edges with which all that is left comes closest in faithfulness."""
        graph = self.scores.graph
        best: tuple[float, BoolMatrix] | None = None
        for group in self._groups(excluded):
            if self._is_spent:
                break
            rest = Circuit(graph, graph.mask & ~(excluded | blocked) | group)
            distance = self._distance((yield from self._evaluate(rest)))
            if best is None or distance < best[0]:
                best = distance, group
        return None if best is None else best[1]

    def _growing_circuits(self, n_edges: int, excluded: BoolMatrix) -> Iterator[Circuit]:
        """Circuits of n edges, twice as many, and so on to all, without excluded edges."""
        others = self.scores.graph.mask & ~excluded
        while n_edges < others.sum():
            yield self._choose(n_edges, excluded)
            n_edges *= 2
        yield Circuit(self.scores.graph, others).pruned()

    def _is_rival(self, circuit: Circuit, evaluation: Evaluation, n_edges: int) -> bool:
        """Whether a circuit is small, different and faithful enough; else the closest is kept."""
        overlap = max(edge_iou(circuit.edges, other.edges) for other in self.found.circuits)
        if circuit.n_edges > n_edges or overlap > self.found.options.overlap:
            return False
        if self._is_as_faithful(evaluation):
            return True
        if self.closest is None or self._distance(evaluation) < self._distance(self.closest[1]):
            self.closest = circuit, evaluation
        return False

    def _trim(
        self, circuit: Circuit, evaluation: Evaluation, n_edges: int
    ) -> ProgressSteps[tuple[Circuit, Evaluation]]:
        """Remove edges, the weakest first, where the circuit stays as faithful, until it has n edges."""
        size = max(1, circuit.n_edges // N_TRIMMED_PARTS)
        while circuit.n_edges > n_edges:
            rows, columns = circuit.edge_indices
            order = np.argsort(np.abs(self.scores.values[rows, columns]), kind="stable")
            n_before = circuit.n_edges
            for start in range(0, len(order), size):
                part = order[start : start + size]
                edges = circuit.edges.copy()
                edges[rows[part], columns[part]] = False
                smaller = Circuit(circuit.graph, edges).pruned()
                if smaller.n_edges == circuit.n_edges:
                    continue
                if n_edges >= circuit.n_edges or self._is_spent:
                    return circuit, evaluation
                found = yield from self._evaluate(smaller)
                if self._is_as_faithful(found):
                    circuit, evaluation = smaller, found
            if circuit.n_edges == n_before:
                if size == 1:
                    break
                size //= 2
        return circuit, evaluation

    def _choose(self, n_edges: int, excluded: BoolMatrix) -> Circuit:
        """The greedy circuit in which an excluded edge comes after all others."""
        strength = np.abs(self.scores.values)
        least = np.finfo(float).tiny  # an edge that scores 0 comes before one that is excluded
        values = np.where(excluded | ~self.scores.graph.mask, 0.0, np.maximum(strength, least))
        return replace(self.scores, values=values, partial=False).greedy(n_edges)

    def _groups(self, excluded: BoolMatrix) -> list[BoolMatrix]:
        """Excluded edges that may be given back together: single ones, or of many, those into one node.

        The strongest groups, as many as are tried at a step.
        """
        graph, limit = self.scores.graph, self.found.options.candidates
        indices = np.argwhere(excluded)
        groups = [_only(graph, [index]) for index in indices.tolist()]
        if len(groups) > limit:
            owners = [int(np.flatnonzero(graph.owners[receiver])[0]) for receiver in indices[:, 1]]
            by_node: dict[int, list[list[int]]] = {owner: [] for owner in owners}
            for index, owner in zip(indices.tolist(), owners, strict=True):
                by_node[owner].append(index)
            groups = [_only(graph, rows) for rows in by_node.values()]
        strength = np.abs(self.scores.values)
        return sorted(groups, key=lambda group: -float(strength[group].sum()))[:limit]

    def _is_as_faithful(self, evaluation: Evaluation) -> bool:
        value, first = evaluation.faithfulness.value, self.found.evaluations[0].faithfulness
        if value is None or first.value is None:
            return False
        is_inside = first.low is not None and first.high is not None and first.low <= value <= first.high
        return abs(value - first.value) <= self.found.options.tolerance or (
            self.found.options.interval and is_inside
        )

    def _distance(self, evaluation: Evaluation) -> float:
        value, first = evaluation.faithfulness.value, self.found.evaluations[0].faithfulness.value
        return float("inf") if value is None or first is None else abs(value - first)


def _only(graph: Graph, edges: Sequence[Sequence[int]]) -> BoolMatrix:
    mask = np.zeros_like(graph.mask)
    rows, columns = np.array(edges).T
    mask[rows, columns] = True
    return mask
