"""What of a line or an area lies in sight: a chart on paper shows the stretch that is shown in the window."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from circuitviz.shapes.drawing import Point

ClipRange = tuple[float, float]


def clip_polyline(points: Sequence[Point], x_range: ClipRange, y_range: ClipRange) -> list[list[Point]]:
    """The stretches of a line through ``points`` that lie within x and y (Liang and Barsky 1984)."""
    found: list[list[Point]] = []
    for start, end in pairwise(points):
        inside = _clip_segment(start, end, x_range, y_range)
        if inside is None:
            continue
        if found and found[-1][-1] == inside[0]:
            found[-1].append(inside[1])
        else:
            found.append(list(inside))
    return found


def clip_polygon(vertices: Sequence[Point], x_range: ClipRange, y_range: ClipRange) -> list[Point]:
    """The corners of the part of an area that lies within x and y (Sutherland and Hodgman 1974)."""
    kept = [(float(a), float(b)) for a, b in vertices]
    for axis, (low, high) in enumerate((sorted(x_range), sorted(y_range))):
        for limit, sign in ((low, 1.0), (high, -1.0)):
            before, kept = kept, []
            for start, end in zip(before[-1:] + before[:-1], before, strict=True):
                was, now = sign * (start[axis] - limit) >= 0, sign * (end[axis] - limit) >= 0
                if was != now:
                    kept.append(_interpolate(start, end, (limit - start[axis]) / (end[axis] - start[axis])))
                if now:
                    kept.append(end)
    return kept


def _clip_segment(start: Point, end: Point, x: ClipRange, y: ClipRange) -> tuple[Point, Point] | None:
    begin, stop = 0.0, 1.0
    for axis, (low, high) in enumerate((sorted(x), sorted(y))):
        step = end[axis] - start[axis]
        if step == 0:
            if not low <= start[axis] <= high:
                return None
            continue
        first, last = sorted(((low - start[axis]) / step, (high - start[axis]) / step))
        begin, stop = max(begin, first), min(stop, last)
    if not begin <= stop:
        return None
    return _interpolate(start, end, begin), _interpolate(start, end, stop)


def _interpolate(start: Point, end: Point, fraction: float) -> Point:
    """A point of a segment, its ends exactly."""
    at = start if fraction == 0 else end if fraction == 1 else tuple(
        a + fraction * (b - a) for a, b in zip(start, end, strict=True)
    )  # fmt: skip
    return float(at[0]), float(at[1])
