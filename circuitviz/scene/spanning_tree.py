"""The shortest ways that join places: what holds a group's frame together, in the window and on paper."""

from __future__ import annotations

import numpy as np


def spanning_tree(points: list[tuple[float, float]]) -> list[tuple[int, int]]:
    """The shortest tree through places, as pairs of their numbers (Prim 1957)."""
    if len(points) < 2:
        return []
    at = np.array(points)
    apart = np.hypot(*np.moveaxis(at[:, None] - at[None], -1, 0))
    nearest, from_ = apart[0].copy(), np.zeros(len(at), int)
    left, ways = set(range(1, len(at))), []
    while left:
        new = min(left, key=lambda i: nearest[i])
        ways.append((int(from_[new]), new))
        left.remove(new)
        closer = apart[new] < nearest
        nearest[closer], from_[closer] = apart[new][closer], new
    return ways
