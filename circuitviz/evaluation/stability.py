"""Stability: would other prompts of the same task have given the same circuit?"""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import combinations
from typing import Any

import numpy as np
from numpy.typing import NDArray

from circuitviz.discovery import discover_steps
from circuitviz.errors import InputError
from circuitviz.evaluation.measures import Subject, measures
from circuitviz.graph import BoolMatrix, Graph, Scores
from circuitviz.options import option
from circuitviz.progress import Progress, Steps


@dataclass(frozen=True)
class StabilityOptions:
    """How often the circuit is found again."""

    resamples: int = option(10, "bootstrap resamples of the task's prompts", low=2, high=1000)
    seed: int = option(0, "seed of the resamples", low=0)


@dataclass(frozen=True, eq=False)
class Stability:
    """How often each edge was chosen [senders, receivers], and how alike the circuits are."""

    graph: Graph
    share: NDArray[np.float64]
    resamples: int
    mean_iou: float | None = None
    original: list[float] = field(default_factory=list)

    def as_dict(self) -> dict[str, Any]:
        """The numbers as the command line prints them; edges that were never chosen are left out."""
        rows = np.argwhere(self.share > 0)
        order = sorted(rows.tolist(), key=lambda at: -self.share[at[0], at[1]])
        return {
            "resamples": self.resamples,
            "mean_iou": self.mean_iou,
            "iou_with_circuit": self.original,
            "edges": {self.graph.edge_name(s, r): float(self.share[s, r]) for s, r in order},
        }


@measures.register(
    "stability",
    summary="Discovery repeated on resampled prompts: how often each edge is chosen, how alike circuits are",
    reference="Efron and Tibshirani 1993 (bootstrap)",
    options=StabilityOptions,
)
def stability(subject: Subject, options: StabilityOptions) -> Steps[Stability]:
    """The circuit's own method, options and way to choose, on prompts drawn with replacement."""
    scores, where = subject.need_scores("method to repeat"), subject.bench.setting
    if len(where.task) < 2:
        raise InputError(
            "Stability was asked for on a task of 1 prompt; resampling it gives the same prompt again, so "
            "at least 2 are needed, and 16 or more would be right."
        )
    asked = subject.circuit.n_edges if subject.asked is None else subject.asked
    random, chosen = np.random.default_rng(options.seed), []
    for number in range(options.resamples):
        rows = np.sort(random.integers(len(where.task), size=len(where.task)))
        steps = discover_steps(
            where.model, where.task.subset(rows.tolist()), scores.method, where.metric, where.ablation,
            **scores.options,
        )  # fmt: skip
        found: Scores | None = None
        while found is None:
            try:
                step = next(steps)
                done = number + (step.done / step.total if step.total else 0.0)
                yield Progress(done, options.resamples, f"resample {number + 1}: {step.message}")
            except StopIteration as end:
                found = end.value
        chosen.append(found.select(subject.select, asked).edges)
        sofar = _stability(subject, chosen)
        yield Progress(number + 1, options.resamples, f"resample {number + 1}", sofar)
    return _stability(subject, chosen)


def _stability(subject: Subject, chosen: list[BoolMatrix]) -> Stability:
    pairs = [iou(a, b) for a, b in combinations(chosen, 2)]
    return Stability(
        subject.circuit.graph,
        np.mean(chosen, axis=0),
        len(chosen),
        float(np.mean(pairs)) if pairs else None,
        [iou(subject.circuit.edges, edges) for edges in chosen],
    )


def iou(a: BoolMatrix, b: BoolMatrix) -> float:
    """Shared edges over all edges of either; 1 where both are empty."""
    union = int((a | b).sum())
    return int((a & b).sum()) / union if union else 1.0
