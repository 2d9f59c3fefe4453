"""The order within rows against the same sweeps written node by node."""

from __future__ import annotations

import numpy as np
import pytest

from circuitviz.layout.crossing_reduction import N_SWEEPS, order_rows, row_numbers


def slowly(
    row: list[int], column: list[int], centre: list[float], ties: list[tuple[int, int]]
) -> list[float]:
    """Each cell by the mean place of its nodes' neighbours below, then above, one node at a time."""
    n = len(row)
    cells = sorted({(row[i], column[i]) for i in range(n)})
    members = {cell: [i for i in range(n) if (row[i], column[i]) == cell] for cell in cells}
    x = [0.0] * n

    def place(cell: tuple[int, int], held: list[int]) -> None:
        for rank, node in enumerate(held):
            x[node] = centre[cell[1]] + rank - (len(held) - 1) / 2

    for cell in cells:
        place(cell, members[cell])
    for sweep in range(N_SWEEPS):
        upward = sweep % 2 == 0
        for level in sorted(set(row), reverse=not upward):
            wanted = {}
            for node in (i for i in range(n) if row[i] == level):
                beside = [x[a] if upward else x[b] for a, b in ties if (b if upward else a) == node]
                wanted[node] = sum(beside) / len(beside) if beside else x[node]
            for cell in cells:
                if cell[0] == level:
                    place(cell, sorted(members[cell], key=lambda node: (wanted[node], node)))
    return x


@pytest.mark.parametrize("seed", range(12))
def test_the_sweeps_are_those_of_the_slow_way(seed: int) -> None:
    rng = np.random.default_rng(seed)
    n, columns = int(rng.integers(1, 60)), int(rng.integers(1, 5))
    row = row_numbers(rng.integers(0, 7, n).tolist())
    column = rng.integers(0, columns, n)
    centre = np.cumsum(rng.integers(2, 20, columns)).astype(float)
    tail, head = rng.integers(0, n, (2, 3 * n))
    found = order_rows(row, column, centre, tail, head)
    ties = list(zip(tail.tolist(), head.tolist(), strict=True))
    assert found.tolist() == slowly(row.tolist(), column.tolist(), centre.tolist(), ties)


def test_nothing_is_no_row() -> None:
    none = np.zeros(0, np.intp)
    assert order_rows(none, none, np.zeros(0), none, none).shape == (0,)
