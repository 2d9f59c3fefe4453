"""Comparison of discovery methods with a reference circuit."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from circuitviz.discovery import default_selection, discover_steps
from circuitviz.errors import InputError
from circuitviz.graph import BoolMatrix, Circuit, Scores, overlap, precision_and_recall
from circuitviz.models import Model
from circuitviz.progress import Progress, ProgressRunner, ProgressSteps
from circuitviz.tasks import Task


@dataclass(frozen=True)
class ReferenceComparison:
    """One method compared with the reference.

    The circuit is what the method would keep: its own choice where it makes one, else as many edges as the
    reference has, by the rule that suits the method.

    Attributes:
        method: The method's name.
        overlap: Overlap of circuit and scores with the reference, as ``graph.overlap`` returns it.
        precision: The precision–recall curve's precision.
        recall: The curve's recall.
        seconds: Duration of the search.
        error: Why the method cannot be used here; empty where it can.
    """

    method: str
    overlap: dict[str, Any] = field(default_factory=dict)
    precision: list[float] = field(default_factory=list)
    recall: list[float] = field(default_factory=list)
    seconds: float = 0.0
    error: str = ""

    def as_dict(self) -> dict[str, Any]:
        """Return the row as the command line and the panel show it."""
        return {
            "method": self.method,
            **({"error": self.error} if self.error else self.overlap),
            "curve": {"precision": self.precision, "recall": self.recall},
            "seconds": self.seconds,
        }


def compare_with_reference(
    method: str,
    scores: Scores | None,
    circuit: Circuit,
    reference: Circuit,
    reference_mask: BoolMatrix | None = None,
    seconds: float = 0.0,
) -> ReferenceComparison:
    """Compare one circuit and its scores with a reference.

    Args:
        method: Name of the method.
        scores: The scores; without them there is no curve.
        circuit: The circuit.
        reference: The reference.
        reference_mask: The edges that the reference makes a statement about; all by default.
        seconds: Duration of the search.
    """
    overlap_numbers = overlap(circuit, reference, scores, reference_mask)
    if scores is None:
        return ReferenceComparison(method, overlap_numbers, seconds=seconds)
    mask = reference.graph.mask if reference_mask is None else reference_mask
    precision, recall = precision_and_recall(np.abs(scores.values), reference.edges, mask)
    return ReferenceComparison(method, overlap_numbers, precision.tolist(), recall.tolist(), seconds)


def compare_methods_steps(
    model: Model,
    task: Task,
    reference: Circuit,
    methods: Sequence[str],
    metric: str | None = None,
    ablation: str = "corrupted",
    reference_mask: BoolMatrix | None = None,
) -> ProgressSteps[list[ReferenceComparison]]:
    """Search with each method in its default setting and compare with a reference.

    Args:
        model: The model that the reference belongs to.
        task: The prompts.
        reference: The known circuit.
        methods: Names of methods.
        metric: Name of a metric; the task's own by default.
        ablation: Name of an ablation.
        reference_mask: The edges that the reference makes a statement about; all by default.

    Returns:
        A generator whose result is one row for each method; partial results are the rows so far.

    Raises:
        InputError: The reference belongs to a model of another shape.
    """
    if reference.graph.shape != model.shape:
        raise InputError(
            f"The reference is of a model with {reference.graph.shape.n_layers} layers and "
            f"{reference.graph.shape.n_heads} heads; '{model.name}' has {model.shape.n_layers} and "
            f"{model.shape.n_heads}. Open the model that the reference is of."
        )
    rows: list[ReferenceComparison] = []
    for number, method in enumerate(methods):
        start_s = time.perf_counter()
        try:
            steps = ProgressRunner(discover_steps(model, task, method, metric, ablation))
            for step in steps:
                yield Progress(number + step.fraction, len(methods), f"{method}: {step.message}")
        except InputError as error:
            rows.append(ReferenceComparison(method, error=str(error)))
        else:
            rule, scores = default_selection(method), steps.result
            circuit = scores.select_by_method() if rule == "own" else scores.select(rule, reference.n_edges)
            seconds = time.perf_counter() - start_s
            rows.append(compare_with_reference(method, scores, circuit, reference, reference_mask, seconds))
        yield Progress(number + 1, len(methods), method, list(rows))
    return rows
