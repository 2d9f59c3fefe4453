"""SVG: text stays text, nothing becomes a bitmap."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import QRectF
from PySide6.QtGui import QPainter
from PySide6.QtSvg import QSvgGenerator

from circuitviz.pictures.registry import Sheet, pictures
from circuitviz.pictures.sheet import paint, size


class Svg:
    """Scalable Vector Graphics."""

    suffix = ".svg"

    def write(self, sheet: Sheet, path: Path) -> None:
        """Paint to SVG."""
        whole = size(sheet)
        generator = QSvgGenerator()
        generator.setFileName(str(path))
        generator.setSize(whole.toSize())
        generator.setViewBox(QRectF(0, 0, whole.width(), whole.height()))
        generator.setResolution(96)
        generator.setTitle(sheet.title)
        generator.setDescription(sheet.caption)
        painter = QPainter(generator)
        paint(sheet, painter)
        painter.end()


pictures.register("svg", summary="vector picture for the web and for editing")(Svg())
