"""Rows by depth, each ordered so that few edges cross."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from circuitviz.graph import BoolMatrix, Graph, NodeKind
from circuitviz.layout.crossing_reduction import edges_between, order_rows, row_numbers
from circuitviz.layout.registry import COLUMN_SPACING, ROW_SPACING, Positions, layouts
from circuitviz.layout.slots import MIN_SLOTS, assign_slots

MAX_SPREAD_NODES = 1000  # rows of more nodes fill their width as they are


@layouts.register("layered", summary="by layer, crossings ordered away")
def layout_by_layer(
    graph: Graph, names: Sequence[str], edges: BoolMatrix, pinned: Mapping[str, tuple[float, float]]
) -> Positions:
    """Rows by depth, those without nodes left out; barycentric order within a row, over the whole width."""
    if not names:
        return {}
    index = np.array([graph.node_index[name] for name in names], np.intp)
    row = row_numbers([graph.depth(name) for name in names])
    one_column, centre = np.zeros(len(names), np.intp), np.zeros(1)
    x = order_rows(row, one_column, centre, *edges_between(graph, edges, index))
    kinds = [graph.node(name).kind for name in names]
    is_mlp = np.array([kind is NodeKind.MLP for kind in kinds])
    is_end = np.array([kind in (NodeKind.INPUT, NodeKind.LOGITS) for kind in kinds])
    if len(names) <= MAX_SPREAD_NODES:
        x = assign_slots(row, x, *edges_between(graph, edges, index), ~(is_mlp | is_end))
    right = float(x[~is_mlp].max(initial=0.0))
    x[is_mlp] = max(right, MIN_SLOTS / 2) + 1.1  # a separate column, so that no edges pass behind MLPs
    positions = {
        name: (float(x[i] * COLUMN_SPACING), float(row[i] * ROW_SPACING)) for i, name in enumerate(names)
    }
    return {**positions, **{name: pinned[name] for name in names if name in pinned}}
