"""Drawn edges as columns of numbers: fifty thousand are found, cut and bent in one numpy call each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from circuitviz.scene.circuit_scene import DrawnEdge

Floats = NDArray[np.float64]
Indices = NDArray[np.intp]

MAX_MEASURED_EDGES = (
    200  # edges at a place, the strongest, that are measured: what lies below them cannot be seen
)
CONTROL_POINT_SHARE = 0.45  # how far the control points rise, as a share of the edge's height
_CURVE_T = np.linspace(0.0, 1.0, 65)
_CURVE_X = 3 * _CURVE_T**2 - 2 * _CURVE_T**3
_CURVE_Y = (
    3 * CONTROL_POINT_SHARE * _CURVE_T * (1 - _CURVE_T) ** 2
    + 3 * (1 - CONTROL_POINT_SHARE) * _CURVE_T**2 * (1 - _CURVE_T)
    + _CURVE_T**3
)


@dataclass(frozen=True, eq=False)
class EdgeArrays:
    """One row per drawn edge, in the picture's order (the weakest first).

    ``sender`` and ``receiver`` are rows of the picture's nodes, ``channel`` indexes ``CHANNELS``.
    ``colour_group`` is 0 for what is drawn as positive, 1 as negative, 2 as neither.
    """

    sender: Indices
    receiver: Indices
    channel: Indices
    strength: Floats
    colour_group: Indices
    opacity: Floats

    CHANNELS = ("", "q", "k", "v")

    @staticmethod
    def from_edges(edges: Sequence[DrawnEdge], rows: Mapping[str, int]) -> EdgeArrays:
        """Read the columns off drawn edges; ``rows`` maps nodes' names to their rows."""
        channels = {name: i for i, name in enumerate(EdgeArrays.CHANNELS)}
        n = len(edges)
        return EdgeArrays(
            np.fromiter((rows[e.sender] for e in edges), np.intp, n),
            np.fromiter((rows[e.receiver] for e in edges), np.intp, n),
            np.fromiter((channels[e.channel] for e in edges), np.intp, n),
            np.fromiter((e.strength for e in edges), float, n),
            np.fromiter((_colour_group_of(e) for e in edges), np.intp, n),
            np.fromiter((e.opacity for e in edges), float, n),
        )

    def __len__(self) -> int:
        return len(self.sender)

    @cached_property
    def strength_levels(self) -> Indices:
        """Strength in eight steps, for edges that share one pen."""
        return np.minimum(np.sqrt(np.abs(self.strength)) * 8, 7).astype(np.intp)


def _colour_group_of(edge: DrawnEdge) -> int:
    if edge.side:
        return {"left": 0, "right": 1}.get(edge.side, 2)
    return 2 if edge.ablated else int(edge.score < 0)


@dataclass(frozen=True, eq=False)
class EdgeCurves:
    """Where edges run: from ``start`` to ``end`` [edges, 2], in scene units (y downwards).

    All are one curve, stretched: a cubic that leaves and arrives upright. So the place of an edge
    at a height is one interpolation, for all edges at once.
    """

    start: Floats
    end: Floats

    def points(self, rows: Indices, n_points: int) -> Floats:
        """Points along chosen edges [chosen, n, 2]."""
        t = np.linspace(0.0, 1.0, n_points)
        across, along = np.interp(t, _CURVE_T, _CURVE_X), np.interp(t, _CURVE_T, _CURVE_Y)
        start, way = self.start[rows], self.end[rows] - self.start[rows]
        made = np.empty((len(rows), n_points, 2))
        made[..., 0] = start[:, :1] + way[:, :1] * across
        made[..., 1] = start[:, 1:] + way[:, 1:] * along
        return made

    def rows_in_rect(self, left: float, top: float, right: float, bottom: float) -> Indices:
        """Edges whose box meets a rectangle, in order."""
        low, high = np.minimum(self.start, self.end), np.maximum(self.start, self.end)
        inside = (low[:, 0] <= right) & (high[:, 0] >= left) & (low[:, 1] <= bottom) & (high[:, 1] >= top)
        return np.flatnonzero(inside)

    def rows_near(self, x: float, y: float, radius: float) -> Indices:
        """Edges that pass through the square of half side ``radius`` about a place, in order.

        A curve rises and crosses without turning back, so between two heights it fills exactly
        the span between its places at these heights.
        """
        near = self.rows_in_rect(x - radius, y - radius, x + radius, y + radius)
        start, way = self.start[near], self.end[near] - self.start[near]
        height = np.where(np.abs(way[:, 1]) < 1e-9, 1e-9, way[:, 1])
        heights = np.array([y - radius, y + radius])[:, None]
        share = np.clip((heights - start[:, 1]) / height, 0.0, 1.0)
        across = start[:, 0] + way[:, 0] * np.interp(np.interp(share, _CURVE_Y, _CURVE_T), _CURVE_T, _CURVE_X)
        return near[(across.min(0) <= x + radius) & (across.max(0) >= x - radius)]

    def distances(self, x: float, y: float, rows: Indices) -> Floats:
        """Distance of a place from chosen edges, taken as 48 straight pieces each."""
        points = self.points(rows, 49)
        one, way = points[:, :-1], np.diff(points, axis=1)
        apart = np.array([x, y]) - one
        share = np.clip((apart * way).sum(-1) / np.maximum((way**2).sum(-1), 1e-12), 0.0, 1.0)
        return np.hypot(*np.moveaxis(apart - share[..., None] * way, -1, 0)).min(-1)

    def nearest_row(self, x: float, y: float, radius: float) -> int | None:
        """The row nearest to a place, the stronger (later) of two as near; None beyond ``radius``."""
        near = self.rows_near(x, y, radius)[-MAX_MEASURED_EDGES:]
        if not len(near):
            return None
        apart = self.distances(x, y, near)
        if apart.min() > radius:
            return None
        return int(near[np.flatnonzero(apart <= apart.min() + 0.2 * radius)[-1]])
