"""Reduction of edge crossings by ordering the nodes of each row, for every layout that has rows."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from circuitviz.graph import BoolMatrix, Graph

Floats = NDArray[np.float64]
Indices = NDArray[np.intp]

N_SWEEPS = 12


def order_rows(row: Indices, column: Indices, centre: Floats, tail: Indices, head: Indices) -> Floats:
    """Order the nodes of each row and column so that few edges cross [sugiyama1981methods].

    Each sweep orders a cell by the mean x of its nodes' neighbours, alternately from below and from above.

    Args:
        row: Row of each node from 0, int [nodes].
        column: Column of each node from 0, int [nodes].
        centre: x of the centre of each column, float [columns].
        tail: Lower node of each edge, int [edges].
        head: Upper node of each edge, int [edges].

    Returns:
        The x of each node, in distances between neighbours, float [nodes].
    """
    rows = _row_slots(row, column, centre)
    x = np.zeros(len(row))
    for members, _, slots in rows:
        x[members] = slots
    directions = {
        True: _edge_ends_by_row(rows, row, head, tail),
        False: _edge_ends_by_row(rows, row, tail, head),
    }
    for sweep in range(N_SWEEPS):
        upward = sweep % 2 == 0
        for level in range(len(rows)) if upward else range(len(rows) - 1, -1, -1):
            members, cells, slots = rows[level]
            ends_in_row, other_ends, count = directions[upward][level]
            total = np.bincount(ends_in_row, weights=x[other_ends], minlength=len(members))
            mean_neighbour_x = np.where(count > 0, total / np.maximum(count, 1), x[members])
            x[members[np.lexsort((mean_neighbour_x, cells))]] = slots
    return x


def edges_between(graph: Graph, edges: BoolMatrix, index: Indices) -> tuple[Indices, Indices]:
    """Edges among some nodes.

    Args:
        graph: The graph.
        edges: Edges of the circuit, bool [senders, receivers].
        index: Rows of the nodes in the graph, int [nodes].

    Returns:
        Sender and receiver of each edge as places in ``index``, int [edges] each.
    """
    row_of_node = np.full(len(graph.nodes), -1)
    row_of_node[index] = np.arange(len(index))
    senders, _, nodes = graph.edge_node_triples(edges)
    tail, head = row_of_node[senders], row_of_node[nodes]
    are_listed = (tail >= 0) & (head >= 0)
    return tail[are_listed], head[are_listed]


def row_numbers(depth: Sequence[float]) -> Indices:
    """Number of each node's row [nodes], counted without depths that no node has."""
    row_of_depth = {level: row for row, level in enumerate(sorted(set(depth)))}
    return np.array([row_of_depth[level] for level in depth], np.intp)


def _row_slots(row: Indices, column: Indices, centre: Floats) -> list[tuple[Indices, Indices, Floats]]:
    """For each row: its nodes ordered by column, their columns, and the x to distribute among them."""
    order = np.lexsort((column, row))
    bounds = np.searchsorted(row[order], np.arange(int(row.max(initial=-1)) + 2))
    row_slots = []
    for start, end in pairwise(bounds.tolist()):
        members = order[start:end]
        cells = column[members]
        first = np.searchsorted(cells, cells, "left")
        size = np.searchsorted(cells, cells, "right") - first
        row_slots.append((members, cells, centre[cells] + (np.arange(end - start) - first) - (size - 1) / 2))
    return row_slots


def _edge_ends_by_row(
    rows: Sequence[tuple[Indices, Indices, Floats]], row: Indices, ends: Indices, other_ends: Indices
) -> list[tuple[Indices, Indices, Indices]]:
    """For each row: edge ends in it (places in the row), the nodes at the other ends, edges per place."""
    place_in_row = np.zeros(len(row), np.intp)
    for members, _, _ in rows:
        place_in_row[members] = np.arange(len(members))
    order = np.argsort(row[ends], kind="stable")
    ends, other_ends = ends[order], other_ends[order]
    places, bounds = place_in_row[ends], np.searchsorted(row[ends], np.arange(len(rows) + 1))
    return [
        (places[a:b], other_ends[a:b], np.bincount(places[a:b], minlength=len(members)))
        for (a, b), (members, _, _) in zip(pairwise(bounds.tolist()), rows, strict=True)
    ]
