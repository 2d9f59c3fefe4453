"""Overlap of two circuits, and ranking of a reference circuit's edges by scores."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from circuitviz.errors import InputError
from circuitviz.graph.circuits import Circuit
from circuitviz.graph.graph import BoolMatrix
from circuitviz.graph.scores import Scores


def overlap(
    left: Circuit, right: Circuit, scores: Scores | None = None, ranked_edges: BoolMatrix | None = None
) -> dict[str, Any]:
    """Compare two circuits (methods.md, Evaluating a circuit).

    Args:
        left: A circuit.
        right: The reference: precision is shared / left, recall is shared / right.
        scores: Scores of the left circuit; without them the ranking numbers are None.
        ranked_edges: Edges that the reference decides on, bool [senders, receivers]; all edges by default.

    Returns:
        ``edges`` and ``nodes``, each with ``shared``, ``left``, ``right``, ``iou``, ``precision`` and
        ``recall``; ``auroc`` and ``average_precision`` of |score| as a ranking of the reference's edges; and
        ``precision_at_size``, the share of reference edges among as many strongest ones.

    Raises:
        InputError: The circuits belong to different graphs.
    """
    names = [None if graph.spans is None else graph.spans.names for graph in (left.graph, right.graph)]
    if left.graph.shape == right.graph.shape and names[0] != names[1]:
        raise InputError(
            "The two circuits are of one model, but not at the same spans; compare circuits of the same "
            "spans, or two of the whole prompt."
        )
    if not left.graph.same_as(right.graph):
        raise InputError(
            "The two circuits belong to models of different shapes, so they have no edges in "
            "common; compare circuits of one model, or of models of one shape."
        )
    mask = left.graph.mask if ranked_edges is None else ranked_edges
    left_edges, right_edges = left.edges & mask, right.edges & mask
    left_nodes, right_nodes = (
        set(Circuit(left.graph, edges, int(edges.sum())).node_names) for edges in (left_edges, right_edges)
    )
    return {
        "edges": _overlap_counts(
            int((left_edges & right_edges).sum()), int(left_edges.sum()), int(right_edges.sum())
        ),
        "nodes": _overlap_counts(len(left_nodes & right_nodes), len(left_nodes), len(right_nodes)),
        **ranking_quality(scores, right_edges, mask),
    }


def ranking_quality(scores: Scores | None, truth: BoolMatrix, mask: BoolMatrix) -> dict[str, float | None]:
    """How well |score| ranks true edges.

    Args:
        scores: Scores of all edges; without them all numbers are None.
        truth: True edges, bool [senders, receivers].
        mask: Edges that are ranked, bool [senders, receivers].

    Returns:
        ``auroc``, ``average_precision`` and ``precision_at_size``, each None where it is undefined.
    """
    if scores is None:
        return {"auroc": None, "average_precision": None, "precision_at_size": None}
    values = np.abs(scores.values)
    precision, recall = precision_and_recall(values, truth, mask)
    size, steps = int(truth[mask].sum()), np.diff(recall, prepend=0.0)
    threshold = np.sort(values[mask])[::-1][size - 1] if size else np.inf
    strongest = (values >= threshold) & mask
    return {
        "auroc": area_under_roc(values, truth, mask),
        "average_precision": float((steps * precision).sum()) if size else None,
        "precision_at_size": float(truth[strongest].mean()) if size else None,
    }


def precision_and_recall(
    values: NDArray[np.float64], truth: BoolMatrix, mask: BoolMatrix
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Precision and recall at each distinct value as threshold, from the strongest edge down.

    Args:
        values: Strength of each edge [senders, receivers].
        truth: True edges, bool [senders, receivers].
        mask: Edges that are ranked, bool [senders, receivers].

    Returns:
        Precision and recall, float [thresholds] each.
    """
    strength, is_true = values[mask], truth[mask]
    order = np.argsort(-strength, kind="stable")
    hits = np.cumsum(is_true[order])
    last_of_value = (
        np.flatnonzero(np.append(np.diff(strength[order]) != 0, True)) if len(strength) else np.zeros(0, int)
    )
    hits = hits[last_of_value]
    return hits / (last_of_value + 1), hits / max(1, int(is_true.sum()))


def area_under_roc(values: NDArray[np.float64], truth: BoolMatrix, mask: BoolMatrix) -> float | None:
    """Probability that a true edge ranks above another edge, ties counted as half.

    Args:
        values: Strength of each edge [senders, receivers].
        truth: True edges, bool [senders, receivers].
        mask: Edges that are ranked, bool [senders, receivers].

    Returns:
        The area, or None where all edges are true or none is.
    """
    strength, is_true = values[mask], truth[mask]
    positives, negatives = int(is_true.sum()), int((~is_true).sum())
    if not positives or not negatives:
        return None
    _, inverse, counts = np.unique(strength, return_inverse=True, return_counts=True)
    ranks = (np.cumsum(counts) - (counts - 1) / 2)[inverse]
    return float((ranks[is_true].sum() - positives * (positives + 1) / 2) / (positives * negatives))


def _overlap_counts(shared: int, left: int, right: int) -> dict[str, float | int | None]:
    union = left + right - shared
    return {
        "shared": shared,
        "left": left - shared,
        "right": right - shared,
        "iou": shared / union if union else None,
        "precision": shared / left if left else None,
        "recall": shared / right if right else None,
    }
