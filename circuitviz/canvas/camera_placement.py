"""What of a picture is in sight at first: all of it where it can be read, else as much as can be."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from PySide6.QtCore import QPoint, QPointF, QRectF

from circuitviz.canvas.canvas_legend import legend_strip_height
from circuitviz.canvas.layer_axis import layer_axis_height, layer_axis_width
from circuitviz.canvas.token_axis import LEVEL_TEXT_HEIGHT_PX, token_axis_height, token_axis_width
from circuitviz.paint.circuit_painter import LEGIBLE_ZOOM
from circuitviz.scene.circuit_scene import CircuitScene, DrawnNode
from circuitviz.shapes.circuit_legend import LegendEntry

if TYPE_CHECKING:
    from circuitviz.canvas.circuit_view import CircuitView

MAX_FIT_ZOOM, MIN_ZOOM = 1.6, 0.05  # pixels per scene unit
STATUS_LINE_HEIGHT_PX = 34  # pixels kept free for the line below the circuit
READABLE_ZOOM = 0.72  # pixels per scene unit at which names are read with ease
MAX_READABLE_COMPONENTS = 600  # more nodes without columns are an overview first, whatever can be read of it


@dataclass(frozen=True, slots=True)
class CameraPlacement:
    """Pixels per scene unit, and the scene's point in the middle of the ``free`` area of the viewport."""

    zoom: float
    centre: QPointF
    free: QRectF


def free_area_for(view: CircuitView, picture: CircuitScene) -> QRectF:
    """The viewport below a picture's legend, beside its layer axis, and above the line at the foot."""
    entries = view.scene_items.legend_entries(picture, view.theme)
    return free_area_beside(picture, entries, QRectF(view.viewport().rect()))


def free_area_beside(picture: CircuitScene, entries: Sequence[LegendEntry], viewport: QRectF) -> QRectF:
    """The same of a viewport, beside a picture with these entries of its legend."""
    above = 4 + legend_strip_height(entries, viewport.width() - 28)
    left = 12 + layer_axis_width(picture) + token_axis_width(picture)
    return viewport.adjusted(left, above, -12, -STATUS_LINE_HEIGHT_PX - layer_axis_height(picture))


def fit_view(view: CircuitView, show_all: bool) -> float:
    """Show a view's picture, all of it or what can be read of it; returns how far it may be zoomed out."""
    room, free = view.scene_items.geometry.bounds, free_area_for(view, view.circuit_scene)
    if room.isEmpty():
        return MIN_ZOOM
    far = 4000 + max(room.width(), room.height())
    view.setSceneRect(room.adjusted(-far, -far, far, far))
    is_whole = show_all or bool(view.circuit_scene.cells)  # a grid of cells is read without names, too
    framed = placement_with_axis(view.circuit_scene, room, free, is_whole)
    view.resetTransform()
    view.scale(framed.zoom, framed.zoom)
    aside = framed.free.center() - QRectF(view.viewport().rect()).center()
    view.centerOn(framed.centre - aside / framed.zoom)
    return min(MIN_ZOOM, zoom_to_fit(room, free) / 2)


def nearest_node(picture: CircuitScene, at: QPointF) -> DrawnNode | None:
    """The node of a picture that is nearest to a point, y downwards; None where there is none."""
    return min(picture.nodes, key=lambda n: (n.x - at.x()) ** 2 + (n.y + at.y()) ** 2, default=None)


def find_anchor(view: CircuitView, picture: CircuitScene) -> tuple[str, QPoint] | None:
    """The node nearest to the middle of a view that another picture has too, and its place in the viewport.

    None where no such node is in sight. What a person has moved is no hold.
    """
    shown, middle = view.scene_items.geometry, QRectF(view.viewport().rect()).center()
    at = view.mapToScene(middle.toPoint())
    centres = (shown.boxes[:, :2] + shown.boxes[:, 2:]) / 2
    moved = shown.scene.user_positioned | picture.user_positioned
    for row in np.argsort(((centres - (at.x(), at.y())) ** 2).sum(1), kind="stable").tolist():
        name = shown.scene.nodes[row].name
        if name in picture.by_name and name not in moved:
            place = view.mapFromScene(QPointF(*centres[row]))
            return (name, place) if view.viewport().rect().contains(place) else None
    return None


def placement_with_axis(
    picture: CircuitScene, bounds: QRectF, free: QRectF, show_all: bool
) -> CameraPlacement:
    """How a picture is shown in a free area, part of which its tokens take: the more, the smaller it is."""
    has_columns, many, turned = bool(picture.columns), len(picture.nodes), picture.is_horizontal
    framed, below = camera_placement(bounds, free, has_columns, many, show_all, turned), 0.0
    while (wanted := token_axis_height(picture, framed.zoom)) > below:  # at most twice: level, slanted
        below = wanted
        left_margin = max(0.0, below - LEVEL_TEXT_HEIGHT_PX)  # slanted texts reach to the left
        framed = camera_placement(
            bounds, free.adjusted(left_margin, 0, 0, -below), has_columns, many, show_all
        )
    return framed


def camera_placement(
    bounds: QRectF,
    free: QRectF,
    has_columns: bool,
    n_nodes: int,
    show_all: bool = False,
    is_horizontal: bool = False,
) -> CameraPlacement:
    """How a picture that fills ``bounds`` of the scene is shown in a free area of pixels.

    Where all of it could not be read, it is shown as wide or as high as fits, from its upper end, where what
    is explained stands. ``has_columns`` of many tokens are wide: they are shown as high as fits at a size at
    which names are read, from the last token; the others are a movement to the left. Where layers go from
    left to right (``is_horizontal``), what is explained stands at the right end, and the last token below.
    """
    zoom, up, across = (
        zoom_to_fit(bounds, free),
        free.height() / bounds.height(),
        free.width() / bounds.width(),
    )
    if show_all or zoom >= LEGIBLE_ZOOM or (n_nodes > MAX_READABLE_COMPONENTS and not has_columns):
        return CameraPlacement(zoom, bounds.center(), free)
    if is_horizontal:
        zoom = max(LEGIBLE_ZOOM, min(across if has_columns else max(up, across), READABLE_ZOOM))
        x = bounds.right() - free.width() / zoom / 2 if across < zoom else bounds.center().x()
        is_cut = has_columns and up < zoom
        y = bounds.bottom() - free.height() / zoom / 2 if is_cut else bounds.center().y()
        return CameraPlacement(zoom, QPointF(x, y), free)
    zoom = max(LEGIBLE_ZOOM, min(up if has_columns else max(up, across), READABLE_ZOOM))
    x = bounds.right() - free.width() / zoom / 2 if has_columns else bounds.center().x()
    y = bounds.top() + free.height() / zoom / 2 if up < zoom else bounds.center().y()
    return CameraPlacement(zoom, QPointF(x, y), free)


def zoom_to_fit(bounds: QRectF, free: QRectF) -> float:
    """At which all of a picture is in sight."""
    return min(free.width() / bounds.width(), free.height() / bounds.height(), MAX_FIT_ZOOM)
