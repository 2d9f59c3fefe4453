"""Stability: whether other prompts of the same task would have given the same circuit."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from itertools import combinations
from typing import Any

import numpy as np

from circuitviz.discovery import discover_steps
from circuitviz.errors import InputError
from circuitviz.evaluation.registry import MeasureInput, MeasureRuns, measures
from circuitviz.graph import BoolMatrix, Circuit, Scores
from circuitviz.options import option
from circuitviz.progress import Progress, ProgressRunner, ProgressSteps


@dataclass(frozen=True)
class StabilityOptions:
    """How often discovery is repeated."""

    resamples: int = option(10, "bootstrap resamples of the task's prompts", low=2, high=1000)
    seed: int = option(0, "seed of the resamples", low=0)


@dataclass(frozen=True)
class Stability:
    """How often each edge was selected, and how similar the circuits are.

    Attributes:
        edges: By edge name, the share of resamples whose circuit has the edge.
        resamples: The number of resamples.
        mean_iou: Mean intersection over union of all pairs of resampled circuits.
        iou_with_circuit: Intersection over union of each resampled circuit with the given one.
    """

    edges: dict[str, float]
    resamples: int
    mean_iou: float | None = None
    iou_with_circuit: list[float] = field(default_factory=list)

    def as_dict(self) -> dict[str, Any]:
        """Return the numbers as files and the command line hold them, without edges never chosen."""
        return {
            "resamples": self.resamples,
            "mean_iou": self.mean_iou,
            "iou_with_circuit": self.iou_with_circuit,
            "edges": self.edges,
        }


def require_resampling(measure_input: MeasureInput, _options: StabilityOptions) -> Scores:
    """The scores whose method is repeated; InputError where nothing can be resampled."""
    scores = measure_input.require_scores("method to repeat")
    if len(measure_input.bench.setting.task) < 2:
        raise InputError(
            "Stability was asked for on a task of 1 prompt; resampling it gives the same prompt again, so "
            "at least 2 are needed, and 16 or more would be right."
        )
    return scores


@measures.register(
    "stability",
    summary="Discovery repeated on resampled prompts: how often each edge is chosen, how alike circuits are",
    reference="Efron and Tibshirani 1993 (bootstrap)",
    options=StabilityOptions,
    opened=True,
    count_runs=lambda _input, options: MeasureRuns(0, options.resamples),
    card_options={"resamples": 5},
    check=require_resampling,
)
def measure_stability(measure_input: MeasureInput, options: StabilityOptions) -> ProgressSteps[Stability]:
    """Repeat the circuit's own discovery on prompts drawn with replacement.

    Method, options and rule of choice are those of the circuit. Edges are compared by name: where a site is
    shown in features, each resample lists the features that are strongest on its own prompts.

    Source: [efron1993bootstrap].
    """
    scores, setting = require_resampling(measure_input, options), measure_input.bench.setting
    requested = (
        measure_input.circuit.n_edges
        if measure_input.requested_amount is None
        else measure_input.requested_amount
    )
    random = np.random.default_rng(options.seed)
    circuits: list[Circuit] = []
    for number in range(options.resamples):
        rows = np.sort(random.integers(len(setting.task), size=len(setting.task)))
        resampled = setting.task.subset(rows.tolist())
        runner = ProgressRunner(
            discover_steps(
                setting.model,
                resampled,
                scores.method,
                setting.metric,
                setting.ablation,
                setting.spans or False,
                **scores.options,
            )
        )
        for step in runner:
            n_done = number + step.fraction
            yield Progress(n_done, options.resamples, f"resample {number + 1}: {step.message}")
        circuits.append(runner.result.select(measure_input.select, requested))
        so_far = _summarise(measure_input, circuits)
        yield Progress(number + 1, options.resamples, f"resample {number + 1}", so_far)
    return _summarise(measure_input, circuits)


def _summarise(measure_input: MeasureInput, circuits: list[Circuit]) -> Stability:
    if all(circuit.graph.same_as(measure_input.circuit.graph) for circuit in circuits):
        share = np.mean([circuit.edges for circuit in circuits], axis=0)
        rows = np.argwhere(share > 0)
        shares = {measure_input.circuit.graph.edge_name(s, r): float(share[s, r]) for s, r in rows.tolist()}
        pairs = [edge_iou(a.edges, b.edges) for a, b in combinations(circuits, 2)]
        iou_with_circuit = [edge_iou(measure_input.circuit.edges, circuit.edges) for circuit in circuits]
    else:
        sets = [frozenset(circuit.edge_names) for circuit in circuits]
        own_edges = frozenset(measure_input.circuit.edge_names)
        counts = Counter(name for circuit in circuits for name in circuit.edge_names)
        shares = {name: number / len(circuits) for name, number in counts.items()}
        pairs = [_jaccard(a, b) for a, b in combinations(sets, 2)]
        iou_with_circuit = [_jaccard(own_edges, circuit) for circuit in sets]
    order = sorted(shares, key=lambda name: -shares[name])
    mean = float(np.mean(pairs)) if pairs else None
    return Stability({name: shares[name] for name in order}, len(circuits), mean, iou_with_circuit)


def _jaccard(a: frozenset[str], b: frozenset[str]) -> float:
    return len(a & b) / len(a | b) if a | b else 1.0


def edge_iou(a: BoolMatrix, b: BoolMatrix) -> float:
    """Return shared edges over all edges of either; 1 where both are empty."""
    union = int((a | b).sum())
    return int((a & b).sum()) / union if union else 1.0
