"""Depth upwards, crossings ordered away within each row: how circuits are read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from circuitviz.graph import BoolMatrix, Graph, Kind
from circuitviz.layout.registry import COLUMN, ROW, Places, layouts
from circuitviz.layout.sweeps import ordered, ranks, ties


@layouts.register("layered", summary="by layer, crossings ordered away")
def layered(
    graph: Graph,
    names: Sequence[str],
    edges: BoolMatrix,
    pinned: Mapping[str, tuple[float, float]],
) -> Places:
    """Rows by depth, those without nodes left out; barycentric order within a row."""
    if not names:
        return {}
    index = np.array([graph.node_index[name] for name in names], np.intp)
    row = ranks([graph.depth(name) for name in names])
    one_column, centre = np.zeros(len(names), np.intp), np.zeros(1)
    x = ordered(row, one_column, centre, *ties(graph, edges, index))
    alone = np.array([graph.node(name).kind is Kind.MLP for name in names])
    widest = int(np.bincount(row).max())
    x[alone] = (widest + 1.2) / 2  # a column of their own: edges do not pass behind them
    places = {name: (float(x[i] * COLUMN), float(row[i] * ROW)) for i, name in enumerate(names)}
    return {**places, **{name: pinned[name] for name in names if name in pinned}}
