"""Arrow keys among places of a chart: which one is the next in a direction."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import Qt

ARROW_DIRECTIONS = {
    Qt.Key.Key_Left: (-1, 0),
    Qt.Key.Key_Right: (1, 0),
    Qt.Key.Key_Up: (0, -1),
    Qt.Key.Key_Down: (0, 1),
}
SIDEWAYS_PENALTY = 3.0  # how much more a pixel sideways counts than one ahead


def nearest_in_direction(places: NDArray[np.float64], start: int, direction: tuple[int, int]) -> int:
    """The place that an arrow key goes to.

    Args:
        places: places [place, 2] on the screen, y downwards.
        start: the index of the place to go from; below 0 for none yet.
        direction: −1, 0 or 1 along x and along y.

    Returns:
        The index of the nearest place in the direction, where a step aside counts more than one ahead;
        ``start`` where there is none. Of places in one row or column, up and left go to the one before,
        down and right to the next.
    """
    if start < 0:
        return 0
    shift = places - places[start]
    ahead, sideways = shift @ np.array(direction), np.abs(shift @ np.array(direction[::-1]))
    distance = np.where(ahead > 0.5, ahead + SIDEWAYS_PENALTY * sideways, np.inf)
    if np.isfinite(distance).any():
        return int(distance.argmin())
    if np.ptp(places @ np.abs(np.array(direction))) > 0.5:
        return start
    return int(np.clip(start + sum(direction), 0, len(places) - 1))
