"""A layout spread to the aspect of a view, so that as many names as possible can be read at once.

A layout places nodes at fixed distances (``COLUMN``, ``ROW``). A view is wider or higher than that, and a
drawing that is only scaled to fit leaves one direction empty and makes the boxes too small in the other. Here
the distances change and the boxes stay: x by one factor, y row by row. The map is monotone in both directions
and has an inverse, so places that a person chose are kept in the layout's units whatever the view is.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from circuitviz.layout.registry import COLUMN_SPACING, ROW_SPACING, Positions

Floats = NDArray[np.float64]
Size = tuple[float, float]

MIN_GAP_X, MIN_GAP_Y = 6.0, 7.0  # least free space between boxes side by side and one above the other
BOUNDS_MARGIN = 12.0  # free space around all boxes
COMFORTABLE_ZOOM = 0.85  # pixels per unit: beyond it room goes to the distances first, where edges run
MAX_X_FACTOR = 2.0  # columns are at most so many times as far apart as in the layout
MAX_ROW_PITCH = 2 * ROW_SPACING  # rows are at most so far apart, where no box is higher


@dataclass(frozen=True)
class LayoutTransform:
    """Maps places in a layout's units to places in a view.

    x_factor: factor of x. rows: y of the rows in the layout's units, increasing; none: y stays as it is;
    view_rows: y of the same rows in the view. Between two rows y is interpolated, beyond them it goes on as
    between the outermost two.
    """

    x_factor: float = 1.0
    layout_rows: tuple[float, ...] = ()
    view_rows: tuple[float, ...] = ()

    def to_view(self, at: tuple[float, float]) -> tuple[float, float]:
        """Where a place of the layout is in the view.

        >>> LayoutTransform(0.5, (0.0, 66.0), (0.0, 40.0)).to_view((100.0, 99.0))
        (50.0, 60.0)
        """
        return at[0] * self.x_factor, _interpolate(at[1], self.layout_rows, self.view_rows)

    def to_layout(self, at: tuple[float, float]) -> tuple[float, float]:
        """The place of the layout that is shown at a place of the view.

        >>> LayoutTransform(0.5, (0.0, 66.0), (0.0, 40.0)).to_layout((50.0, 60.0))
        (100.0, 99.0)
        """
        return at[0] / self.x_factor, _interpolate(at[1], self.view_rows, self.layout_rows)


def fit_layout_to_view(
    positions: Positions,
    sizes: Mapping[str, Size],
    own_column: Collection[str],
    view: Size,
    legible_zoom: float,
    readable_zoom: float,
) -> LayoutTransform:
    """The distances at which all of a layout is shown as large as possible, and fills a view.

    Args:
        positions: centres of nodes in the layout's units; nodes that were moved by hand are left out.
        sizes: width and height of each node's box, in the units of the view.
        own_column: nodes in a column of their own (MLPs): a row of nothing else stands half way between
            others.
        view: width and height in pixels.
        legible_zoom: pixels per unit below which names cannot be read.
        readable_zoom: pixels per unit at which they are read where not all of the layout is legible at once.
            Then rows stay as near as they can, and columns fill the width if they fit at that size.

    >>> positions, box = {"a": (0.0, 0.0), "b": (92.0, 66.0)}, (66.0, 32.0)
    >>> fit_layout_to_view(positions, {"a": box, "b": box}, (), (500, 500), 0.6, 0.7)
    LayoutTransform(x_factor=2.0, layout_rows=(0.0, 66.0), view_rows=(0.0, 132.0))
    """
    if not positions:
        return LayoutTransform()
    rows: dict[float, list[str]] = {}
    for name, (_, y) in positions.items():
        rows.setdefault(round(y, 3), []).append(name)
    levels = sorted(rows)
    narrowest = max((_min_x_factor(rows[y], positions, sizes) for y in levels), default=1.0)
    heights = _min_row_heights(levels, rows, sizes, own_column)
    x = np.array([at[0] for at in positions.values()])
    extent, ends = float(np.ptp(x)), max(sizes[name][0] for name in positions) + 2 * BOUNDS_MARGIN
    rise, tall = heights[-1], max(sizes[name][1] for name in positions) + 2 * BOUNDS_MARGIN
    zoom = min(view[0] / (extent * narrowest + ends), view[1] / (rise + tall), COMFORTABLE_ZOOM)
    fits = zoom >= legible_zoom
    zoom = zoom if fits else readable_zoom
    across = 1.0
    if extent:
        across = min(max((view[0] / zoom - ends) / extent, narrowest), max(MAX_X_FACTOR, narrowest))
    higher = 1.0
    if fits and rise:
        pitch = max(b - a for a, b in pairwise(heights))
        higher = min(max((view[1] / zoom - tall) / rise, 1.0), max(1.0, MAX_ROW_PITCH / pitch))
    if len(levels) < 2:
        return LayoutTransform(across)
    return LayoutTransform(across, tuple(levels), tuple(y * higher for y in heights))


def _min_x_factor(names: list[str], places: Positions, sizes: Mapping[str, Size]) -> float:
    """The least factor of x at which the boxes of a row stand free of each other."""
    x = np.array([places[name][0] for name in names])
    wide = np.array([sizes[name][0] for name in names])
    order = np.argsort(x, kind="stable")
    apart, needed = np.diff(x[order]), (wide[order][1:] + wide[order][:-1]) / 2 + MIN_GAP_X
    there = apart > 0
    return float((needed[there] / apart[there]).max(initial=MIN_GAP_X / COLUMN_SPACING))


def _min_row_heights(
    levels: list[float], rows: Mapping[float, list[str]], sizes: Mapping[str, Size], aside: Collection[str]
) -> list[float]:
    """Heights of rows that are as near to each other as their boxes allow, from 0.

    A layout that has rows nearer than ``ROW`` puts some half way between others itself: its rows keep the
    proportions of their distances.
    """
    tall = [max(sizes[name][1] for name in rows[y]) for y in levels]
    alone = [set(rows[y]) <= set(aside) for y in levels]
    if min(np.diff(levels), default=ROW_SPACING) < 0.9 * ROW_SPACING:
        pairs = _neighbouring_rows(alone)
        factor = max(((tall[a] + tall[b]) / 2 + MIN_GAP_Y) / (levels[b] - levels[a]) for a, b in pairs)
        return [(y - levels[0]) * factor for y in levels]
    heights = [0.0]
    last = {alone[0]: 0}  # the last row of either kind
    for row in range(1, len(levels)):
        step = (tall[row] + tall[row - 1]) / 2 + MIN_GAP_Y
        y = heights[-1] + (step if alone[row] == alone[row - 1] else step / 2)
        if (other := last.get(alone[row])) is not None:
            y = max(y, heights[other] + (tall[row] + tall[other]) / 2 + MIN_GAP_Y)
        heights.append(y)
        last[alone[row]] = row
    return heights


def _neighbouring_rows(alone: list[bool]) -> list[tuple[int, int]]:
    """Neighbouring rows of one kind, by number; all neighbours where there are none."""
    found = []
    for kind in (False, True):
        held = [row for row, is_alone in enumerate(alone) if is_alone == kind]
        found += list(pairwise(held))
    return found or list(pairwise(range(len(alone))))


def _interpolate(at: float, known: tuple[float, ...], values: tuple[float, ...]) -> float:
    if len(known) < 2:
        return at
    if at < known[0]:
        return values[0] + (at - known[0]) * (values[1] - values[0]) / (known[1] - known[0])
    if at > known[-1]:
        return values[-1] + (at - known[-1]) * (values[-1] - values[-2]) / (known[-1] - known[-2])
    return float(np.interp(at, known, values))
