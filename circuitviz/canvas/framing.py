"""What of a picture is in sight at first: all of it where it can be read, else as much as can be."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from PySide6.QtCore import QPointF, QRectF

from circuitviz.canvas.axis import LEVEL, axis_height
from circuitviz.canvas.legend import strip_height
from circuitviz.canvas.paint import LEGIBLE
from circuitviz.canvas.picture import CircuitPicture

if TYPE_CHECKING:
    from circuitviz.canvas.view import CircuitView

LARGEST, FARTHEST = 1.6, 0.05  # pixels per scene unit
READABLE = 0.72  # pixels per scene unit at which names are read with ease
CROWD_OF_COMPONENTS = 600  # more nodes without columns are an overview first, whatever can be read of it


@dataclass(frozen=True, slots=True)
class Framing:
    """Pixels per scene unit, and the scene's point in the middle of the ``free`` area of the viewport."""

    zoom: float
    centre: QPointF
    free: QRectF


def free_for(view: CircuitView, picture: CircuitPicture) -> QRectF:
    """The viewport below a picture's legend and above the line at the foot."""
    above = 4 + strip_height(picture, view.viewport().width() - 28)
    return view.free_area.adjusted(12, above, -12, 0)


def frame_all(view: CircuitView, whole: bool) -> float:
    """Show a view's picture, all of it or what can be read of it; returns how far it may be zoomed out."""
    room, free = view.stage.geometry.bounds, free_for(view, view.picture)
    if room.isEmpty():
        return FARTHEST
    far = 4000 + max(room.width(), room.height())
    view.setSceneRect(room.adjusted(-far, -far, far, far))
    framed = framed_with_axis(view.picture, room, free, whole)
    view.resetTransform()
    view.scale(framed.zoom, framed.zoom)
    aside = framed.free.center() - QRectF(view.viewport().rect()).center()
    view.centerOn(framed.centre - aside / framed.zoom)
    return min(FARTHEST, whole_zoom(room, free) / 2)


def framed_with_axis(picture: CircuitPicture, room: QRectF, free: QRectF, whole: bool) -> Framing:
    """How a picture is shown in a free area, part of which its tokens take: the more, the smaller it is."""
    told, many = bool(picture.columns), len(picture.nodes)
    framed, below = framing(room, free, told, many, whole), 0.0
    while (wanted := axis_height(picture, framed.zoom)) > below:  # at most twice: level, slanted
        below = wanted
        beside = max(0.0, below - LEVEL)  # slanted texts reach to the left
        framed = framing(room, free.adjusted(beside, 0, 0, -below), told, many, whole)
    return framed


def framing(room: QRectF, free: QRectF, columns: bool, nodes: int, whole: bool = False) -> Framing:
    """How a picture that fills ``room`` of the scene is shown in a free area of pixels.

    Where all of it could not be read, it is shown as wide or as high as fits, from its upper end, where what
    is explained stands. ``columns`` of many tokens are wide: they are shown as high as fits at a size at
    which names are read, from the last token; the others are a movement to the left.
    """
    zoom, up, across = whole_zoom(room, free), free.height() / room.height(), free.width() / room.width()
    if whole or zoom >= LEGIBLE or (nodes > CROWD_OF_COMPONENTS and not columns):
        return Framing(zoom, room.center(), free)
    zoom = max(LEGIBLE, min(up if columns else max(up, across), READABLE))
    x = room.right() - free.width() / zoom / 2 if columns else room.center().x()
    y = room.top() + free.height() / zoom / 2 if up < zoom else room.center().y()
    return Framing(zoom, QPointF(x, y), free)


def whole_zoom(room: QRectF, free: QRectF) -> float:
    """At which all of a picture is in sight."""
    return min(free.width() / room.width(), free.height() / room.height(), LARGEST)
