"""Stability: would other prompts of the same task have given the same circuit?"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from itertools import combinations
from typing import Any

import numpy as np

from circuitviz.discovery import discover_steps
from circuitviz.errors import InputError
from circuitviz.evaluation.registry import MeasureInput, measures
from circuitviz.graph import BoolMatrix, Circuit
from circuitviz.options import option
from circuitviz.progress import Progress, ProgressRunner, ProgressSteps


@dataclass(frozen=True)
class StabilityOptions:
    """How often the circuit is found again."""

    resamples: int = option(10, "bootstrap resamples of the task's prompts", low=2, high=1000)
    seed: int = option(0, "seed of the resamples", low=0)


@dataclass(frozen=True)
class Stability:
    """In what share of the circuits each edge was chosen, by name, and how alike the circuits are."""

    edges: dict[str, float]
    resamples: int
    mean_iou: float | None = None
    iou_with_circuit: list[float] = field(default_factory=list)

    def as_dict(self) -> dict[str, Any]:
        """The numbers as the command line prints them; edges that were never chosen are left out."""
        return {
            "resamples": self.resamples,
            "mean_iou": self.mean_iou,
            "iou_with_circuit": self.iou_with_circuit,
            "edges": self.edges,
        }


@measures.register(
    "stability",
    summary="Discovery repeated on resampled prompts: how often each edge is chosen, how alike circuits are",
    reference="Efron and Tibshirani 1993 (bootstrap)",
    options=StabilityOptions,
    opened=True,
)
def measure_stability(measure_input: MeasureInput, options: StabilityOptions) -> ProgressSteps[Stability]:
    """The circuit's own method, options and way to choose, on prompts drawn with replacement.

    Edges are held against each other by name: of a site that is opened, each resample lists the features
    that are strongest on its own prompts.
    """
    scores, where = measure_input.require_scores("method to repeat"), measure_input.bench.setting
    if len(where.task) < 2:
        raise InputError(
            "Stability was asked for on a task of 1 prompt; resampling it gives the same prompt again, so "
            "at least 2 are needed, and 16 or more would be right."
        )
    asked = (
        measure_input.circuit.n_edges
        if measure_input.requested_amount is None
        else measure_input.requested_amount
    )
    random = np.random.default_rng(options.seed)
    chosen: list[Circuit] = []
    for number in range(options.resamples):
        rows = np.sort(random.integers(len(where.task), size=len(where.task)))
        drawn = where.task.subset(rows.tolist())
        found = ProgressRunner(
            discover_steps(where.model, drawn, scores.method, where.metric, where.ablation, **scores.options)
        )
        for step in found:
            done = number + step.fraction
            yield Progress(done, options.resamples, f"resample {number + 1}: {step.message}")
        chosen.append(found.result.select(measure_input.select, asked))
        sofar = _summarise(measure_input, chosen)
        yield Progress(number + 1, options.resamples, f"resample {number + 1}", sofar)
    return _summarise(measure_input, chosen)


def _summarise(measure_input: MeasureInput, chosen: list[Circuit]) -> Stability:
    if all(one.graph.same_as(measure_input.circuit.graph) for one in chosen):
        share = np.mean([one.edges for one in chosen], axis=0)
        rows = np.argwhere(share > 0)
        shares = {measure_input.circuit.graph.edge_name(s, r): float(share[s, r]) for s, r in rows.tolist()}
        pairs = [edge_iou(a.edges, b.edges) for a, b in combinations(chosen, 2)]
        original = [edge_iou(measure_input.circuit.edges, one.edges) for one in chosen]
    else:
        sets = [frozenset(one.edge_names) for one in chosen]
        ours = frozenset(measure_input.circuit.edge_names)
        times = Counter(name for one in chosen for name in one.edge_names)
        shares = {name: number / len(chosen) for name, number in times.items()}
        pairs = [_jaccard(a, b) for a, b in combinations(sets, 2)]
        original = [_jaccard(ours, one) for one in sets]
    order = sorted(shares, key=lambda name: -shares[name])
    mean = float(np.mean(pairs)) if pairs else None
    return Stability({name: shares[name] for name in order}, len(chosen), mean, original)


def _jaccard(a: frozenset[str], b: frozenset[str]) -> float:
    return len(a & b) / len(a | b) if a | b else 1.0


def edge_iou(a: BoolMatrix, b: BoolMatrix) -> float:
    """Shared edges over all edges of either; 1 where both are empty."""
    union = int((a | b).sum())
    return int((a & b).sum()) / union if union else 1.0
