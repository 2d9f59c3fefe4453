"""Stretching of a layout to the aspect ratio of a view, so that as many names as possible can be read.

A layout places nodes at fixed distances (``COLUMN_SPACING``, ``ROW_SPACING``). A view has another aspect
ratio, and a drawing that is only scaled to fit leaves one direction empty and makes the boxes too small in
the other. Here the distances change and the boxes keep their size: x by one factor, y row by row. The map is
monotone in both directions and has an inverse, so positions that a person chose are stored in the layout's
units whatever the view is.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from circuitviz.layout.registry import COLUMN_SPACING, ROW_SPACING, Positions

Floats = NDArray[np.float64]
Size = tuple[float, float]

MIN_GAP_X, MIN_GAP_Y = 6.0, 7.0  # least free space between boxes side by side and one above the other
BOUNDS_MARGIN = 12.0  # free space around all boxes
COMFORTABLE_ZOOM = 0.85  # pixels per unit; a larger view increases distances rather than the zoom
MAX_X_FACTOR = 3.0  # columns are at most so many times as far apart as in the layout
MAX_ROW_PITCH = 2 * ROW_SPACING  # greatest distance of rows, unless boxes are higher


@dataclass(frozen=True)
class LayoutTransform:
    """Maps positions in a layout's units to positions in a view.

    Between two rows y is interpolated, beyond them it is extrapolated from the outermost two.

    Attributes:
        x_factor: Factor of x.
        layout_rows: y of the rows in the layout's units, increasing; if empty, y stays as it is.
        view_rows: y of the same rows in the view.
        box_height: how high boxes of nodes may be for their rows to be so near to each other.
        box_length: how long they may be along the layers, where those go from left to right.
    """

    x_factor: float = 1.0
    layout_rows: tuple[float, ...] = ()
    view_rows: tuple[float, ...] = ()
    box_height: float = math.inf
    box_length: float = math.inf

    def to_view(self, point: tuple[float, float]) -> tuple[float, float]:
        """The position in the view of a point of the layout.

        >>> LayoutTransform(0.5, (0.0, 66.0), (0.0, 40.0)).to_view((100.0, 99.0))
        (50.0, 60.0)
        """
        return point[0] * self.x_factor, interpolate(point[1], self.layout_rows, self.view_rows)

    def to_layout(self, point: tuple[float, float]) -> tuple[float, float]:
        """The position in the layout of a point of the view.

        >>> LayoutTransform(0.5, (0.0, 66.0), (0.0, 40.0)).to_layout((50.0, 60.0))
        (100.0, 99.0)
        """
        return point[0] / self.x_factor, interpolate(point[1], self.view_rows, self.layout_rows)


def fit_layout_to_view(
    positions: Positions,
    sizes: Mapping[str, Size],
    own_column: Collection[str],
    view: Size,
    legible_zoom: float,
    readable_zoom: float,
    box_limits: Sequence[Size] = ((0.0, math.inf),),
) -> LayoutTransform:
    """The transform that shows all of a layout as large as possible and fills a view.

    Args:
        positions: Centres of nodes in the layout's units; nodes that were moved by hand are left out.
        sizes: Width and height of each node's box, in the units of the view.
        own_column: Nodes in a separate column (MLPs); a row of only these lies half way between others.
        view: Width and height in pixels.
        legible_zoom: Pixels per unit below which names cannot be read.
        readable_zoom: Pixels per unit where not all of the layout is legible at once. Then columns fill the
            width and rows the height if they fit at that zoom; what does not is as close as boxes allow.
        box_limits: The least width and the greatest height of boxes, the most comfortable first. The first
            with which all of the layout is legible is taken, else the last.

    >>> positions, box = {"a": (0.0, 0.0), "b": (92.0, 66.0)}, (66.0, 32.0)
    >>> fit_layout_to_view(positions, {"a": box, "b": box}, (), (500, 500), 0.6, 0.7).to_view((92.0, 66.0))
    (276.0, 132.0)
    """
    if not positions:
        return LayoutTransform()
    rows: dict[float, list[str]] = {}
    for name, (_, y) in positions.items():
        rows.setdefault(round(y, 3), []).append(name)
    levels = sorted(rows)
    x = np.array([point[0] for point in positions.values()])
    width, margin_x = float(np.ptp(x)), max(sizes[name][0] for name in positions) + 2 * BOUNDS_MARGIN
    alone = [set(rows[y]) <= set(own_column) for y in levels]

    def stack_rows(box_height: float) -> tuple[list[float], float]:
        """Heights of rows that are as near to each other as such boxes allow, and the margin about them."""
        tallest = [min(max(sizes[name][1] for name in rows[y]), box_height) for y in levels]
        return _min_row_heights(levels, tallest, alone), max(tallest) + 2 * BOUNDS_MARGIN

    zoom = 0.0
    for box_width, box_height in box_limits:
        min_factor = max(_min_x_factor(rows[y], positions, sizes, box_width) for y in levels)
        heights, margin_y = stack_rows(box_height)
        across, along = view[0] / (width * min_factor + margin_x), view[1] / (heights[-1] + margin_y)
        if (zoom := min(across, along, COMFORTABLE_ZOOM)) >= legible_zoom:
            break
    if zoom < legible_zoom:
        zoom = readable_zoom
        for _, box_height in box_limits:  # where the width alone lacks, rows need not be squeezed
            heights, margin_y = stack_rows(box_height)
            if (heights[-1] + margin_y) * zoom <= view[1]:
                break
    x_factor = y_factor = 1.0
    if width:
        x_factor = min(max((view[0] / zoom - margin_x) / width, min_factor), max(MAX_X_FACTOR, min_factor))
    if heights[-1]:
        pitch = max(b - a for a, b in pairwise(heights))
        stretch = (view[1] / zoom - margin_y) / heights[-1]
        y_factor = min(max(stretch, 1.0), max(1.0, MAX_ROW_PITCH / pitch))
    if len(levels) < 2:
        return LayoutTransform(x_factor, box_height=box_height)
    return LayoutTransform(x_factor, tuple(levels), tuple(y * y_factor for y in heights), box_height)


def _min_x_factor(
    names: list[str], positions: Positions, sizes: Mapping[str, Size], min_width: float
) -> float:
    """The least factor of x at which the boxes of a row, at least ``min_width`` wide, do not overlap."""
    x = np.array([positions[name][0] for name in names])
    widths = np.maximum([sizes[name][0] for name in names], min_width)
    order = np.argsort(x, kind="stable")
    distances, needed = np.diff(x[order]), (widths[order][1:] + widths[order][:-1]) / 2 + MIN_GAP_X
    is_apart = distances > 0
    return float((needed[is_apart] / distances[is_apart]).max(initial=MIN_GAP_X / COLUMN_SPACING))


def _min_row_heights(levels: list[float], tallest: list[float], is_alone: list[bool]) -> list[float]:
    """Heights of rows that are as close to each other as their boxes allow, from 0.

    In a layout whose rows are closer than ``ROW_SPACING`` rows lie half way between others already; these
    keep the proportions of their distances.
    """
    if min(np.diff(levels), default=ROW_SPACING) < 0.9 * ROW_SPACING:
        pairs = _neighbouring_rows(is_alone)
        factor = max(((tallest[a] + tallest[b]) / 2 + MIN_GAP_Y) / (levels[b] - levels[a]) for a, b in pairs)
        return [(y - levels[0]) * factor for y in levels]
    heights = [0.0]
    last_row_of_kind = {is_alone[0]: 0}
    for row in range(1, len(levels)):
        step = (tallest[row] + tallest[row - 1]) / 2 + MIN_GAP_Y
        y = heights[-1] + (step if is_alone[row] == is_alone[row - 1] else step / 2)
        if (other := last_row_of_kind.get(is_alone[row])) is not None:
            y = max(y, heights[other] + (tallest[row] + tallest[other]) / 2 + MIN_GAP_Y)
        heights.append(y)
        last_row_of_kind[is_alone[row]] = row
    return heights


def _neighbouring_rows(is_own_column: list[bool]) -> list[tuple[int, int]]:
    """Pairs of neighbouring rows of one kind, by number; all neighbours where there are none."""
    pairs = []
    for kind in (False, True):
        rows = [row for row, is_own in enumerate(is_own_column) if is_own == kind]
        pairs += list(pairwise(rows))
    return pairs or list(pairwise(range(len(is_own_column))))


def interpolate(value: float, xs: Sequence[float], ys: Sequence[float]) -> float:
    """The y at a value between ``xs``, beyond them in line with the outermost two; itself where there is one.

    >>> interpolate(3.0, (0.0, 1.0), (5.0, 7.0))
    11.0
    """
    if len(xs) < 2:
        return value
    if value < xs[0]:
        return ys[0] + (value - xs[0]) * (ys[1] - ys[0]) / (xs[1] - xs[0])
    if value > xs[-1]:
        return ys[-1] + (value - xs[-1]) * (ys[-1] - ys[-2]) / (xs[-1] - xs[-2])
    return float(np.interp(value, xs, ys))
