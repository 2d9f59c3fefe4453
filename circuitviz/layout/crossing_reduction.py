"""Order within rows that keeps edges from crossing: one sweep for every layout that has rows."""

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
    """The x of nodes [nodes], those of one row and column side by side about the column's ``centre``.

    ``row`` and ``column`` [nodes] count from 0; ``tail`` and ``head`` [edges] are nodes. Sugiyama et
    al. 1981: each sweep orders a cell by the mean place of its nodes' neighbours, alternately from
    below and from above.
    """
    rows = _row_slots(row, column, centre)
    x = np.zeros(len(row))
    for members, _, slots in rows:
        x[members] = slots
    ways = {True: _edge_ends_by_row(rows, row, head, tail), False: _edge_ends_by_row(rows, row, tail, head)}
    for sweep in range(N_SWEEPS):
        upward = sweep % 2 == 0
        for level in range(len(rows)) if upward else range(len(rows) - 1, -1, -1):
            members, cells, slots = rows[level]
            here, there, count = ways[upward][level]
            total = np.bincount(here, weights=x[there], minlength=len(members))
            wanted = np.where(count > 0, total / np.maximum(count, 1), x[members])
            x[members[np.lexsort((wanted, cells))]] = slots
    return x


def edges_between(graph: Graph, edges: BoolMatrix, index: Indices) -> tuple[Indices, Indices]:
    """Tail and head [edges] among some nodes, counted in the order of ``index`` [nodes]."""
    place = np.full(len(graph.nodes), -1)
    place[index] = np.arange(len(index))
    senders, _, nodes = graph.edge_node_triples(edges)
    tail, head = place[senders], place[nodes]
    both = (tail >= 0) & (head >= 0)
    return tail[both], head[both]


def row_numbers(depth: Sequence[int]) -> Indices:
    """Row of each node [nodes] by its depth, rows without nodes left out."""
    place = {level: row for row, level in enumerate(sorted(set(depth)))}
    return np.array([place[level] for level in depth], np.intp)


def _row_slots(row: Indices, column: Indices, centre: Floats) -> list[tuple[Indices, Indices, Floats]]:
    """Of each row its members [members], column after column, their columns, and the x there are for them."""
    order = np.lexsort((column, row))
    bounds = np.searchsorted(row[order], np.arange(int(row.max(initial=-1)) + 2))
    found = []
    for a, b in pairwise(bounds.tolist()):
        members = order[a:b]
        cells = column[members]
        first = np.searchsorted(cells, cells, "left")
        size = np.searchsorted(cells, cells, "right") - first
        found.append((members, cells, centre[cells] + (np.arange(b - a) - first) - (size - 1) / 2))
    return found


def _edge_ends_by_row(
    rows: Sequence[tuple[Indices, Indices, Floats]], row: Indices, here: Indices, there: Indices
) -> list[tuple[Indices, Indices, Indices]]:
    """Of each row: the ends of edges in it, as places among its members; their other ends; how many each."""
    place = np.zeros(len(row), np.intp)
    for members, _, _ in rows:
        place[members] = np.arange(len(members))
    order = np.argsort(row[here], kind="stable")
    here, there = here[order], there[order]
    bounds = np.searchsorted(row[here], np.arange(len(rows) + 1))
    return [
        (place[here[a:b]], there[a:b], np.bincount(place[here[a:b]], minlength=len(members)))
        for (a, b), (members, _, _) in zip(pairwise(bounds.tolist()), rows, strict=True)
    ]
