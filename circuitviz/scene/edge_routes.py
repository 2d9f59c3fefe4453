"""Ways for edges beside the boxes of the rows that they pass, for all edges and rows at once.

1. Boxes stand in rows; a row's boxes and the gaps between them are intervals across the layers.
2. A curve is found in every row that it passes, and where a box lies in its way there, it is sent through
   the nearer gap beside that box. Edges that go through one gap run along the same line: a bundle.
3. The bent curves may meet boxes of other rows, so this is done again; what then remains is left as it is.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from circuitviz.scene.edge_curves import EdgeCurves, FloatArray, IndexArray, Waypoints

MAX_ROUTED_EDGES = 2500  # more edges are hairlines, which no eye follows around boxes
N_PASSES = 3
BOX_MARGIN = 5.0  # scene units between a box and the edges that pass beside it, where a gap has them
HIT_MARGIN = 1.0  # scene units beside a box that count as the box


def route_around_boxes(curves: EdgeCurves, bounds: FloatArray) -> EdgeCurves:
    """The curves with waypoints beside the boxes that they would run through.

    Args:
        curves: of edges, without waypoints; those that do not go along the layers stay as they are.
        bounds: left, top, right and bottom of all boxes [boxes, 4], y downwards.
    """
    if not 0 < len(curves.start) <= MAX_ROUTED_EDGES or not len(bounds):
        return curves
    rows = _BoxRows.of_bounds(bounds, curves.is_horizontal)
    edge, place = np.zeros(0, np.intp), np.zeros((0, 2))
    for _ in range(N_PASSES):
        new_edge, new_place = _find_waypoints(curves, rows)
        if not len(new_edge):
            break
        edge, place = np.concatenate([edge, new_edge]), np.concatenate([place, new_place])
        forwards = place[:, 0] if curves.is_horizontal else -place[:, 1]
        order = np.lexsort((forwards, edge))
        curves = replace(curves, waypoints=Waypoints(edge[order], place[order]))
        edge, place = edge[order], place[order]
    return curves


@dataclass(frozen=True, eq=False)
class _BoxRows:
    """Boxes row by row; intervals across the layers have their row's number times ``stride`` added.

    ``low`` and ``high`` [rows] are along the layers, ``left`` and ``right`` [boxes] ascending across them,
    ``free_left`` and ``free_right`` the lines beside the boxes.
    """

    low: FloatArray
    high: FloatArray
    left: FloatArray
    right: FloatArray
    free_left: FloatArray
    free_right: FloatArray
    stride: float

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
        return _BoxRows(
            low, high, left + offset, right + offset, free_left + offset, free_right + offset, stride
        )


def _find_waypoints(curves: EdgeCurves, rows: _BoxRows) -> tuple[IndexArray, FloatArray]:
    """Two waypoints before and behind each box that a piece runs through: their edges and places."""
    across, along = curves.axes
    edge, starts, ends = curves.pieces
    begin, stop = np.minimum(starts[:, along], ends[:, along]), np.maximum(starts[:, along], ends[:, along])
    is_forwards = (ends[:, along] > starts[:, along]) == curves.is_horizontal
    passes = (begin[:, None] <= rows.low) & (stop[:, None] >= rows.high) & is_forwards[:, None]
    passes &= (stop - begin)[:, None] > (rows.high - rows.low) + 1e-6  # not a way beside a box already
    piece, row = np.nonzero(passes)
    heights = np.stack([rows.low[row], (rows.low[row] + rows.high[row]) / 2, rows.high[row]])
    places = curves.places_at(piece, heights) + row * rows.stride
    box = np.searchsorted(rows.right, places.min(0) - HIT_MARGIN)
    last = np.minimum(box, len(rows.left) - 1)
    is_hit = (box < len(rows.left)) & (rows.left[last] <= places.max(0) + HIT_MARGIN)
    piece, row, box, middle = piece[is_hit], row[is_hit], box[is_hit], places[1, is_hit]
    goes_left = middle - rows.free_left[box] <= rows.free_right[box] - middle
    line = np.where(goes_left, rows.free_left[box], rows.free_right[box]) - row * rows.stride
    found = np.empty((2, len(line), 2))
    found[..., across] = line
    found[0, :, along], found[1, :, along] = rows.low[row], rows.high[row]
    return np.tile(edge[piece], 2), found.reshape(-1, 2)
