"""Charts without a mouse: arrow keys walk over bars and points, Return selects what they stand for."""

from __future__ import annotations

import numpy as np

from circuitviz.panels.widgets.arrow_keys import nearest_in_direction


def test_a_step_goes_to_the_nearest_in_its_direction() -> None:
    grid = np.array([(x * 10.0, y * 10.0) for y in range(3) for x in range(4)])
    assert [nearest_in_direction(grid, 5, way) for way in ((-1, 0), (1, 0), (0, -1), (0, 1))] == [4, 6, 1, 9]
    assert (
        nearest_in_direction(grid, 3, (1, 0)) == 3
        and nearest_in_direction(grid, 0, (0, -1)) == 0
        and nearest_in_direction(grid, -1, (0, 1)) == 0
    )
    row = np.array([(0.0, 5.0), (3.0, 5.0), (9.0, 5.0)])
    assert [nearest_in_direction(row, 1, way) for way in ((0, 1), (0, -1), (1, 0))] == [2, 0, 2]
    slope = np.array([(0.0, 0.0), (10.0, -30.0), (20.0, -2.0)])
    assert nearest_in_direction(slope, 0, (1, 0)) == 2  # rather straight ahead than near and aside
