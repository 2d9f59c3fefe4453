"""Completeness: whether circuit and model still agree when the same nodes are removed from both."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np

from circuitviz.evaluation.node_sets import class_node_sets, random_node_sets
from circuitviz.evaluation.registry import MeasureInput, MeasureRuns, measures
from circuitviz.graph import Circuit, Interval
from circuitviz.options import option
from circuitviz.progress import Progress, ProgressSteps


@dataclass(frozen=True)
class CompletenessOptions:
    """How many sets of nodes are removed."""

    sets: int = option(10, "random sets of nodes", low=0, high=10_000)
    depth: int = option(5, "nodes that the greedy search for the worst set takes out", low=0, high=1000)
    candidates: int = option(10, "nodes that it tries at each step", low=1, high=1000)
    seed: int = option(0, "seed of the random sets and candidates", low=0)


@dataclass(frozen=True)
class NodeSetRemoval:
    """Faithfulness of circuit and model without one set K of nodes.

    Attributes:
        kind: How the set was found: ``random``, ``class`` or ``greedy``.
        name: Its name.
        nodes: Its nodes.
        circuit: F(C∖K).
        model: F(M∖K).
    """

    kind: str
    name: str
    nodes: tuple[str, ...]
    circuit: Interval
    model: Interval

    @property
    def faithfulness_gap(self) -> float:
        """|F(C∖K) − F(M∖K)|; NaN where faithfulness is undefined."""
        if self.circuit.value is None or self.model.value is None:
            return float("nan")
        return abs(self.circuit.value - self.model.value)

    def as_dict(self) -> dict[str, Any]:
        """Return the set as files and the command line hold it."""
        gap = self.faithfulness_gap if np.isfinite(self.faithfulness_gap) else None
        return {**asdict(self), "nodes": list(self.nodes), "gap": gap}


@dataclass(frozen=True)
class Completeness:
    """All sets that were removed."""

    sets: list[NodeSetRemoval] = field(default_factory=list)

    @property
    def largest_gap(self) -> NodeSetRemoval | None:
        """The set with the largest gap; None where no gap is defined."""
        finite = [removal for removal in self.sets if np.isfinite(removal.faithfulness_gap)]
        return max(finite, key=lambda removal: removal.faithfulness_gap, default=None)

    def as_dict(self) -> dict[str, Any]:
        """Return the numbers as files and the command line hold them."""
        worst = self.largest_gap
        return {
            "worst": None if worst is None else worst.as_dict(),
            "sets": [removal.as_dict() for removal in self.sets],
        }


@measures.register(
    "completeness",
    summary="|F(C∖K) − F(M∖K)| for sets K of the circuit's nodes: random, by class, and the worst found",
    reference="Wang et al. 2023",
    options=CompletenessOptions,
    opened=True,
    count_runs=lambda measure_input, options: MeasureRuns(
        2 * (options.sets + len(measure_input.node_classes) + options.depth * options.candidates)
    ),
    card_options={"sets": 5, "depth": 3, "candidates": 5},
    card_prompts=16,
)
def measure_completeness(
    measure_input: MeasureInput, options: CompletenessOptions
) -> ProgressSteps[Completeness]:
    """Compare circuit and model without K, for random sets, classes, and the worst set found greedily.

    The greedy search adds, step by step, the node out of a few candidates that widens the gap most.

    Source: [wang2023ioi].
    """
    removals: list[NodeSetRemoval] = []
    planned = [("class", name, nodes) for name, nodes in class_node_sets(measure_input).items()]
    random_sets = random_node_sets(measure_input, options.sets, options.seed)
    planned += [("random", f"set {i}", nodes) for i, nodes in enumerate(random_sets, start=1)]
    depth = min(options.depth, len(measure_input.removable_nodes))
    n_candidates = min(options.candidates, len(measure_input.removable_nodes))
    n_steps = len(planned) + depth * n_candidates
    for kind, name, nodes in planned:
        removals.append((yield from _remove_node_set(measure_input, kind, name, nodes)))
        yield Progress(len(removals), n_steps, name, Completeness(list(removals)))
    random = np.random.default_rng(options.seed + 1)
    removed: tuple[str, ...] = ()
    for step in range(depth):
        remaining = [node for node in measure_input.removable_nodes if node not in removed]
        candidates = [remaining[i] for i in random.permutation(len(remaining))[:n_candidates]]
        best: NodeSetRemoval | None = None
        for candidate_number, node in enumerate(candidates):
            removal = yield from _remove_node_set(
                measure_input, "greedy", f"greedy {step + 1}", (*removed, node)
            )
            n_done = len(planned) + step * n_candidates + candidate_number + 1
            yield Progress(n_done, n_steps, f"greedy search, {step + 1} of {depth}")
            if best is None or removal.faithfulness_gap > best.faithfulness_gap:
                best = removal
        if best is None:
            break
        removed = best.nodes
        removals.append(best)
        yield Progress(
            len(planned) + (step + 1) * n_candidates, n_steps, best.name, Completeness(list(removals))
        )
    return Completeness(removals)


def _remove_node_set(
    measure_input: MeasureInput, kind: str, name: str, nodes: tuple[str, ...]
) -> ProgressSteps[NodeSetRemoval]:
    full = Circuit.full(measure_input.circuit.graph)
    of_circuit = yield from measure_input.bench.evaluate(measure_input.circuit.ablate(nodes))
    of_model = yield from measure_input.bench.evaluate(full.ablate(nodes))
    return NodeSetRemoval(kind, name, nodes, of_circuit.faithfulness, of_model.faithfulness)
