"""What lies behind the nodes: bands of token positions, of layers from afar, and empty cells of a grid."""

from __future__ import annotations

from itertools import pairwise

from PySide6.QtCore import QRectF
from PySide6.QtGui import QColor, QPainter
from PySide6.QtWidgets import QStyleOptionGraphicsItem, QWidget

from circuitviz.canvas.picture_item import PictureItem
from circuitviz.canvas.scene_geometry import SceneGeometry
from circuitviz.paint.circuit_painter import FAR_ZOOM
from circuitviz.scene.theme import blend_hex

BAND_MARGIN = 12.0  # of a band, beyond its nodes
BAND_SHARE, CELL_SHARE = 0.35, 0.45  # of the theme's line colour, on the ground


class BackdropItem(PictureItem):
    """Lies below everything else; the tokens and layers are written by ``token_axis`` and ``layer_axis``."""

    def __init__(self) -> None:
        super().__init__(z=-2)

    def paint(
        self, painter: QPainter, option: QStyleOptionGraphicsItem, widget: QWidget | None = None
    ) -> None:
        """Bands and cells."""
        if self.geometry is None or self.theme is None:
            return
        theme, whole = self.theme, self._bounds
        band = QColor(blend_hex(theme.line, theme.ground, BAND_SHARE))
        scene = self.geometry.scene
        for column in () if scene.cells else scene.columns[1::2]:
            if scene.is_horizontal:
                area = QRectF(whole.left(), column.left, whole.width(), column.right - column.left)
            else:
                width = column.right - column.left + 2 * BAND_MARGIN
                area = QRectF(column.left - BAND_MARGIN, whole.top(), width, whole.height())
            painter.fillRect(area, band)
        if painter.worldTransform().m11() < FAR_ZOOM and not scene.columns:
            for low, high in layer_bands(self.geometry)[1::2]:
                layer = QRectF(whole.left(), low, whole.width(), high - low)
                if scene.is_horizontal:
                    layer = QRectF(low, whole.top(), high - low, whole.height())
                painter.fillRect(layer, band)
        painter.setPen(QColor(blend_hex(theme.line, theme.ground, CELL_SHARE)))
        painter.drawRects(list(self.geometry.empty_cells))


def layer_bands(geometry: SceneGeometry) -> list[tuple[float, float]]:
    """Where each layer begins and ends, half way to its neighbours: top and bottom, or left and right.

    In scene units, y downwards.
    """
    picture, whole = geometry.scene, geometry.bounds
    sign = 1 if picture.is_horizontal else -1
    places = sorted(sign * row.place for row in picture.layer_rows)
    middles = [(a + b) / 2 for a, b in pairwise(places)]
    ends = (whole.left(), whole.right()) if picture.is_horizontal else (whole.top(), whole.bottom())
    return list(pairwise([ends[0], *middles, ends[1]]))
