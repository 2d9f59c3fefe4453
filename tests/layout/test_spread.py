"""A layout spread to a view: boxes stay free of each other, order stays, and every place has a way back."""

from __future__ import annotations

from itertools import combinations, pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from circuitviz.layout import COLUMN_SPACING, ROW_SPACING
from circuitviz.layout.layout_transform import (
    BOUNDS_MARGIN,
    COMFORTABLE_ZOOM,
    MIN_GAP_X,
    MIN_GAP_Y,
    LayoutTransform,
    fit_layout_to_view,
)

LEGIBLE, READABLE = 0.6, 0.72
BOX = (66.0, 40.0)
Places = dict[str, tuple[float, float]]


def layered(rows: list[int], mlps: list[bool]) -> tuple[Places, set[str]]:
    """Rows of so many heads side by side; after some of them an MLP in a column of its own."""
    places: Places = {}
    right, y = (max(rows) + 1.2) / 2 * COLUMN_SPACING, 0.0
    aside = set()
    for layer, (count, mlp) in enumerate(zip(rows, mlps, strict=True)):
        for i in range(count):
            places[f"a{layer}.h{i}"] = ((i - (count - 1) / 2) * COLUMN_SPACING, y)
        y += ROW_SPACING
        if mlp:
            places[f"m{layer}"] = (right, y)
            aside.add(f"m{layer}")
            y += ROW_SPACING
    return places, aside


layers = st.lists(st.tuples(st.integers(1, 14), st.booleans()), min_size=1, max_size=30)
views = st.tuples(st.floats(200, 3000), st.floats(150, 2000))


def overlaps(places: Places, size: tuple[float, float] = BOX) -> list[tuple[str, str]]:
    return [
        (a, b)
        for (a, (x, y)), (b, (u, v)) in combinations(places.items(), 2)
        if abs(x - u) < size[0] and abs(y - v) < size[1]
    ]


@settings(max_examples=60, deadline=None)
@given(layers, views)
def test_boxes_stay_apart_and_in_order_in_any_view(
    rows: list[tuple[int, bool]], view: tuple[float, float]
) -> None:
    places, aside = layered(*map(list, zip(*rows, strict=True)))
    spread = fit_layout_to_view(places, dict.fromkeys(places, BOX), aside, view, LEGIBLE, READABLE)
    shown = {name: spread.to_view(at) for name, at in places.items()}
    assert not overlaps(shown)
    for a, b in combinations(places, 2):
        for axis in (0, 1):
            before, after = places[a][axis] - places[b][axis], shown[a][axis] - shown[b][axis]
            assert abs(after) < 1e-6 if before == 0 else after * before > 0
    for name, at in places.items():
        assert spread.to_layout(shown[name]) == pytest.approx(at, abs=1e-6)


@settings(max_examples=60, deadline=None)
@given(layers, views)
def test_all_is_in_view_wherever_names_can_be_read(
    rows: list[tuple[int, bool]], view: tuple[float, float]
) -> None:
    """By the least size that the boxes need, counted here from the numbers of rows and columns."""
    places, aside = layered(*map(list, zip(*rows, strict=True)))
    spread = fit_layout_to_view(places, dict.fromkeys(places, BOX), aside, view, LEGIBLE, READABLE)
    shown = [spread.to_view(at) for at in places.values()]
    wide = max(x for x, _ in shown) - min(x for x, _ in shown) + BOX[0] + 2 * BOUNDS_MARGIN
    high = max(y for _, y in shown) - min(y for _, y in shown) + BOX[1] + 2 * BOUNDS_MARGIN
    zoom = min(view[0] / wide, view[1] / high)
    across = (max(x for x, _ in places.values()) - min(x for x, _ in places.values())) / COLUMN_SPACING
    heads = len(rows)
    least_wide = across * (BOX[0] + MIN_GAP_X) + BOX[0] + 2 * BOUNDS_MARGIN
    least_high = (heads - 1 + 0.5 * rows[-1][1]) * (BOX[1] + MIN_GAP_Y) + BOX[1] + 2 * BOUNDS_MARGIN
    possible = min(view[0] / least_wide, view[1] / least_high)
    if possible >= LEGIBLE:
        assert zoom >= min(possible, COMFORTABLE_ZOOM) - 1e-6
    elif least_wide * READABLE <= view[0]:
        assert wide * READABLE <= view[0] + 1e-6  # the width is in view at the readable size


