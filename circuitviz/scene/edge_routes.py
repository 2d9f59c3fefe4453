"""Ways for edges beside the boxes of the rows that they pass, for all edges and rows at once.

1. Boxes stand in rows; a row's boxes and the gaps between them are intervals across the layers.
2. A curve is found in every row that it passes, and where a box lies in its way there, it is sent through
   the nearer gap beside that box.
3. Edges that go through one gap are a bundle: they run beside each other, those from the left at the left, as
   far apart as their widths ask for and the gap allows.
4. The bent curves may meet boxes of other rows, so this is done again; what then remains is left as it is.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from circuitviz.scene.edge_curves import EdgeCurves, EdgeWaypoints, FloatArray, IndexArray

MAX_ROUTED_EDGES = 4000
ROUTED_EDGES_IN_CROWD = 1000  # the strongest of more edges: the others are hairlines, which no eye follows
MAX_PASSED_ROWS = 40_000  # of all edges that are routed together: in a tall picture fewer are routed
N_PASSES = 4
BOX_MARGIN = 5.0  # scene units between a box and the edges that pass beside it, where a gap has them
HIT_MARGIN = 1.0  # scene units beside a box that count as the box
LANE_GAP = 2.5  # scene units between two edges of a bundle, where the gap has them


def route_around_boxes(curves: EdgeCurves, bounds: FloatArray, widths: FloatArray) -> EdgeCurves:
    """The curves with waypoints beside the boxes that they would run through.

    Args:
        curves: of edges, without waypoints, the weakest first; of a crowd the weaker stay as they are, and
            so do those that do not go along the layers.
        bounds: left, top, right and bottom of all boxes [boxes, 4], y downwards.
        widths: of the edges' lines [edges].
    """
    if not len(curves.start) or not len(bounds):
        return curves
    rows, found, waypoints = _BoxRows.of_bounds(bounds, curves.is_horizontal), _GapCrossings.empty(), None
    first = _first_routed_edge(curves, rows)
    strong = EdgeCurves(curves.start[first:], curves.end[first:], curves.is_horizontal)
    way = (strong.start + strong.end)[:, curves.axes[0]]
    may_meet_box = np.ones(len(strong.start), bool)  # what the first pass leaves as it is stays so
    for _ in range(N_PASSES):
        more = _find_passages(replace(strong, waypoints=waypoints), rows, may_meet_box)
        if not len(more.edge):
            break
        columns = (np.concatenate(both) for both in zip(found.columns, more.columns, strict=True))
        found = _GapCrossings(*columns).side_by_side(rows, way, widths[first:])
        waypoints = found.waypoints(rows, curves.is_horizontal)
        may_meet_box = np.isin(np.arange(len(may_meet_box)), found.edge)
    if waypoints is None:
        return curves
    return replace(curves, waypoints=EdgeWaypoints(waypoints.edge + first, waypoints.place))


def _first_routed_edge(curves: EdgeCurves, rows: _BoxRows) -> int:
    """The weakest edge that is routed: the stronger ones are few enough, and pass few enough rows."""
    n_edges, along = len(curves.start), curves.axes[1]
    first = max(0, n_edges - (MAX_ROUTED_EDGES if n_edges <= MAX_ROUTED_EDGES else ROUTED_EDGES_IN_CROWD))
    ends = np.sort(np.stack([curves.start[first:, along], curves.end[first:, along]]), axis=0)
    passed = np.diff(np.searchsorted(rows.low, ends), axis=0)[0]
    return n_edges - int(np.searchsorted(np.cumsum(passed[::-1]), MAX_PASSED_ROWS, "right"))


@dataclass(frozen=True, eq=False)
class _BoxRows:
    """Boxes row by row; intervals across the layers have their row's number times ``stride`` added.

    ``low`` and ``high`` [rows] are along the layers, ``left`` and ``right`` [boxes] ascending across them,
    ``free_left`` and ``free_right`` the lines beside the boxes, ``first_box`` [rows + 1] of each row, and
    ``extent`` from the first box's side to the last one's, with a margin. Rows ascend along the layers.
    """

    low: FloatArray
    high: FloatArray
    left: FloatArray
    right: FloatArray
    free_left: FloatArray
    free_right: FloatArray
    stride: float
    first_box: IndexArray
    extent: tuple[float, float]

    @staticmethod
    def of_bounds(bounds: FloatArray, is_horizontal: bool) -> _BoxRows:
        across, along = (
            (bounds[:, 1::2], bounds[:, ::2]) if is_horizontal else (bounds[:, ::2], bounds[:, 1::2])
        )
        _, row = np.unique(np.round(along.mean(1)), return_inverse=True)
        n_rows = int(row.max()) + 1
        low, high = np.full(n_rows, np.inf), np.full(n_rows, -np.inf)
        np.minimum.at(low, row, along[:, 0])
        np.maximum.at(high, row, along[:, 1])
        ascending = np.argsort(low, kind="stable")  # boxes that were moved by hand may overlap other rows
        low, high, row = low[ascending], high[ascending], np.argsort(ascending, kind="stable")[row]
        stride = 4.0 * float(np.ptp(across)) + 1000.0
        shift = row * stride - float(across.min()) + stride / 4
        order = np.argsort(across[:, 0] + shift, kind="stable")
        left = (across[:, 0] + shift)[order]
        right = np.maximum.accumulate((across[:, 1] + shift)[order])  # boxes that overlap are one
        gap = np.maximum(left[1:] - right[:-1], 0.0)
        half = np.minimum(BOX_MARGIN, 0.5 * gap)
        free_left, free_right = left - BOX_MARGIN, right + BOX_MARGIN
        free_left[1:], free_right[:-1] = left[1:] - half, right[:-1] + half
        offset = float(across.min()) - stride / 4
        first_box = np.searchsorted(row[order], np.arange(n_rows + 1))
        extent = float(across.min()) - BOX_MARGIN, float(across.max()) + BOX_MARGIN
        return _BoxRows(
            low,
            high,
            left + offset,
            right + offset,
            free_left + offset,
            free_right + offset,
            stride,
            first_box,
            extent,
        )

    def gap_bounds(self, row: IndexArray, gap: IndexArray) -> tuple[FloatArray, FloatArray]:
        """Where edges may pass a row between two boxes, or between one and the end of the picture."""
        low, high = np.full(len(row), self.extent[0]), np.full(len(row), self.extent[1])
        has_left, has_right = gap > self.first_box[row], gap < self.first_box[row + 1]
        shift = row * self.stride
        low[has_left] = self.right[gap[has_left] - 1] - shift[has_left]
        high[has_right] = self.left[gap[has_right]] - shift[has_right]
        high = np.maximum(low, high)
        margin = np.minimum(BOX_MARGIN / 2, (high - low) / 4)
        return low + margin, high - margin


@dataclass(frozen=True, eq=False)
class _GapCrossings:
    """Edges that pass a row through a gap, which ``gap`` counts by the boxes before it; ``line`` is where."""

    edge: IndexArray
    row: IndexArray
    gap: IndexArray
    line: FloatArray

    @staticmethod
    def empty() -> _GapCrossings:
        none = np.zeros(0, np.intp)
        return _GapCrossings(none, none, none, np.zeros(0))

    @property
    def columns(self) -> tuple[IndexArray, IndexArray, IndexArray, FloatArray]:
        return self.edge, self.row, self.gap, self.line

    def waypoints(self, rows: _BoxRows, is_horizontal: bool) -> EdgeWaypoints:
        """Two waypoints of each passage: where the edge comes to the row, and where it leaves it."""
        edge = np.tile(self.edge, 2)
        line = np.tile(self.line, 2)
        along = np.concatenate([rows.low[self.row], rows.high[self.row]])
        place = np.stack([along, line] if is_horizontal else [line, along], axis=1)
        order = np.lexsort((along if is_horizontal else -along, edge))
        return EdgeWaypoints(edge[order], place[order])

    def side_by_side(self, rows: _BoxRows, way: FloatArray, widths: FloatArray) -> _GapCrossings:
        """The passages of each gap beside each other.

        Args:
            rows: of boxes.
            way: what orders the edges of a gap, from left to right [edges].
            widths: of the edges' lines [edges].
        """
        bundle, number = np.unique(self.row * (len(rows.left) + 1) + self.gap, return_inverse=True)
        order = np.lexsort((self.edge, way[self.edge], number))
        number, room = number[order], widths[self.edge[order]] + LANE_GAP
        n_bundles, row, gap = len(bundle), *np.divmod(bundle, len(rows.left) + 1)
        low, high = rows.gap_bounds(row, gap)
        total = np.bincount(number, room, n_bundles)
        share = np.minimum(1.0, (high - low) / total)
        half = share * total / 2
        mean = np.bincount(number, self.line[order], n_bundles) / np.bincount(number, minlength=n_bundles)
        middle = np.clip(mean, low + half, high - half)
        before = np.cumsum(room) - room - (np.cumsum(total) - total)[number]
        line = np.empty(len(order))
        line[order] = middle[number] - half[number] + share[number] * (before + room / 2)
        return replace(self, line=line)


def _find_passages(curves: EdgeCurves, rows: _BoxRows, among: NDArray[np.bool_]) -> _GapCrossings:
    """The gaps beside the boxes that pieces run through; ``among``: which edges count [edges]."""
    along = curves.axes[1]
    edge, starts, ends = curves.pieces
    begin, stop = np.minimum(starts[:, along], ends[:, along]), np.maximum(starts[:, along], ends[:, along])
    is_forwards = ((ends[:, along] > starts[:, along]) == curves.is_horizontal) & among[edge]
    first = np.searchsorted(rows.low, begin, "left")
    count = np.maximum(0, np.searchsorted(rows.low, stop, "right") - first) * is_forwards
    piece = np.repeat(np.arange(len(edge)), count)
    row = np.arange(len(piece)) - np.repeat(np.cumsum(count) - count, count) + first[piece]
    height = rows.high[row] - rows.low[row]  # a piece as long as this is a way beside a box already
    passes = (stop[piece] >= rows.high[row]) & ((stop - begin)[piece] > height + 1e-6)
    piece, row = piece[passes], row[passes]
    heights = np.stack([rows.low[row], (rows.low[row] + rows.high[row]) / 2, rows.high[row]])
    places = curves.places_at(piece, heights) + row * rows.stride
    box = np.searchsorted(rows.right, places.min(0) - HIT_MARGIN)
    last = np.minimum(box, len(rows.left) - 1)
    is_hit = (box < len(rows.left)) & (rows.left[last] <= places.max(0) + HIT_MARGIN)
    piece, row, box, middle = piece[is_hit], row[is_hit], box[is_hit], places[1, is_hit]
    goes_left = middle - rows.free_left[box] <= rows.free_right[box] - middle
    line = np.where(goes_left, rows.free_left[box], rows.free_right[box]) - row * rows.stride
    return _GapCrossings(edge[piece], row, np.where(goes_left, box, box + 1), line)
