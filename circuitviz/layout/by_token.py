"""Rows by depth and columns by token position or span, as circuits of prompts are drawn."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from circuitviz.graph import BoolMatrix, Graph
from circuitviz.graph.spans import END_SPAN
from circuitviz.layout.by_layer import layout_by_layer
from circuitviz.layout.crossing_reduction import edges_between, order_rows, row_numbers
from circuitviz.layout.registry import COLUMN_SPACING, ROW_SPACING, PositionColumn, Positions, layouts

COLUMN_GAP_NODES = 0.5  # between columns, in nodes
EMPTY_COLUMN_NODES = 0.5  # width of a column of a token without nodes, in nodes
MAX_POSITIONS = 4096  # a file may name any position; beyond these, only positions with nodes have columns


def column_position(graph: Graph, name: str) -> int | None:
    """The token position of a node, or the number of its span; None where it stands at none.

    The logits of a graph by span are read at its last one, ``END``.
    """
    node = graph.node(name)
    if graph.spans is None:
        return node.position
    return graph.spans.names.index(node.span or END_SPAN)


def position_columns(graph: Graph, names: Sequence[str]) -> tuple[PositionColumn, ...]:
    """Columns of some nodes, one per token position or span, each as wide as its layer with most nodes.

    Every position up to the graph's last has a column, also without nodes. Nodes without a position share
    the first column.

    Returns:
        The columns from left to right; empty where no node has a position.
    """
    positions = [column_position(graph, name) for name in names]
    if all(position is None for position in positions):
        return ()
    counts_by_position: dict[int, dict[float, int]] = {}
    for name, position in zip(names, positions, strict=True):
        layers = counts_by_position.setdefault(-1 if position is None else position, {})
        layers[graph.depth(name)] = layers.get(graph.depth(name), 0) + 1
    last_position = max(-1 if node.position is None else node.position for node in graph.nodes)
    if graph.spans is not None:
        last_position = len(graph.spans) - 1
    for position in range(min(last_position + 1, MAX_POSITIONS)):
        counts_by_position.setdefault(position, {})
    spans, x_left = [], 0.0
    for position in sorted(counts_by_position):
        width = max(counts_by_position[position].values(), default=EMPTY_COLUMN_NODES)
        spans.append((position, x_left, x_left + width))
        x_left += width + COLUMN_GAP_NODES
    centre = (x_left - COLUMN_GAP_NODES) / 2
    return tuple(
        PositionColumn(
            None if position < 0 else position,
            (left - centre) * COLUMN_SPACING,
            (right - centre) * COLUMN_SPACING,
        )
        for position, left, right in spans
    )


@layouts.register(
    "tokens", summary="by layer and token position", columns=position_columns, needs_columns=True
)
def layout_by_token(
    graph: Graph, names: Sequence[str], edges: BoolMatrix, pinned: Mapping[str, tuple[float, float]]
) -> Positions:
    """Rows by depth, columns by position; each cell is ordered so that few edges cross.

    A circuit of components without spans, which have no position, is laid out by layer alone.
    """
    spans = position_columns(graph, names)
    if not spans:
        return layout_by_layer(graph, names, edges, pinned)
    number = {span.position: i for i, span in enumerate(spans)}
    column = np.array([number[column_position(graph, name)] for name in names], np.intp)
    row = row_numbers([graph.depth(name) for name in names])
    centre = np.array([(span.left + span.right) / 2 / COLUMN_SPACING for span in spans])
    index = np.array([graph.node_index[name] for name in names], np.intp)
    x = order_rows(row, column, centre, *edges_between(graph, edges, index))
    positions = {
        name: (float(x[i] * COLUMN_SPACING), float(row[i] * ROW_SPACING)) for i, name in enumerate(names)
    }
    return {**positions, **{name: pinned[name] for name in names if name in pinned}}
