"""Where a person looks: a value that the document saves, so that it opens as it was left."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

MAX_SAVED_ZOOM, MIN_SAVED_ZOOM = 50.0, 0.001  # pixels per scene unit that a file may ask for


@dataclass(frozen=True, slots=True)
class Camera:
    """Which part of a scene is shown.

    Attributes:
        zoom: pixels per scene unit; None where the view fits the scene.
        centre: the point of the scene in the middle of the view, y downwards; None where the view fits it.
    """

    zoom: float | None = None
    centre: tuple[float, float] | None = None

    def to_json(self) -> dict[str, Any]:
        """As a document's file has it."""
        return {"zoom": self.zoom, "centre": None if self.centre is None else list(self.centre)}

    @staticmethod
    def from_json(saved: Mapping[str, Any]) -> Camera:
        """Read what ``to_json`` wrote; anything else, which a file may hold, fits the scene."""
        zoom, centre = saved.get("zoom"), saved.get("centre")
        if not isinstance(centre, list) or len(centre) != 2:
            return Camera()
        numbers = [float(n) for n in (zoom, *centre) if isinstance(n, int | float) and math.isfinite(n)]
        if len(numbers) != 3 or not MIN_SAVED_ZOOM < numbers[0] < MAX_SAVED_ZOOM:
            return Camera()
        return Camera(numbers[0], (numbers[1], numbers[2]))
