"""What lies behind the nodes: bands of token positions, of layers from afar, and empty cells of a grid."""

from __future__ import annotations

from itertools import pairwise

from PySide6.QtCore import QRectF
from PySide6.QtGui import QColor, QPainter
from PySide6.QtWidgets import QGraphicsItem, QStyleOptionGraphicsItem, QWidget

from circuitviz.canvas.scene_geometry import SceneGeometry
from circuitviz.paint.circuit_painter import FAR_ZOOM
from circuitviz.scene.theme import Theme, blend_hex

BAND_MARGIN = 12.0  # of a band, beyond its nodes
BAND_SHARE, CELL_SHARE = 0.35, 0.45  # of the theme's line colour, on the ground


class BackdropItem(QGraphicsItem):
    """Lies below everything else; the tokens and layers are written by ``token_axis`` and ``layer_axis``."""

    def __init__(self) -> None:
        super().__init__()
        self.geometry: SceneGeometry | None = None
        self.theme: Theme | None = None
        self._bounds = QRectF()
        self.setZValue(-2)

    def show_geometry(self, geometry: SceneGeometry, theme: Theme) -> None:
        """Belong to another picture."""
        self.prepareGeometryChange()
        self.geometry, self.theme, self._bounds = geometry, theme, geometry.bounds
        self.update()

    def boundingRect(self) -> QRectF:
        """The picture's bounds."""
        return self._bounds

    def paint(
        self, painter: QPainter, option: QStyleOptionGraphicsItem, widget: QWidget | None = None
    ) -> None:
        """Bands and cells."""
        if self.geometry is None or self.theme is None:
            return
        theme, whole = self.theme, self._bounds
        band = QColor(blend_hex(theme.line, theme.ground, BAND_SHARE))
        for number, column in enumerate(self.geometry.scene.columns):
            left, width = column.left - BAND_MARGIN, column.right - column.left + 2 * BAND_MARGIN
            if number % 2:
                painter.fillRect(QRectF(left, whole.top(), width, whole.height()), band)
        if painter.worldTransform().m11() < FAR_ZOOM and not self.geometry.scene.columns:
            for top, bottom in layer_bands(self.geometry)[1::2]:
                painter.fillRect(QRectF(whole.left(), top, whole.width(), bottom - top), band)
        painter.setPen(QColor(blend_hex(theme.line, theme.ground, CELL_SHARE)))
        painter.drawRects(list(self.geometry.empty_cells))


def layer_bands(geometry: SceneGeometry) -> list[tuple[float, float]]:
    """Top and bottom of each layer, half way to its neighbours, in scene units, y downwards."""
    heights = sorted(-row.y for row in geometry.scene.layer_rows)
    middles = [(a + b) / 2 for a, b in pairwise(heights)]
    return list(pairwise([geometry.bounds.top(), *middles, geometry.bounds.bottom()]))
