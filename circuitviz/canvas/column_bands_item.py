"""Token positions: a soft band behind the nodes of every other one (the tokens: ``canvas.axis``)."""

from __future__ import annotations

from PySide6.QtCore import QRectF
from PySide6.QtGui import QColor, QPainter
from PySide6.QtWidgets import QGraphicsItem, QStyleOptionGraphicsItem, QWidget

from circuitviz.canvas.scene_geometry import SceneGeometry
from circuitviz.scene.theme import Theme, blend_hex

BAND_MARGIN = 12.0  # of a band, beyond its nodes


class ColumnBandsItem(QGraphicsItem):
    """All columns of a picture, below everything else."""

    def __init__(self) -> None:
        super().__init__()
        self.geometry: SceneGeometry | None = None
        self.theme: Theme | None = None
        self._bounds = QRectF()
        self.setZValue(-2)

    def show_geometry(self, geometry: SceneGeometry, theme: Theme) -> None:
        """Draw another picture's columns."""
        self.prepareGeometryChange()
        self.geometry, self.theme, self._bounds = geometry, theme, geometry.bounds
        self.setVisible(bool(geometry.scene.columns))
        self.update()

    def boundingRect(self) -> QRectF:
        """The picture's bounds."""
        return self._bounds

    def paint(
        self, painter: QPainter, option: QStyleOptionGraphicsItem, widget: QWidget | None = None
    ) -> None:
        """Bands."""
        if self.geometry is None or self.theme is None:
            return
        theme, whole = self.theme, self._bounds
        band = QColor(blend_hex(theme.line, theme.ground, 0.35))
        for number, column in enumerate(self.geometry.scene.columns):
            left, width = column.left - BAND_MARGIN, column.right - column.left + 2 * BAND_MARGIN
            if number % 2:
                painter.fillRect(QRectF(left, whole.top(), width, whole.height()), band)
