"""Boxes of many features packed into cells of tokens and layers, so that a whole prompt is in sight and read.

A row of the layout with ten features at one token would make the token's column ten boxes wide. Here the
features of a cell, which is one token and one row, stand in lines below each other, as far as the view's
height allows.

1. Every column that holds nodes is a slot wide and every row a line high; a slot takes one box with a name,
   or ``SMALL_PER_SLOT`` small boxes without.
2. Columns become wider and rows higher where most nodes get a place for it, then where most get a name, until
   the view is full. If not all nodes have a place by then, or columns alone are too many, whoever asks may
   have a packing that goes on beyond the view, with a name for every node.
3. In each cell the most important nodes get the names; slots are filled in the layout's order.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from circuitviz.layout.layout_transform import Size, interpolate
from circuitviz.layout.registry import Positions

Counts = NDArray[np.intp]
Floats = NDArray[np.float64]
ColumnExtent = tuple[float, float]

SMALL_PER_SLOT = 4  # small boxes beside each other where one with a name would be
SMALL_GAP_X = 3.0  # between small boxes, in units of the view
SMALL_HEIGHT = 14.0
SLOT_GAP, LINE_GAP = 6.0, 5.0  # between the slots of a line, and between lines
CELL_GAPS, MAX_CELL_GAPS = (14.0, 14.0), (46.0, 40.0)  # between two columns and between two rows, for edges
MAX_SLOT_STRETCH = 1.5  # of a slot, where the view has room left
EMPTY_COLUMN_WIDTH = 24.0  # of a token without nodes


@dataclass(frozen=True)
class CellPacking:
    """Where the nodes of a layout in columns stand in a view; other points of the layout lie between them.

    Attributes:
        places: centres by name, across the layers and along them.
        boxes: width and height of each node's box on the screen, by name.
        named: the nodes whose boxes have room for a name.
        box_height: of a box with a name.
        columns: first and last coordinate of each column across the layers.
        layout_x: coordinates of the columns' ends in the layout's units, increasing.
        view_x: the same in the view.
        layout_y: y of the rows in the layout's units, increasing.
        view_y: the same in the view.
    """

    places: Positions
    boxes: Mapping[str, Size]
    named: frozenset[str]
    box_height: float
    columns: tuple[ColumnExtent, ...]
    layout_x: tuple[float, ...]
    view_x: tuple[float, ...]
    layout_y: tuple[float, ...]
    view_y: tuple[float, ...]

    def to_view(self, point: tuple[float, float]) -> tuple[float, float]:
        """The position in the view of a point of the layout."""
        return interpolate(point[0], self.layout_x, self.view_x), interpolate(
            point[1], self.layout_y, self.view_y
        )

    def to_layout(self, point: tuple[float, float]) -> tuple[float, float]:
        """The position in the layout of a point of the view."""
        return interpolate(point[0], self.view_x, self.layout_x), interpolate(
            point[1], self.view_y, self.layout_y
        )


def pack_cells(
    positions: Positions,
    columns: Sequence[ColumnExtent],
    importance: Mapping[str, float],
    view: Size,
    box: Size,
    is_horizontal: bool = False,
    is_endless: bool = False,
) -> CellPacking | None:
    """Pack the nodes of a layout that stands in columns.

    Args:
        positions: centres of nodes in the layout's units, at least one; those of a row have the same y.
        columns: left and right end of each column in the layout's units, from left to right.
        importance: of each node; the greatest of a cell get boxes with names.
        view: width and height that are to be filled, in the units of boxes.
        box: width and height of a box with a name.
        is_horizontal: whether the layout's rows go from left to right in the view, and its columns lie one
            below the other.
        is_endless: whether the view may be exceeded, so that each node has a name: downwards, but where the
            columns alone are too wide for it to the right.

    Returns:
        The packing; None where the nodes have no room in the view.
    """
    names = list(positions)
    x, y = (np.array([positions[name][i] for name in names]) for i in (0, 1))
    levels, row = np.unique(np.round(y, 3), return_inverse=True)
    column = np.searchsorted([(a[1] + b[0]) / 2 for a, b in pairwise(columns)], x)
    across, down = (row, column) if is_horizontal else (column, len(levels) - 1 - row)
    shape = (len(levels), len(columns)) if is_horizontal else (len(columns), len(levels))
    counts = np.zeros(shape, np.intp)
    np.add.at(counts, (across, down), 1)
    grid = _PackingGrid.of_counts(counts, view, box, is_endless)
    spans_across, spans_down = grid.spans_across, grid.spans_down
    size = spans_across[-1][1] - spans_across[0][0], spans_down[-1][1] - spans_down[0][0]
    has_room = bool((counts <= SMALL_PER_SLOT * grid.n_slots[:, None] * grid.n_lines).all())
    if not is_endless and not (has_room and size[0] <= view[0] + 1e-6 and size[1] <= view[1] + 1e-6):
        return None
    places: Positions = {}
    boxes: dict[str, Size] = {}
    named: set[str] = set()
    order = np.lexsort((x, down, across))
    firsts = np.flatnonzero(np.diff(across[order] * shape[1] + down[order], prepend=-1))
    small_width = (grid.slot_width + SMALL_GAP_X) / SMALL_PER_SLOT
    named_per_cell = _count_named(grid.n_slots[:, None] * grid.n_lines, counts).tolist()
    across_layout = x.tolist()
    rank = [-importance.get(name, 0.0) for name in names]
    for members in np.split(order, firsts[1:]):
        cell = int(across[members[0]]), int(down[members[0]])
        n_named = named_per_cell[cell[0]][cell[1]]
        slots = grid.slots(*cell, n_named + -(-(len(members) - n_named) // SMALL_PER_SLOT))
        ranked = sorted(members.tolist(), key=rank.__getitem__)
        strong = sorted(ranked[:n_named], key=across_layout.__getitem__)
        for i, (left, middle) in zip(strong, slots, strict=False):
            places[names[i]] = left + grid.slot_width / 2, middle
            boxes[names[i]] = grid.slot_width, box[1]
            named.add(names[i])
        for number, i in enumerate(sorted(ranked[n_named:], key=across_layout.__getitem__)):
            left, middle = slots[n_named + number // SMALL_PER_SLOT]
            centre = left + (number % SMALL_PER_SLOT + 0.5) * small_width - SMALL_GAP_X / 2
            places[names[i]] = centre, middle
            boxes[names[i]] = small_width - SMALL_GAP_X, min(SMALL_HEIGHT, box[1])
    if is_horizontal:
        column_spans, row_middles = spans_down, [(a + b) / 2 for a, b in spans_across]
        places = {name: (below, right) for name, (right, below) in places.items()}
    else:
        column_spans, row_middles = spans_across, [-(a + b) / 2 for a, b in spans_down[::-1]]
        places = {name: (right, -below) for name, (right, below) in places.items()}
    return CellPacking(
        places,
        boxes,
        frozenset(named),
        box[1],
        tuple(column_spans),
        tuple(end for span in columns for end in span),
        tuple(end for span in column_spans for end in span),
        tuple(levels.tolist()),
        tuple(row_middles),
    )


@dataclass(frozen=True, eq=False)
class _PackingGrid:
    """Columns and rows of a view, about its middle; y downwards.

    ``n_slots`` [columns] and ``n_lines`` [rows] are 0 where there is nothing.
    """

    n_slots: Counts
    n_lines: Counts
    slot_width: float
    line_height: float
    gaps: Size

    @staticmethod
    def of_counts(counts: Counts, view: Size, box: Size, is_endless: bool) -> _PackingGrid:
        """The grid that fills a view best with so many nodes in its cells [columns, rows]."""
        n_slots, n_lines = _grow(counts, view, box, is_endless)
        sizes = _extents(n_slots, n_lines, box, CELL_GAPS)
        spare = [max(0.0, whole - used) for whole, used in zip(view, sizes, strict=True)]
        slots = max(1, int(n_slots.sum()))
        slot_width = min(MAX_SLOT_STRETCH * box[0], box[0] + spare[0] / slots)
        spare[0] -= (slot_width - box[0]) * slots
        gaps = [
            min(most, gap + left / max(1, len(many) - 1))
            for gap, most, left, many in zip(CELL_GAPS, MAX_CELL_GAPS, spare, (n_slots, n_lines), strict=True)
        ]
        return _PackingGrid(n_slots, n_lines, slot_width, box[1], (gaps[0], gaps[1]))

    @cached_property
    def spans_across(self) -> list[ColumnExtent]:
        """First and last x of each column."""
        return _spans(_column_widths(self.n_slots, self.slot_width), self.gaps[0])

    @cached_property
    def spans_down(self) -> list[ColumnExtent]:
        """First and last y of each row."""
        return _spans(_row_heights(self.n_lines, self.line_height), self.gaps[1])

    def slots(self, column: int, row: int, n_used: int) -> list[tuple[float, float]]:
        """Left end and middle of the slots that a cell uses, line by line, in the middle of the cell."""
        per_line = int(self.n_slots[column])
        n_lines = -(-n_used // per_line)
        (left, right), (top, bottom) = self.spans_across[column], self.spans_down[row]
        pitch_x, pitch_y = self.slot_width + SLOT_GAP, self.line_height + LINE_GAP
        first_line = (top + bottom - (n_lines - 1) * pitch_y) / 2
        found = []
        for number in range(n_used):
            line, slot = divmod(number, per_line)
            in_line = min(per_line, n_used - line * per_line)
            first_slot = (left + right - in_line * pitch_x + SLOT_GAP) / 2
            found.append((first_slot + slot * pitch_x, first_line + line * pitch_y))
        return found


def _grow(counts: Counts, view: Size, box: Size, is_endless: bool) -> tuple[Counts, Counts]:
    """How many slots wide each column is, and how many lines high each row."""
    n_slots, n_lines = ((counts.sum(axis) > 0).astype(np.intp) for axis in (1, 0))
    steps = box[0] + SLOT_GAP, box[1] + LINE_GAP
    is_too_wide = _extents(n_slots, n_lines, box, CELL_GAPS)[0] > view[0]
    while True:
        slots = n_slots[:, None] * n_lines
        used = _extents(n_slots, n_lines, box, CELL_GAPS)
        is_free = [used[axis] + steps[axis] <= view[axis] for axis in (0, 1)]
        if is_endless:
            is_free[0 if is_too_wide else 1] = True
        lacking = bool((_count_placed(slots, counts) < counts).any())
        count = _count_placed if lacking else _count_named
        gains = [
            (count(more, counts) - count(slots, counts)).sum(1 - axis) * view[axis] / steps[axis]
            for axis, more in enumerate((slots + n_lines, slots + n_slots[:, None]))
            if is_free[axis]
        ]
        best = [float(gain.max(initial=0.0)) for gain in gains]
        if max(best, default=0.0) <= 0:
            return n_slots, n_lines
        axis = is_free.index(True) + best.index(max(best))
        (n_slots, n_lines)[axis][int(np.argmax(gains[best.index(max(best))]))] += 1


def _count_named(slots: Counts, nodes: Counts) -> Counts:
    """How many nodes of each cell get a box with a name: the others have room in small ones."""
    return np.clip((SMALL_PER_SLOT * slots - nodes) // (SMALL_PER_SLOT - 1), 0, nodes)


def _count_placed(slots: Counts, nodes: Counts) -> Counts:
    """How many nodes of each cell have room, and be it in small boxes."""
    return np.minimum(nodes, SMALL_PER_SLOT * slots)


def _column_widths(n_slots: Counts, slot_width: float) -> Floats:
    return np.where(n_slots > 0, n_slots * (slot_width + SLOT_GAP) - SLOT_GAP, EMPTY_COLUMN_WIDTH)


def _row_heights(n_lines: Counts, line_height: float) -> Floats:
    return np.where(n_lines > 0, n_lines * (line_height + LINE_GAP) - LINE_GAP, EMPTY_COLUMN_WIDTH)


def _extents(n_slots: Counts, n_lines: Counts, box: Size, gaps: Size) -> Size:
    widths, heights = _column_widths(n_slots, box[0]), _row_heights(n_lines, box[1])
    return (
        float(widths.sum() + (len(widths) - 1) * gaps[0]),
        float(heights.sum() + (len(heights) - 1) * gaps[1]),
    )


def _spans(sizes: Floats, gap: float) -> list[ColumnExtent]:
    """Spans of these sizes one after the other, about 0."""
    last = np.cumsum(sizes + gap) - gap
    shift = (last[-1] if len(last) else 0.0) / 2
    return [(float(end - size - shift), float(end - shift)) for size, end in zip(sizes, last, strict=True)]
