"""Scores whose size is a rank: for methods that order edges and measure no effect."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from circuitviz.graph import Graph
from circuitviz.graph.scores import RANK_UNIT, UNIT_KEY

RANK_INFO: dict[str, Any] = {UNIT_KEY: RANK_UNIT}


def rank_edges(graph: Graph, strengths: NDArray[np.float64]) -> NDArray[np.float64]:
    """Rank of each edge divided by the number of edges: 1 for the strongest, 0 for those of strength 0.

    Edges of equal strength get their mean rank.

    Args:
        graph: The graph.
        strengths: At least 0, [senders, receivers].

    Returns:
        Float64 [senders, receivers]; 0 where there is no edge.
    """
    of_edges = strengths[graph.mask]
    _, group, sizes = np.unique(of_edges, return_inverse=True, return_counts=True)
    mean_ranks = np.cumsum(sizes) - (sizes - 1) / 2
    ranks = np.zeros_like(strengths, dtype=np.float64)
    ranks[graph.mask] = np.where(of_edges > 0, mean_ranks[group] / len(of_edges), 0.0)
    return ranks
