"""Completeness: does the circuit without some of its nodes do what the model without them does?"""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np

from circuitviz.evaluation.node_sets import class_node_sets, random_node_sets
from circuitviz.evaluation.registry import MeasureInput, measures
from circuitviz.graph import Circuit, Interval
from circuitviz.options import option
from circuitviz.progress import Progress, ProgressSteps


@dataclass(frozen=True)
class CompletenessOptions:
    """How many sets are tried."""

    sets: int = option(10, "random sets of nodes", low=0, high=10_000)
    depth: int = option(5, "nodes that the greedy search for the worst set takes out", low=0, high=1000)
    candidates: int = option(10, "nodes that it tries at each step", low=1, high=1000)
    seed: int = option(0, "seed of the random sets and candidates", low=0)


@dataclass(frozen=True)
class NodeSetRemoval:
    """One set K: its kind (random, class, greedy), its nodes, F(C∖K) and F(M∖K)."""

    kind: str
    name: str
    nodes: tuple[str, ...]
    circuit: Interval
    model: Interval

    @property
    def gap(self) -> float:
        """|F(C∖K) − F(M∖K)|; NaN where faithfulness is undefined."""
        if self.circuit.value is None or self.model.value is None:
            return float("nan")
        return abs(self.circuit.value - self.model.value)

    def as_dict(self) -> dict[str, Any]:
        """The set as files, window and command line hold it."""
        return {
            "kind": self.kind,
            "name": self.name,
            "nodes": list(self.nodes),
            "circuit": asdict(self.circuit),
            "model": asdict(self.model),
            "gap": self.gap if np.isfinite(self.gap) else None,
        }


@dataclass(frozen=True)
class Completeness:
    """All sets tried; ``largest_gap`` is the largest gap."""

    sets: list[NodeSetRemoval] = field(default_factory=list)

    @property
    def largest_gap(self) -> NodeSetRemoval | None:
        """The set with the largest gap."""
        finite = [one for one in self.sets if np.isfinite(one.gap)]
        return max(finite, key=lambda one: one.gap, default=None)

    def as_dict(self) -> dict[str, Any]:
        """The numbers as the command line prints them."""
        worst = self.largest_gap
        return {
            "worst": None if worst is None else worst.as_dict(),
            "sets": [one.as_dict() for one in self.sets],
        }


@measures.register(
    "completeness",
    summary="|F(C∖K) − F(M∖K)| for sets K of the circuit's nodes: random, by class, and the worst found",
    reference="Wang et al. 2023",
    options=CompletenessOptions,
    opened=True,
)
def measure_completeness(
    measure_input: MeasureInput, options: CompletenessOptions
) -> ProgressSteps[Completeness]:
    """Compare circuit and model without K; the greedy search adds the node that widens the gap most."""
    found: list[NodeSetRemoval] = []
    wanted = [("class", name, nodes) for name, nodes in class_node_sets(measure_input).items()]
    drawn = random_node_sets(measure_input, options.sets, options.seed)
    wanted += [("random", f"set {i}", nodes) for i, nodes in enumerate(drawn, start=1)]
    depth = min(options.depth, len(measure_input.removable_nodes))
    tries = min(options.candidates, len(measure_input.removable_nodes))
    number = len(wanted) + depth * tries
    for kind, name, nodes in wanted:
        found.append((yield from _remove_node_set(measure_input, kind, name, nodes)))
        yield Progress(len(found), number, name, Completeness(list(found)))
    random = np.random.default_rng(options.seed + 1)
    taken: tuple[str, ...] = ()
    for step in range(depth):
        left = [node for node in measure_input.removable_nodes if node not in taken]
        chosen = [left[i] for i in random.permutation(len(left))[:tries]]
        best: NodeSetRemoval | None = None
        for tried, node in enumerate(chosen):
            one = yield from _remove_node_set(measure_input, "greedy", f"greedy {step + 1}", (*taken, node))
            done = len(wanted) + step * tries + tried + 1
            yield Progress(done, number, f"greedy search, {step + 1} of {depth}")
            if best is None or one.gap > best.gap:
                best = one
        if best is None:
            break
        taken = best.nodes
        found.append(best)
        yield Progress(len(wanted) + (step + 1) * tries, number, best.name, Completeness(list(found)))
    return Completeness(found)


def _remove_node_set(
    measure_input: MeasureInput, kind: str, name: str, nodes: tuple[str, ...]
) -> ProgressSteps[NodeSetRemoval]:
    whole = Circuit.full(measure_input.circuit.graph)
    ours = yield from measure_input.bench.evaluate(measure_input.circuit.without(nodes))
    theirs = yield from measure_input.bench.evaluate(whole.without(nodes))
    return NodeSetRemoval(kind, name, nodes, ours.faithfulness, theirs.faithfulness)
