"""What items that are as large as the picture share: its geometry, the theme, and their bounds."""

from __future__ import annotations

from PySide6.QtCore import QRectF
from PySide6.QtWidgets import QGraphicsItem

from circuitviz.canvas.scene_geometry import SceneGeometry
from circuitviz.scene.theme import Theme


class PictureItem(QGraphicsItem):
    """The base class of items that paint somewhere in the whole picture.

    Attributes:
        geometry: Of the picture; None before the first.
        theme: The colours.
    """

    def __init__(self, z: float) -> None:
        """Lie over items of a lower ``z``."""
        super().__init__()
        self.geometry: SceneGeometry | None = None
        self.theme: Theme | None = None
        self._bounds = QRectF()
        self.setZValue(z)

    def show_geometry(self, geometry: SceneGeometry, theme: Theme) -> None:
        """Belong to another picture."""
        if geometry.bounds != self._bounds:
            self.prepareGeometryChange()
        self.geometry, self.theme, self._bounds = geometry, theme, geometry.bounds
        self.update()

    def boundingRect(self) -> QRectF:
        """The picture's bounds."""
        return self._bounds
