"""Depth upwards, crossings ordered away within each row: how circuits are read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from circuitviz.graph import BoolMatrix, Graph, Kind
from circuitviz.layout.registry import COLUMN, ROW, Places, layouts

SWEEPS = 12


@layouts.register("layered", summary="by layer, crossings ordered away")
def layered(
    graph: Graph,
    names: Sequence[str],
    edges: BoolMatrix,
    pinned: Mapping[str, tuple[float, float]],
) -> Places:
    """Rows by depth, those without nodes left out; barycentric order within a row.

    Sugiyama et al. 1981: each sweep orders a row by the mean place of its neighbours, alternately
    from below and from above.
    """
    if not names:
        return {}
    index = [graph.node_index[name] for name in names]
    depth = np.array([graph.depth(name) for name in names])
    levels, row = np.unique(depth, return_inverse=True)
    ties = _ties(graph, edges)[np.ix_(index, index)]
    below, above = ties.T, ties
    x = np.zeros(len(names))
    for level in range(len(levels)):
        members = np.flatnonzero(row == level)
        x[members] = np.arange(len(members)) - (len(members) - 1) / 2
    for sweep in range(SWEEPS):
        neighbours = below if sweep % 2 == 0 else above
        order = range(len(levels)) if sweep % 2 == 0 else range(len(levels) - 1, -1, -1)
        for level in order:
            members = np.flatnonzero(row == level)
            weights = neighbours[members]
            total = weights.sum(1)
            wanted = np.where(total > 0, weights @ x / np.maximum(total, 1e-12), x[members])
            ranked = members[np.argsort(wanted, kind="stable")]
            x[ranked] = np.arange(len(members)) - (len(members) - 1) / 2
    alone = np.array([graph.node(name).kind is Kind.MLP for name in names])
    widest = max((np.sum(row == level) for level in range(len(levels))), default=1)
    x[alone] = (widest + 1.2) / 2  # a column of their own: edges do not pass behind them
    places = {
        name: (float(x[i] * COLUMN), float(row[i] * ROW)) for i, name in enumerate(names)
    }
    return {**places, **{name: pinned[name] for name in names if name in pinned}}


def _ties(graph: Graph, edges: BoolMatrix) -> np.ndarray[tuple[int, int], np.dtype[np.float64]]:
    """How many edges go from node to node [nodes, nodes]."""
    ties = np.zeros((len(graph.nodes), len(graph.nodes)))
    ties[:-1] = edges.astype(float) @ graph.owners.astype(float)
    return ties
