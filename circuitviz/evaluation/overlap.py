"""What two circuits share, and how well scores rank a reference's edges."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from circuitviz.errors import InputError
from circuitviz.graph import BoolMatrix, Circuit, Scores


def overlap(left: Circuit, right: Circuit, scores: Scores | None = None) -> dict[str, Any]:
    """Shared, left and right counts, IoU, precision and recall for edges and nodes.

    ``right`` is the reference: precision is shared / left, recall shared / right. ``auroc``, where
    the left circuit's scores are given: how well |score| ranks the reference's edges.
    """
    if left.graph.shape != right.graph.shape:
        raise InputError(
            "The two circuits belong to models of different shapes, so they have no edges in "
            "common; compare circuits of one model, or of models of one shape."
        )
    ours, theirs = set(left.node_names), set(right.node_names)
    auroc = None
    if scores is not None:
        auroc = area_under_roc(np.abs(scores.values), right.edges, left.graph.mask)
    return {
        "edges": _counts(
            int((left.edges & right.edges).sum()), left.n_edges, right.n_edges
        ),
        "nodes": _counts(len(ours & theirs), len(ours), len(theirs)),
        "auroc": auroc,
    }


def area_under_roc(
    values: NDArray[np.float64], truth: BoolMatrix, mask: BoolMatrix
) -> float | None:
    """Chance that a reference edge ranks above another, ties as half; None where all are alike."""
    v, t = values[mask], truth[mask]
    positives, negatives = int(t.sum()), int((~t).sum())
    if not positives or not negatives:
        return None
    _, inverse, counts = np.unique(v, return_inverse=True, return_counts=True)
    ranks = (np.cumsum(counts) - (counts - 1) / 2)[inverse]
    return float((ranks[t].sum() - positives * (positives + 1) / 2) / (positives * negatives))


def _counts(shared: int, left: int, right: int) -> dict[str, float | int | None]:
    union = left + right - shared
    return {
        "shared": shared,
        "left": left - shared,
        "right": right - shared,
        "iou": shared / union if union else None,
        "precision": shared / left if left else None,
        "recall": shared / right if right else None,
    }
