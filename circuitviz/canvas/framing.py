"""What of a picture is in sight at first: all of it where it can be read, else as much as can be."""

from __future__ import annotations

from dataclasses import dataclass

from PySide6.QtCore import QPointF, QRectF

from circuitviz.canvas.axis import LEVEL, axis_height
from circuitviz.canvas.picture import CircuitPicture

LARGEST = 1.6
LEGIBLE = 0.36  # pixels per scene unit below which no name can be read
SMALL, ENOUGH, READABLE = 0.52, 0.6, 0.72  # names are read: for the sake of all rows; well; with ease
CROWD = 150  # more nodes are an overview first, whatever can be read of it


@dataclass(frozen=True, slots=True)
class Framing:
    """Pixels per scene unit, and the scene's point in the middle of the ``free`` area of the viewport."""

    zoom: float
    centre: QPointF
    free: QRectF


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

    Columns of many tokens are wide: where all of them could not be read, they are shown as high as fits,
    from the last token, where what is explained stands; the others are a movement to the left.
    """
    zoom, up = whole_zoom(room, free), free.height() / room.height()
    if whole or not columns or zoom >= LEGIBLE or (nodes > CROWD and up < LEGIBLE):
        return Framing(zoom, room.center(), free)
    zoom = min(up, READABLE) if up >= SMALL else ENOUGH
    x = room.right() - free.width() / zoom / 2
    y = room.top() + free.height() / zoom / 2 if up < zoom else room.center().y()
    return Framing(zoom, QPointF(x, y), free)


def whole_zoom(room: QRectF, free: QRectF) -> float:
    """At which all of a picture is in sight."""
    return min(free.width() / room.width(), free.height() / room.height(), LARGEST)
