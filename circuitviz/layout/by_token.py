"""Depth upwards, tokens to the right: how attribution graphs of one prompt are read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from circuitviz.graph import BoolMatrix, Graph
from circuitviz.layout.by_layer import layout_by_layer
from circuitviz.layout.crossing_reduction import edges_between, order_rows, row_numbers
from circuitviz.layout.registry import COLUMN_SPACING, ROW_SPACING, PositionColumn, Positions, layouts

COLUMN_GAP_NODES = 0.5  # between columns, in nodes
EMPTY_COLUMN_NODES = 0.5  # width of a column of a token without nodes, in nodes
MAX_POSITIONS = 4096  # a file may name any position; beyond these, only positions with nodes have columns


def position_columns(graph: Graph, names: Sequence[str]) -> tuple[PositionColumn, ...]:
    """The columns of some nodes: one a position, as wide as its busiest layer; none without positions.

    Every position of the prompt up to the graph's last node has one, whether nodes stand there or not. Nodes
    that stand at no position share a first column of their own.
    """
    if all(graph.node(name).position is None for name in names):
        return ()
    busy: dict[int, dict[int, int]] = {}
    for name in names:
        at = graph.node(name).position
        layers = busy.setdefault(-1 if at is None else at, {})
        layers[graph.depth(name)] = layers.get(graph.depth(name), 0) + 1
    last = max(-1 if node.position is None else node.position for node in graph.nodes)
    for position in range(min(last + 1, MAX_POSITIONS)):
        busy.setdefault(position, {})
    made, left = [], 0.0
    for position in sorted(busy):
        width = max(busy[position].values(), default=EMPTY_COLUMN_NODES)
        made.append((position, left, left + width))
        left += width + COLUMN_GAP_NODES
    middle = (left - COLUMN_GAP_NODES) / 2
    return tuple(
        PositionColumn(
            None if position < 0 else position, (a - middle) * COLUMN_SPACING, (b - middle) * COLUMN_SPACING
        )
        for position, a, b in made
    )


@layouts.register("tokens", summary="by layer and token position", columns=position_columns)
def layout_by_token(
    graph: Graph,
    names: Sequence[str],
    edges: BoolMatrix,
    pinned: Mapping[str, tuple[float, float]],
) -> Positions:
    """Rows by depth, columns by position; crossings ordered away within each cell.

    A circuit of components, which stand at no position, is laid out by layer alone.
    """
    spans = position_columns(graph, names)
    if not spans:
        return layout_by_layer(graph, names, edges, pinned)
    number = {span.position: i for i, span in enumerate(spans)}
    column = np.array([number[graph.node(name).position] for name in names], np.intp)
    row = row_numbers([graph.depth(name) for name in names])
    centre = np.array([(span.left + span.right) / 2 / COLUMN_SPACING for span in spans])
    index = np.array([graph.node_index[name] for name in names], np.intp)
    x = order_rows(row, column, centre, *edges_between(graph, edges, index))
    places = {
        name: (float(x[i] * COLUMN_SPACING), float(row[i] * ROW_SPACING)) for i, name in enumerate(names)
    }
    return {**places, **{name: pinned[name] for name in names if name in pinned}}
