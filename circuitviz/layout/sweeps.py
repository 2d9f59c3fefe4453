"""Order within rows that keeps edges from crossing: one sweep for every layout that has rows."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from circuitviz.graph import BoolMatrix, Graph

Floats = NDArray[np.float64]
Rows = NDArray[np.intp]

SWEEPS = 12


def ordered(row: Rows, column: Rows, centre: Floats, tail: Rows, head: Rows) -> Floats:
    """x of nodes [nodes], those of one row and column side by side about the column's ``centre``.

    ``row`` and ``column`` [nodes] count from 0; ``tail`` and ``head`` [edges] are nodes. Sugiyama et
    al. 1981: each sweep orders a cell by the mean place of its nodes' neighbours, alternately from
    below and from above.
    """
    x = np.zeros(len(row))
    cells = [
        [np.flatnonzero((row == level) & (column == c)) for c in sorted(set(column[row == level].tolist()))]
        for level in range(int(row.max(initial=-1)) + 1)
    ]
    for beside in cells:
        for members in beside:
            x[members] = centre[column[members]] + np.arange(len(members)) - (len(members) - 1) / 2
    ways = {True: _by_level(row, head, tail, len(cells)), False: _by_level(row, tail, head, len(cells))}
    for sweep in range(SWEEPS):
        upward = sweep % 2 == 0
        for level in range(len(cells)) if upward else range(len(cells) - 1, -1, -1):
            here, there = ways[upward][level]
            count = np.bincount(here, minlength=len(x))
            total = np.bincount(here, weights=x[there], minlength=len(x))
            wanted = np.where(count > 0, total / np.maximum(count, 1), x)
            for members in cells[level]:
                ranked = members[np.argsort(wanted[members], kind="stable")]
                x[ranked] = centre[column[members]] + np.arange(len(members)) - (len(members) - 1) / 2
    return x


def ties(graph: Graph, edges: BoolMatrix, index: Rows) -> tuple[Rows, Rows]:
    """Tail and head [edges] among some nodes, counted in the order of ``index`` [nodes]."""
    place = np.full(len(graph.nodes), -1)
    place[index] = np.arange(len(index))
    senders, _, nodes = graph.arrows(edges)
    tail, head = place[senders], place[nodes]
    both = (tail >= 0) & (head >= 0)
    return tail[both], head[both]


def ranks(depth: Sequence[int]) -> Rows:
    """Row of each node [nodes] by its depth, rows without nodes left out."""
    place = {level: row for row, level in enumerate(sorted(set(depth)))}
    return np.array([place[level] for level in depth], np.intp)


def _by_level(row: Rows, here: Rows, there: Rows, levels: int) -> list[tuple[Rows, Rows]]:
    order = np.argsort(row[here], kind="stable")
    here, there = here[order], there[order]
    bounds = np.searchsorted(row[here], np.arange(levels + 1))
    return [(here[a:b], there[a:b]) for a, b in pairwise(bounds.tolist())]
