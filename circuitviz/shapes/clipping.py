"""Clipping of lines and polygons to the range that a plot shows."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from circuitviz.shapes.drawing import Point

AxisRange = tuple[float, float]


def clip_polyline(points: Sequence[Point], x_range: AxisRange, y_range: AxisRange) -> list[list[Point]]:
    """The pieces of a line through ``points`` within x and y (Liang and Barsky 1984)."""
    clipped: list[list[Point]] = []
    for start, end in pairwise(points):
        inside = _clip_segment(start, end, x_range, y_range)
        if inside is None:
            continue
        if clipped and clipped[-1][-1] == inside[0]:
            clipped[-1].append(inside[1])
        else:
            clipped.append(list(inside))
    return clipped


def clip_polygon(vertices: Sequence[Point], x_range: AxisRange, y_range: AxisRange) -> list[Point]:
    """The vertices of the part of a polygon within x and y (Sutherland and Hodgman 1974)."""
    clipped = [(float(x), float(y)) for x, y in vertices]
    for axis, (low, high) in enumerate((sorted(x_range), sorted(y_range))):
        for limit, sign in ((low, 1.0), (high, -1.0)):
            before, clipped = clipped, []
            for start, end in zip(before[-1:] + before[:-1], before, strict=True):
                start_in, end_in = sign * (start[axis] - limit) >= 0, sign * (end[axis] - limit) >= 0
                if start_in != end_in:
                    fraction = (limit - start[axis]) / (end[axis] - start[axis])
                    clipped.append(_interpolate(start, end, fraction))
                if end_in:
                    clipped.append(end)
    return clipped


def _clip_segment(
    start: Point, end: Point, x_range: AxisRange, y_range: AxisRange
) -> tuple[Point, Point] | None:
    enter, leave = 0.0, 1.0
    for axis, (low, high) in enumerate((sorted(x_range), sorted(y_range))):
        step = end[axis] - start[axis]
        if step == 0:
            if not low <= start[axis] <= high:
                return None
            continue
        first, last = sorted(((low - start[axis]) / step, (high - start[axis]) / step))
        enter, leave = max(enter, first), min(leave, last)
    if not enter <= leave:
        return None
    return _interpolate(start, end, enter), _interpolate(start, end, leave)


def _interpolate(start: Point, end: Point, fraction: float) -> Point:
    """A point of a segment; at 0 and 1 exactly its ends."""
    if fraction in (0, 1):
        return (float(start[0]), float(start[1])) if fraction == 0 else (float(end[0]), float(end[1]))
    x, y = (float(a + fraction * (b - a)) for a, b in zip(start, end, strict=True))
    return x, y