@settings(max_examples=40, deadline=None)
@given(
    st.lists(st.floats(-500, 500).map(lambda v: round(v, 2)), min_size=2, max_size=8, unique=True).map(
        sorted
    ),
    st.data(),
)
def test_places_between_and_beyond_rows_come_back(rows: list[float], data: st.DataObject) -> None:
    steps = data.draw(st.lists(st.floats(0.5, 200), min_size=len(rows) - 1, max_size=len(rows) - 1))
    heights = [0.0]
    for step in steps:
        heights.append(heights[-1] + step)
    spread = LayoutTransform(data.draw(st.floats(0.3, 2)), tuple(rows), tuple(heights))
    at = (data.draw(st.floats(-1000, 1000)), data.draw(st.floats(-1000, 1000)))
    assert spread.to_layout(spread.to_view(at)) == pytest.approx(at, rel=1e-5, abs=1e-3)


def test_rows_that_stand_half_way_in_the_layout_keep_their_proportions() -> None:
    """As the layout by head number has them: an empty layer stays empty."""
    places = {
        "a0.h0": (0.0, 0.0),
        "m0": (200.0, ROW_SPACING / 2),
        "a1.h0": (0.0, ROW_SPACING),
        "a3.h0": (0.0, 3 * ROW_SPACING),
    }
    spread = fit_layout_to_view(places, dict.fromkeys(places, BOX), {"m0"}, (400.0, 300.0), LEGIBLE, READABLE)
    heights = [spread.to_view(at)[1] for at in places.values()]
    steps = [(b - a) / (heights[-1] - heights[0]) for a, b in pairwise(heights)]
    assert steps == pytest.approx([1 / 6, 1 / 6, 2 / 3]) and not overlaps(
        {n: spread.to_view(p) for n, p in places.items()}
    )


def test_boxes_of_groups_are_given_their_room() -> None:
    places = {"a": (0.0, 0.0), "G": (150.0, 0.0), "b": (0.0, 120.0)}
    sizes = {"a": BOX, "G": (180.0, 100.0), "b": BOX}
    spread = fit_layout_to_view(places, sizes, (), (300.0, 200.0), LEGIBLE, READABLE)
    (x0, y0), (x1, _), (_, y2) = (spread.to_view(places[name]) for name in "aGb")
    assert x1 - x0 >= (66 + 180) / 2 + MIN_GAP_X - 1e-9 and y2 - y0 >= (100 + 40) / 2


def test_nothing_is_spread_where_nothing_is() -> None:
    assert fit_layout_to_view({}, {}, (), (100.0, 100.0), LEGIBLE, READABLE) == LayoutTransform()
    one = fit_layout_to_view({"a": (3.0, 4.0)}, {"a": BOX}, (), (100.0, 100.0), LEGIBLE, READABLE)
    assert one.to_view((3.0, 4.0)) == (3.0, 4.0)


def test_rows_fill_the_height_where_the_width_alone_is_too_small() -> None:
    places, aside = layered([12] * 8, [True, False] * 4)
    limits = ((0.0, 40.0), (0.0, 20.0))
    view = (300.0, 500.0)
    spread = fit_layout_to_view(places, dict.fromkeys(places, BOX), aside, view, LEGIBLE, READABLE, limits)
    heights = [spread.to_view(at)[1] for at in places.values()]
    assert spread.box_height == 40.0
    assert max(heights) - min(heights) + BOX[1] + 2 * BOUNDS_MARGIN == pytest.approx(view[1] / READABLE)
