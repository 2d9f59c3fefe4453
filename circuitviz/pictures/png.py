"""PNG at three times the screen's resolution: for slides and messages."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtGui import QImage, QPainter

from circuitviz.pictures.registry import Sheet, pictures
from circuitviz.pictures.sheet import paint, size

SCALE = 3


class Png:
    """Portable Network Graphics."""

    suffix = ".png"

    def write(self, sheet: Sheet, path: Path) -> None:
        """Paint to a bitmap."""
        whole = size(sheet).toSize() * SCALE
        image = QImage(whole, QImage.Format.Format_ARGB32_Premultiplied)
        image.setDotsPerMeterX(round(96 * SCALE / 0.0254))
        image.setDotsPerMeterY(round(96 * SCALE / 0.0254))
        painter = QPainter(image)
        painter.scale(SCALE, SCALE)
        paint(sheet, painter)
        painter.end()
        if not image.save(str(path)):
            raise OSError(f"no PNG could be written to {path}")


pictures.register("png", summary="bitmap for slides and messages")(Png())
