"""Heads in columns by their number, so that a head has the same position in every circuit."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from circuitviz.graph import BoolMatrix, Graph, Node, NodeKind
from circuitviz.layout.by_token import layout_by_token, position_columns
from circuitviz.layout.registry import COLUMN_SPACING, ROW_SPACING, PositionColumn, Positions, layouts

MLP_GAP = 0.25  # between the last head and the column of MLPs, in columns


def component_cells(graph: Graph) -> Positions:
    """The positions of all heads and MLPs of a model, in a circuit or not: a row for each layer.

    None in a graph by span, in which each stands at many.
    """
    if graph.spans is not None:
        return {}
    return {node.name: _cell(graph, node) for node in graph.nodes if _has_cell(node)}


def span_columns(graph: Graph, names: Sequence[str]) -> tuple[PositionColumn, ...]:
    """The columns of a graph by span; else none."""
    return () if graph.spans is None else position_columns(graph, names)


@layouts.register("grid", summary="by layer and head number", cells=component_cells, columns=span_columns)
def layout_by_head(
    graph: Graph, names: Sequence[str], edges: BoolMatrix, pinned: Mapping[str, tuple[float, float]]
) -> Positions:
    """Layers upwards, heads by number, the MLP at its layer's right; a graph by span in its columns."""
    if graph.spans is not None:
        return layout_by_token(graph, names, edges, pinned)
    rows: dict[float, list[str]] = {}  # features and errors by height; they have no head number
    positions: Positions = {}
    for name in names:
        node = graph.node(name)
        if _has_cell(node):
            positions[name] = _cell(graph, node)
        elif node.kind in (NodeKind.FEATURE, NodeKind.ERROR):
            height = graph.depth(name) / 2 if node.site != "r" else graph.depth(name) / 2 - 0.5
            rows.setdefault(height * ROW_SPACING, []).append(name)
        else:
            layer = graph.shape.n_layers if node.kind is NodeKind.LOGITS else -1
            positions[name] = (0.0, layer * ROW_SPACING)
    for y, row in rows.items():
        for i, name in enumerate(row):
            positions[name] = ((i - (len(row) - 1) / 2) * COLUMN_SPACING, y)
    return {**positions, **{name: pinned[name] for name in names if name in pinned}}


def _has_cell(node: Node) -> bool:
    return node.layer is not None and (node.kind is NodeKind.MLP or node.head is not None)


def _cell(graph: Graph, node: Node) -> tuple[float, float]:
    assert node.layer is not None
    n_heads = graph.shape.n_heads
    column = n_heads + MLP_GAP if node.head is None else node.head
    return (column - (n_heads - 1) / 2) * COLUMN_SPACING, node.layer * ROW_SPACING
