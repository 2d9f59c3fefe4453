"""Heads in columns by their number, so that a head has the same position in every circuit."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from circuitviz.graph import BoolMatrix, Graph, NodeKind
from circuitviz.layout.registry import COLUMN_SPACING, ROW_SPACING, Positions, layouts


@layouts.register("grid", summary="by layer and head number")
def layout_by_head(
    graph: Graph, names: Sequence[str], edges: BoolMatrix, pinned: Mapping[str, tuple[float, float]]
) -> Positions:
    """Layers upwards, heads by number, the MLP half a row above its heads at the right."""
    middle = (graph.shape.n_heads - 1) / 2
    positions: Positions = {}
    rows: dict[int, list[str]] = {}  # features and errors by depth; they have no head number
    for name in names:
        if graph.node(name).kind in (NodeKind.FEATURE, NodeKind.ERROR):
            rows.setdefault(graph.depth(name), []).append(name)
    column_offset = {name: i - (len(row) - 1) / 2 for row in rows.values() for i, name in enumerate(row)}
    for name in names:
        node = graph.node(name)
        if node.kind is NodeKind.HEAD and node.head is not None:
            x = node.head - middle
        elif name in column_offset:
            x = column_offset[name]
        else:
            x = middle + 1.4 if node.kind is NodeKind.MLP else 0.0
        positions[name] = (x * COLUMN_SPACING, graph.depth(name) * ROW_SPACING / 2)
    return {**positions, **{name: pinned[name] for name in names if name in pinned}}
