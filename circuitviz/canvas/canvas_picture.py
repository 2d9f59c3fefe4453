"""The canvas as a picture with more pixels than the screen has."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QPoint
from PySide6.QtGui import QImage, QRegion
from PySide6.QtWidgets import QWidget

if TYPE_CHECKING:
    from circuitviz.canvas.circuit_view import CircuitView

PICTURE_RATIO = 2.0


def picture_of_canvas(view: CircuitView, ratio: float = PICTURE_RATIO) -> QImage:
    """What the canvas shows, with names, legend and small map, and without what lies over it.

    Args:
        view: The canvas.
        ratio: Pixels of the picture for each device-independent pixel.
    """
    viewport = view.viewport()
    image = QImage(viewport.size() * ratio, QImage.Format.Format_RGB32)
    image.setDevicePixelRatio(ratio)
    with view.scene_items.painted_directly():
        viewport.render(image, QPoint(), QRegion(), QWidget.RenderFlag.DrawWindowBackground)
    return image
