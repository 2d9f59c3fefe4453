"""A click must answer within a frame: what stored scores say before anything is run."""

from __future__ import annotations

import numpy as np

from circuitviz.graph import BoolMatrix, Scores


def estimate_metric(scores: Scores, before: BoolMatrix, after: BoolMatrix, metric: float) -> float:
    """First-order estimate of the metric after a change of edges, from its value before.

    Scores are effects of single edges on the full model, so their sum is exact only where edges do
    not interact; it is marked ≈ wherever it is shown.
    """
    change = np.where(after, scores.values, 0.0) - np.where(before, scores.values, 0.0)
    return metric + float(change.sum())
