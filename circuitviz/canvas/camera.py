"""Where a person looked is part of a document, so that it opens as it was left."""

from __future__ import annotations

import math
from typing import Any

from PySide6.QtCore import QPointF, QRectF

from circuitviz.canvas.circuit_view import CircuitView

MAX_SAVED_ZOOM, MIN_SAVED_ZOOM = 50.0, 0.001  # pixels per scene unit that a file may ask for


def camera_state(view: CircuitView) -> dict[str, Any]:
    """Zoom in pixels per scene unit, and the scene's point in the middle; None where all is in sight."""
    if view._is_fitted:
        return {"zoom": None, "centre": None}
    middle = view.mapToScene(QRectF(view.viewport().rect()).center().toPoint())
    return {"zoom": view.zoom, "centre": [middle.x(), middle.y()]}


def restore_camera(view: CircuitView, saved: dict[str, Any]) -> None:
    """Go back to where a person looked; anything strange shows the whole circuit."""
    zoom, centre = saved.get("zoom"), saved.get("centre")
    numbers = [zoom, *centre] if isinstance(centre, list) and len(centre) == 2 else [None]
    sane = all(isinstance(n, int | float) and math.isfinite(n) for n in numbers)
    if not sane or not MIN_SAVED_ZOOM < float(zoom or 0) < MAX_SAVED_ZOOM:
        view.fit()
        return
    view.fit()  # its scene's margins
    view.resetTransform()
    view.scale(float(zoom or 1), float(zoom or 1))
    view.centerOn(QPointF(*numbers[1:]))
    view._is_fitted = False
