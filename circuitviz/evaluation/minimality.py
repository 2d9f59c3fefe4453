"""Minimality: for each node, whether there is a set of other nodes without which the circuit needs it."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np

from circuitviz.evaluation.faithfulness import compute_faithfulness
from circuitviz.evaluation.intervals import bootstrap_interval
from circuitviz.evaluation.node_sets import class_node_sets, random_node_sets
from circuitviz.evaluation.registry import MeasureInput, MeasureRuns, measures
from circuitviz.graph import Evaluation, Interval
from circuitviz.options import option
from circuitviz.progress import Progress, ProgressSteps


@dataclass(frozen=True)
class MinimalityOptions:
    """Which sets K are removed before each node, besides none and the node's own class."""

    sets: int = option(5, "random sets of nodes", low=0, high=10_000)
    seed: int = option(0, "seed of the random sets", low=0)


@dataclass(frozen=True)
class NodeNecessity:
    """A node, and the set K with which removing it matters most.

    Attributes:
        node: The node v.
        removed_before: The set K.
        change: F(C∖(K∪{v})) − F(C∖K).
    """

    node: str
    removed_before: tuple[str, ...]
    change: Interval

    def as_dict(self) -> dict[str, Any]:
        """Return the node as files and the command line hold it."""
        size = None if self.change.value is None else abs(self.change.value)
        return {
            "node": self.node,
            "value": size,
            "change": asdict(self.change),
            "without": list(self.removed_before),
        }


@dataclass(frozen=True)
class Minimality:
    """All nodes that were removed."""

    nodes: list[NodeNecessity] = field(default_factory=list)

    def as_dict(self) -> dict[str, Any]:
        """Return the numbers as files and the command line hold them, the most needed node first."""
        order = sorted(self.nodes, key=lambda need: -abs(need.change.value or 0.0))
        return {"nodes": [need.as_dict() for need in order]}


@measures.register(
    "minimality",
    summary="For each node the largest |F(C∖(K∪{v})) − F(C∖K)| found over sets K",
    reference="Wang et al. 2023",
    options=MinimalityOptions,
    opened=True,
    count_runs=lambda measure_input, options: MeasureRuns(_count_evaluations(measure_input, options)),
    card_options={"sets": 0},
    card_prompts=16,
)
def measure_minimality(measure_input: MeasureInput, options: MinimalityOptions) -> ProgressSteps[Minimality]:
    """For each node find the largest |F(C∖(K∪{v})) − F(C∖K)| over sets K.

    K is empty, a random set of the circuit's nodes, or the other nodes of the node's class.

    Source: [wang2023ioi].
    """
    bench, circuit, necessities = measure_input.bench, measure_input.circuit, []
    sets = [(), *random_node_sets(measure_input, options.sets, options.seed)]
    classes = class_node_sets(measure_input)
    evaluations: dict[frozenset[str], Evaluation] = {}
    for number, node in enumerate(measure_input.removable_nodes, start=1):
        own_classes = [tuple(n for n in nodes if n != node) for nodes in classes.values() if node in nodes]
        node_sets = {tuple(n for n in nodes if n != node) for nodes in [*sets, *own_classes]}
        best: NodeNecessity | None = None
        for removed in sorted(node_sets):
            before, after = frozenset(removed), frozenset({*removed, node})
            for nodes in (before, after):
                if nodes not in evaluations:
                    evaluations[nodes] = yield from bench.evaluate(circuit.ablate(tuple(sorted(nodes))))
            change = _faithfulness_change(evaluations[before], evaluations[after], bench)
            size = -1.0 if change.value is None else abs(change.value)
            if best is None or size > abs(best.change.value or -1.0):
                best = NodeNecessity(node, removed, change)
        assert best is not None
        necessities.append(best)
        yield Progress(number, len(measure_input.removable_nodes), node, Minimality(list(necessities)))
    return Minimality(necessities)


def _count_evaluations(measure_input: MeasureInput, options: MinimalityOptions) -> int:
    """How many circuits are evaluated: without K, and without K and the node, for each K once."""
    n_nodes, classes = len(measure_input.removable_nodes), class_node_sets(measure_input)
    in_classes = sum(len(nodes) for nodes in classes.values())
    return 1 + n_nodes + options.sets * (1 + n_nodes) + in_classes + len(classes)


def _faithfulness_change(before: Evaluation, after: Evaluation, bench: Any) -> Interval:
    """Return faithfulness after minus before; prompts are resampled together."""
    values = (
        after.per_prompt["circuit"],
        before.per_prompt["circuit"],
        before.per_prompt["model"],
        before.per_prompt["ablated"],
    )

    def difference(after_metric: Any, before_metric: Any, model: Any, ablated: Any) -> Any:
        return compute_faithfulness(after_metric, model, ablated) - compute_faithfulness(
            before_metric, model, ablated
        )

    return bootstrap_interval(tuple(np.asarray(v) for v in values), difference, bench.setting.task.seed)
