"""Where edges run: cubic curves that leave and arrive vertically, all of them bent in one numpy call."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]
IndexArray = NDArray[np.intp]

MAX_MEASURED_EDGES = 200  # of the edges near a point, the strongest: what lies below them cannot be seen
CONTROL_POINT_SHARE = 0.45  # how far the control points lie from the ends, as a share of the height
_CURVE_T = np.linspace(0.0, 1.0, 65)
_CURVE_X = 3 * _CURVE_T**2 - 2 * _CURVE_T**3
_CURVE_Y = (
    3 * CONTROL_POINT_SHARE * _CURVE_T * (1 - _CURVE_T) ** 2
    + 3 * (1 - CONTROL_POINT_SHARE) * _CURVE_T**2 * (1 - _CURVE_T)
    + _CURVE_T**3
)


@dataclass(frozen=True, eq=False)
class EdgeCurves:
    """The curves of edges, from ``start`` to ``end`` [edges, 2], in scene units with y downwards.

    All are one cubic, stretched. So the x of an edge at a height is one interpolation, for all edges at once.
    """

    start: FloatArray
    end: FloatArray

    def points(self, rows: IndexArray, n_points: int) -> FloatArray:
        """Points along the curves of some edges [rows, n_points, 2]."""
        t = np.linspace(0.0, 1.0, n_points)
        x, y = np.interp(t, _CURVE_T, _CURVE_X), np.interp(t, _CURVE_T, _CURVE_Y)
        start, extent = self.start[rows], self.end[rows] - self.start[rows]
        points = np.empty((len(rows), n_points, 2))
        points[..., 0] = start[:, :1] + extent[:, :1] * x
        points[..., 1] = start[:, 1:] + extent[:, 1:] * y
        return points

    def cubics(self, rows: IndexArray, min_bend: float = 0.0) -> FloatArray:
        """Start, two control points and end of the curves of some edges [rows, 4, 2].

        Args:
            rows: of the edges.
            min_bend: how far the control points lie from the ends at least, upwards from the start.
        """
        start, end = self.start[rows], self.end[rows]
        bend = CONTROL_POINT_SHARE * (start[:, 1] - end[:, 1])
        points = np.stack([start, start, end, end], axis=1)
        bend = np.maximum(np.abs(bend), min_bend) if min_bend else bend
        points[:, 1, 1] -= bend
        points[:, 2, 1] += bend
        return points

    def rows_in_rect(self, left: float, top: float, right: float, bottom: float) -> IndexArray:
        """Rows of the edges whose bounding box meets a rectangle, in order."""
        low, high = np.minimum(self.start, self.end), np.maximum(self.start, self.end)
        meets = (low[:, 0] <= right) & (high[:, 0] >= left) & (low[:, 1] <= bottom) & (high[:, 1] >= top)
        return np.flatnonzero(meets)

    def rows_near(self, x: float, y: float, radius: float) -> IndexArray:
        """Rows of the edges that pass through the square of half side ``radius`` about a point, in order.

        A curve is monotone in both directions, so between two heights it fills exactly the span between
        its x at these heights.
        """
        rows = self.rows_in_rect(x - radius, y - radius, x + radius, y + radius)
        start, extent = self.start[rows], self.end[rows] - self.start[rows]
        height = np.where(np.abs(extent[:, 1]) < 1e-9, 1e-9, extent[:, 1])
        heights = np.array([y - radius, y + radius])[:, None]
        share = np.clip((heights - start[:, 1]) / height, 0.0, 1.0)
        t = np.interp(share, _CURVE_Y, _CURVE_T)
        at = start[:, 0] + extent[:, 0] * np.interp(t, _CURVE_T, _CURVE_X)
        return rows[(at.min(0) <= x + radius) & (at.max(0) >= x - radius)]

    def distances(self, x: float, y: float, rows: IndexArray) -> FloatArray:
        """Distances [rows] of a point from the curves of some edges, taken as 48 straight pieces each."""
        points = self.points(rows, 49)
        start, extent = points[:, :-1], np.diff(points, axis=1)
        offset = np.array([x, y]) - start
        share = np.clip((offset * extent).sum(-1) / np.maximum((extent**2).sum(-1), 1e-12), 0.0, 1.0)
        return np.hypot(*np.moveaxis(offset - share[..., None] * extent, -1, 0)).min(-1)

    def nearest_row(self, x: float, y: float, radius: float, among: IndexArray | None = None) -> int | None:
        """The row of the edge nearest to a point, the stronger of two as near; None beyond ``radius``.

        ``among``: the rows of the edges that count; all of them where it is None.
        """
        rows = self.rows_near(x, y, radius)
        rows = (rows if among is None else rows[np.isin(rows, among)])[-MAX_MEASURED_EDGES:]
        if not len(rows):
            return None
        distances = self.distances(x, y, rows)
        if distances.min() > radius:
            return None
        return int(rows[np.flatnonzero(distances <= distances.min() + 0.2 * radius)[-1]])
