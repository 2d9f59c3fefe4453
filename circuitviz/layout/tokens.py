"""Depth upwards, tokens to the right: how attribution graphs of one prompt are read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from circuitviz.graph import BoolMatrix, Graph
from circuitviz.layout.layered import layered
from circuitviz.layout.registry import COLUMN, ROW, Column, Places, layouts
from circuitviz.layout.sweeps import ordered, ranks, ties

GAP = 0.5  # between columns, in nodes
EMPTY = 0.5  # width of a column of a token without nodes, in nodes
MOST_POSITIONS = 4096  # a file may name any position; beyond these, only positions with nodes have columns


def columns(graph: Graph, names: Sequence[str]) -> tuple[Column, ...]:
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
    for position in range(min(last + 1, MOST_POSITIONS)):
        busy.setdefault(position, {})
    made, left = [], 0.0
    for position in sorted(busy):
        width = max(busy[position].values(), default=EMPTY)
        made.append((position, left, left + width))
        left += width + GAP
    middle = (left - GAP) / 2
    return tuple(
        Column(None if position < 0 else position, (a - middle) * COLUMN, (b - middle) * COLUMN)
        for position, a, b in made
    )


@layouts.register("tokens", summary="by layer and token position", columns=columns)
def tokens(
    graph: Graph,
    names: Sequence[str],
    edges: BoolMatrix,
    pinned: Mapping[str, tuple[float, float]],
) -> Places:
    """Rows by depth, columns by position; crossings ordered away within each cell.

    A circuit of components, which stand at no position, is laid out by layer alone.
    """
    spans = columns(graph, names)
    if not spans:
        return layered(graph, names, edges, pinned)
    number = {span.position: i for i, span in enumerate(spans)}
    column = np.array([number[graph.node(name).position] for name in names], np.intp)
    row = ranks([graph.depth(name) for name in names])
    centre = np.array([(span.left + span.right) / 2 / COLUMN for span in spans])
    index = np.array([graph.node_index[name] for name in names], np.intp)
    x = ordered(row, column, centre, *ties(graph, edges, index))
    places = {name: (float(x[i] * COLUMN), float(row[i] * ROW)) for i, name in enumerate(names)}
    return {**places, **{name: pinned[name] for name in names if name in pinned}}
