"""Packing of many features into cells: nothing overlaps, each stays in its cell, the strongest are named."""

from __future__ import annotations

from collections import Counter
from itertools import combinations, pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from circuitviz.layout.cell_packing import CellPacking, pack_cells

BOX = (60.0, 20.0)


def crowd(seed: int, n: int, n_columns: int, n_rows: int) -> tuple[dict, list[tuple[float, float]], dict]:
    """Nodes in cells, some of which are crowded and some columns empty; columns, and importance."""
    rng = np.random.default_rng(seed)
    columns = [(500.0 * i, 500.0 * i + 400) for i in range(n_columns)]
    home = (rng.random(n) ** 2 * n_columns).astype(int)
    row = rng.integers(0, n_rows, n)
    x = rng.uniform(1, 399, n)
    places = {f"n{i}": (500.0 * home[i] + x[i], 66.0 * row[i]) for i in range(n)}
    return places, columns, {name: float(value) for name, value in zip(places, rng.random(n), strict=True)}


def rects(packing: CellPacking, is_horizontal: bool) -> dict[str, tuple[float, float, float, float]]:
    """Left, bottom, right and top of each box on the screen."""
    found = {}
    for name, (across, along) in packing.places.items():
        x, y = (along, -across) if is_horizontal else (across, along)
        width, height = packing.boxes[name]
        found[name] = (x - width / 2, y - height / 2, x + width / 2, y + height / 2)
    return found


@given(
    st.integers(0, 10_000),
    st.integers(1, 250),
    st.integers(1, 12),
    st.integers(1, 9),
    st.booleans(),
    st.booleans(),
)
def test_boxes_stay_apart_and_in_their_cells(
    seed: int, n: int, n_columns: int, n_rows: int, is_horizontal: bool, is_endless: bool
) -> None:
    places, columns, importance = crowd(seed, n, n_columns, n_rows)
    view = (1400.0, 900.0)
    packing = pack_cells(places, columns, importance, view, BOX, is_horizontal, is_endless)
    if packing is None:
        assert not is_endless
        return
    boxes = rects(packing, is_horizontal)
    for (_, a), (_, b) in combinations(boxes.items(), 2):
        assert a[2] <= b[0] or b[2] <= a[0] or a[3] <= b[1] or b[3] <= a[1]
    for i, (left, right) in enumerate(packing.columns):
        for name in (name for name in places if places[name][0] // 500 == i):
            half = packing.boxes[name][is_horizontal] / 2
            assert left - 1e-6 <= packing.places[name][0] - half
            assert packing.places[name][0] + half <= right + 1e-6
    assert all(a[1] < b[0] for a, b in pairwise(packing.columns))
    extents = {y: [packing.places[n][1] for n in places if places[n][1] == y] for _, y in places.values()}
    assert all(max(extents[a]) < min(extents[b]) for a, b in pairwise(sorted(extents)))
    if is_endless:
        assert packing.named == places.keys()
    else:
        for axis in (0, 1):
            low, high = (f(box[axis + 2 * k] for box in boxes.values()) for k, f in ((0, min), (1, max)))
            assert high - low <= view[axis] + 1e-6
    for point in [(37.0, 11.0), *list(places.values())[:3]]:
        assert packing.to_layout(packing.to_view(point)) == pytest.approx(point)


def test_the_most_important_of_a_cell_have_the_names() -> None:
    places, columns, importance = crowd(3, 500, 10, 9)
    packing = pack_cells(places, columns, importance, (1400.0, 900.0), BOX)
    assert packing is not None and 150 < len(packing.named) < 500
    cells = {name: (x // 500, y) for name, (x, y) in places.items()}
    for cell in set(cells.values()):
        ranked = sorted((n for n in cells if cells[n] == cell), key=lambda n: -importance[n])
        n_named = sum(name in packing.named for name in ranked)
        assert set(ranked[:n_named]) == packing.named & set(ranked)
    n_of_cell = Counter(cells.values())
    assert all(packing.boxes[n][0] >= BOX[0] for n in cells if n_of_cell[cells[n]] == 1)


def test_what_has_no_room_is_said() -> None:
    places, columns, importance = crowd(4, 900, 10, 9)
    assert pack_cells(places, columns, importance, (700.0, 500.0), BOX) is None
    wide = pack_cells(places, columns, importance, (700.0, 500.0), BOX, is_endless=True)
    assert wide is not None and wide.named == places.keys()
    assert wide.columns[-1][1] - wide.columns[0][0] > 700.0  # ten columns are too wide
    high = pack_cells(places, columns, importance, (900.0, 300.0), BOX, is_endless=True)
    assert high is not None and high.named == places.keys()
    assert high.columns[-1][1] - high.columns[0][0] <= 900.0
