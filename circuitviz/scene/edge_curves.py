"""Where edges run: cubic curves that leave and arrive along the layers, bent in one numpy call."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

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
class EdgeWaypoints:
    """Points that edges pass on their way, where the straight way would run through a box.

    Attributes:
        edge: [points] rows of edges, increasing; the points of an edge from its start to its end.
        place: [points, 2] in scene units with y downwards.
    """

    edge: IndexArray
    place: FloatArray


@dataclass(frozen=True, eq=False)
class EdgeCurves:
    """The curves of edges, from ``start`` to ``end`` [edges, 2], in scene units with y downwards.

    An edge is one piece, or several from waypoint to waypoint. All pieces are one cubic, stretched: it goes
    along the layers at both ends. So the place of a piece at a height is one interpolation, for all at once.

    Attributes:
        start: [edges, 2] where edges begin.
        end: [edges, 2] where they end.
        is_horizontal: whether layers go from left to right; otherwise upwards.
        waypoints: what edges pass; none where it is None.
    """

    start: FloatArray
    end: FloatArray
    is_horizontal: bool = False
    waypoints: EdgeWaypoints | None = None

    @property
    def _is_routed(self) -> bool:
        """Whether any edge is of more than one piece."""
        return self.waypoints is not None and len(self.waypoints.edge) > 0

    @cached_property
    def pieces(self) -> tuple[IndexArray, FloatArray, FloatArray]:
        """The edge of each piece, increasing, and the pieces' ends [pieces, 2]."""
        rows = np.arange(len(self.start))
        if self.waypoints is None or not self._is_routed:
            return rows, self.start, self.end
        edge = np.concatenate([rows, self.waypoints.edge])  # each point begins a piece
        order = np.argsort(edge, kind="stable")
        edge, start = edge[order], np.concatenate([self.start, self.waypoints.place])[order]
        end = np.empty_like(start)
        end[:-1] = start[1:]
        end[np.flatnonzero(np.diff(edge, append=len(rows)))] = self.end
        return edge, start, end

    @cached_property
    def _first_piece(self) -> IndexArray:
        """The first piece of each edge, and the number of pieces [edges + 1]."""
        return np.searchsorted(self.pieces[0], np.arange(len(self.start) + 1))

    @cached_property
    def _n_pieces(self) -> IndexArray:
        """Of how many pieces each edge is."""
        return np.diff(self._first_piece)

    def precomputed(self) -> EdgeCurves:
        """The same, with all that is found on first use found by now."""
        _found = self._n_pieces, self._extents
        return self

    def _pieces_of(self, rows: IndexArray) -> IndexArray:
        """The pieces of some edges, edge by edge."""
        if not self._is_routed:
            return rows
        first, count = self._first_piece[rows], self._n_pieces[rows]
        total = np.cumsum(count)
        return np.repeat(first - (total - count), count) + np.arange(int(total[-1]) if len(total) else 0)

    def count_pieces(self, rows: IndexArray) -> int:
        """Of how many pieces some edges are."""
        return int(self._n_pieces[rows].sum()) if self._is_routed else len(rows)

    @property
    def axes(self) -> tuple[int, int]:
        """Which coordinate goes across the layers, and which along them."""
        return (1, 0) if self.is_horizontal else (0, 1)

    def piece_points(self, rows: IndexArray, n_points: int) -> FloatArray:
        """Points along the pieces of some edges, edge by edge [pieces, n_points, 2]."""
        return self._points_on(self._pieces_of(rows), np.linspace(0.0, 1.0, n_points)[None])

    def points(self, rows: IndexArray, n_points: int) -> FloatArray:
        """Points along the curves of some edges [rows, n_points, 2]; of several pieces, as many on each."""
        if not self._is_routed:
            return self.piece_points(rows, n_points)
        count = self._n_pieces[rows]
        along = np.linspace(0.0, 1.0, n_points)[None] * count[:, None]
        piece = np.minimum(along.astype(np.intp), count[:, None] - 1)
        return self._points_on(self._first_piece[rows][:, None] + piece, along - piece)

    def _points_on(self, pieces: IndexArray, t: FloatArray) -> FloatArray:
        """Points of pieces at parameters 0 to 1: [pieces] with [1, points], or both [rows, points]."""
        across, along = self.axes
        x, y = np.interp(t, _CURVE_T, _CURVE_X), np.interp(t, _CURVE_T, _CURVE_Y)
        _, starts, ends = self.pieces
        pieces = pieces[:, None] if pieces.ndim == 1 else pieces
        start = starts[pieces]
        extent = ends[pieces] - start
        points = np.empty((*np.broadcast_shapes(pieces.shape, t.shape), 2))
        points[..., across] = start[..., across] + extent[..., across] * x
        points[..., along] = start[..., along] + extent[..., along] * y
        return points

    def cubics(self, rows: IndexArray, min_bend: float = 0.0) -> list[list[tuple[float, float]]]:
        """For each of some edges a start, and for each piece two control points and an end.

        Args:
            rows: of the edges.
            min_bend: how far the control points lie from the ends at least, forwards from the start.
        """
        pieces, along = self._pieces_of(rows), self.axes[1]
        _, starts, ends = self.pieces
        start, end = starts[pieces], ends[pieces]
        forwards = 1.0 if self.is_horizontal else -1.0
        bend = CONTROL_POINT_SHARE * (end[:, along] - start[:, along])
        bend = forwards * np.maximum(np.abs(bend), min_bend) if min_bend else bend
        points = np.stack([start, end, end], axis=1)
        points[:, 0, along] += bend
        points[:, 1, along] -= bend
        made, counts = iter(points.tolist()), self._n_pieces[rows].tolist()
        return [
            [(x, y), *(tuple(point) for _ in range(count) for point in next(made))]
            for (x, y), count in zip(self.start[rows].tolist(), counts, strict=True)
        ]

    @cached_property
    def _extents(self) -> tuple[FloatArray, FloatArray]:
        """The corners of least and greatest coordinates of each edge [edges, 2]."""
        low, high = np.minimum(self.start, self.end), np.maximum(self.start, self.end)
        if self.waypoints is not None:
            np.minimum.at(low, self.waypoints.edge, self.waypoints.place)
            np.maximum.at(high, self.waypoints.edge, self.waypoints.place)
        return low, high

    def rows_in_rect(self, left: float, top: float, right: float, bottom: float) -> IndexArray:
        """Rows of the edges whose bounding box meets a rectangle, in order."""
        low, high = self._extents
        meets = (low[:, 0] <= right) & (high[:, 0] >= left) & (low[:, 1] <= bottom) & (high[:, 1] >= top)
        return np.flatnonzero(meets)

    def rows_near(self, x: float, y: float, radius: float) -> IndexArray:
        """Rows of the edges that pass through the square of half side ``radius`` about a point, in order.

        A piece is monotone in both directions, so between two heights it fills exactly the span between
        its places at these heights.
        """
        rows = self.rows_in_rect(x - radius, y - radius, x + radius, y + radius)
        pieces = self._pieces_of(rows)
        edge, starts, ends = self.pieces
        point, (across, along) = (x, y), self.axes
        low = np.minimum(starts[pieces, along], ends[pieces, along])
        high = np.maximum(starts[pieces, along], ends[pieces, along])
        pieces = pieces[(low <= point[along] + radius) & (high >= point[along] - radius)]
        at = self.places_at(pieces, np.array([point[along] - radius, point[along] + radius])[:, None])
        is_near = (at.min(0) <= point[across] + radius) & (at.max(0) >= point[across] - radius)
        return np.unique(edge[pieces[is_near]])

    def places_at(self, pieces: IndexArray, heights: FloatArray) -> FloatArray:
        """Where pieces are across the layers at heights along them; at an end for heights beyond it.

        Args:
            pieces: [pieces].
            heights: of each piece, [..., pieces] or [..., 1].
        """
        across, along = self.axes
        _, starts, ends = self.pieces
        start, extent = starts[pieces], ends[pieces] - starts[pieces]
        height = np.where(np.abs(extent[:, along]) < 1e-9, 1e-9, extent[:, along])
        share = np.clip((heights - start[:, along]) / height, 0.0, 1.0)
        t = np.interp(share, _CURVE_Y, _CURVE_T)
        return np.asarray(start[:, across] + extent[:, across] * np.interp(t, _CURVE_T, _CURVE_X))

    def distances(self, x: float, y: float, rows: IndexArray) -> FloatArray:
        """Distances [rows] of a point from the curves of some edges, each piece taken as 48 straight ones."""
        points = self.piece_points(rows, 49)
        start, extent = points[:, :-1], np.diff(points, axis=1)
        offset = np.array([x, y]) - start
        share = np.clip((offset * extent).sum(-1) / np.maximum((extent**2).sum(-1), 1e-12), 0.0, 1.0)
        of_pieces = np.hypot(*np.moveaxis(offset - share[..., None] * extent, -1, 0)).min(-1)
        count = self._n_pieces[rows]
        return np.minimum.reduceat(of_pieces, np.cumsum(count) - count) if len(rows) else of_pieces

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
