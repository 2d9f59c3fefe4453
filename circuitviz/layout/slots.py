"""Where the nodes of ordered rows stand in columns of equal width, so that rows of few nodes use the width.

A row of two nodes in the middle of a picture twelve columns wide leaves its sides empty, and the edges of
all other rows run through its boxes. Here each row chooses columns for its nodes, their order kept: near to
their neighbours, apart from each other, and beside the nodes of the rows next to it.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from circuitviz.layout.crossing_reduction import Floats, Indices

MIN_SLOTS = 5  # columns of a picture however few nodes its rows have
N_SWEEPS = 4
CROWDING_REACH_ROWS = 3  # rows above and below in which a node in the same column is avoided
CROWDING_COST, NEIGHBOUR_COST = 1.6, 0.6  # in columns that a node would rather move than stand in line


def assign_slots(row: Indices, x: Floats, tail: Indices, head: Indices, is_placed: Sequence[bool]) -> Floats:
    """Spread ordered rows over the columns of the widest.

    Args:
        row: Row of each node from 0, int [nodes].
        x: x of each node in distances between neighbours, which tells the order in the row, float [nodes].
        tail: Lower node of each edge, int [edges].
        head: Upper node of each edge, int [edges].
        is_placed: Whether a node takes a column; the others keep their x, bool [nodes].

    Returns:
        The x of each node, in widths of a column about the middle, float [nodes].
    """
    placed = np.asarray(is_placed, bool)
    n_rows = int(row.max(initial=-1)) + 1
    rows = [members[np.argsort(x[members], kind="stable")]
            for members in (np.flatnonzero((row == r) & placed) for r in range(n_rows))]  # fmt: skip
    n_slots = max([MIN_SLOTS, *map(len, rows)])
    slots = np.arange(n_slots) - (n_slots - 1) / 2
    found, occupied = x.copy(), np.zeros((n_rows, n_slots))
    justified = np.zeros(len(row))
    for members in rows:
        justified[members] = ((np.arange(len(members)) + 0.5) / max(1, len(members)) - 0.5) * n_slots
        found[members] = justified[members]
    ends, others = np.concatenate([tail, head]), np.concatenate([head, tail])
    degree = np.bincount(ends, minlength=len(row))
    for sweep in range(N_SWEEPS):
        total = np.bincount(ends, weights=found[others], minlength=len(row))
        wish = np.where(degree > 0, (justified + total / np.maximum(degree, 1)) / 2, justified)
        for r in range(n_rows) if sweep % 2 == 0 else range(n_rows - 1, -1, -1):
            members = rows[r]
            if not len(members):
                continue
            cost = np.abs(slots[None] - wish[members, None]) + _crowding(occupied, r)
            chosen = _cheapest_in_order(cost)
            occupied[r] = 0.0
            occupied[r, chosen] = 1.0
            found[members] = slots[chosen]
    return found


def _crowding(occupied: Floats, row: int) -> Floats:
    """What each column costs in a row because of the nodes of rows near it [slots]."""
    cost = np.zeros(occupied.shape[1])
    for distance in range(1, CROWDING_REACH_ROWS + 1):
        for other in (row - distance, row + distance):
            if 0 <= other < len(occupied):
                cost += CROWDING_COST / distance * occupied[other]
                cost[1:] += NEIGHBOUR_COST / distance**2 * occupied[other][:-1]
                cost[:-1] += NEIGHBOUR_COST / distance**2 * occupied[other][1:]
    return cost


def _cheapest_in_order(cost: Floats) -> Indices:
    """The columns of the least total cost that increase from node to node [nodes]; cost is [nodes, slots]."""
    n_nodes, n_slots = cost.shape
    best = np.full((n_nodes, n_slots), np.inf)
    best[0] = cost[0]
    for i in range(1, n_nodes):
        best[i, 1:] = np.minimum.accumulate(best[i - 1])[:-1] + cost[i, 1:]
    chosen = np.empty(n_nodes, np.intp)
    limit = n_slots
    for i in range(n_nodes - 1, -1, -1):
        chosen[i] = limit = int(np.argmin(best[i, :limit]))
    return chosen
