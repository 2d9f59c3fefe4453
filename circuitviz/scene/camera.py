"""Where a person looks: a value that the document saves, so that it opens as it was left."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeGuard

MAX_SAVED_ZOOM, MIN_SAVED_ZOOM = 50.0, 0.001  # pixels per scene unit that a file may ask for


@dataclass(frozen=True, slots=True)
class Camera:
    """Which part of a scene is shown.

    A layout is spread to the shape of its view, so that the same point of the scene shows something else in
    a narrower one: what stays in the middle is a node.

    Attributes:
        zoom: pixels per scene unit; None where the view fits the scene.
        centre: the point of the scene in the middle of the view, y downwards; None where the view fits it.
        node: the node nearest to the middle; empty where none is.
        offset: from that node's place to the middle, in scene units.
    """

    zoom: float | None = None
    centre: tuple[float, float] | None = None
    node: str = ""
    offset: tuple[float, float] = (0.0, 0.0)

    def to_json(self) -> dict[str, Any]:
        """As a document's file has it."""
        centre = None if self.centre is None else list(self.centre)
        return {"zoom": self.zoom, "centre": centre, "node": self.node, "offset": list(self.offset)}

    @staticmethod
    def from_json(saved: Mapping[str, Any]) -> Camera:
        """Read what ``to_json`` wrote; anything else, which a file may hold, fits the scene."""
        zoom, centre, node = saved.get("zoom"), _point(saved.get("centre")), saved.get("node")
        if not _is_finite(zoom) or centre is None or not MIN_SAVED_ZOOM < zoom < MAX_SAVED_ZOOM:
            return Camera()
        offset = _point(saved.get("offset"))
        if not isinstance(node, str) or offset is None:
            return Camera(float(zoom), centre)
        return Camera(float(zoom), centre, node, offset)


def _is_finite(value: object) -> TypeGuard[float]:
    return isinstance(value, int | float) and math.isfinite(value)


def _point(value: Any) -> tuple[float, float] | None:
    if not isinstance(value, list) or len(value) != 2 or not all(map(_is_finite, value)):
        return None
    return float(value[0]), float(value[1])
