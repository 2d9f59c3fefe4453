"""PNG at a chosen resolution: for slides and messages."""

from __future__ import annotations

from PySide6.QtCore import QBuffer, QIODevice
from PySide6.QtGui import QColor, QImage, QPainter

from circuitviz.draw.registry import FigurePage, figure_formats
from circuitviz.errors import InputError
from circuitviz.paint.shape_painter import paint_drawing

MAX_SIDE_PX = 20_000  # dots of a side: above it, one bitmap needs more than a gigabyte


class PngFormat:
    """Portable Network Graphics."""

    suffix = ".png"

    def write(self, sheet: FigurePage) -> bytes:
        """The bitmap, with what reproduces it as text chunks."""
        image = render_bitmap(sheet, sheet.dpi / 72)
        image.setDotsPerMeterX(round(sheet.dpi / 0.0254))
        image.setDotsPerMeterY(round(sheet.dpi / 0.0254))
        image.setText("Title", sheet.title)
        image.setText("Software", "circuitviz")
        image.setText("Description", "\n".join(sheet.metadata_lines))
        buffer = QBuffer()
        buffer.open(QIODevice.OpenModeFlag.WriteOnly)
        if not image.save(buffer, "PNG"):  # type: ignore[call-overload]  # the stubs say bytes, PySide6 takes text
            raise InputError("This figure could not be made a PNG; fewer dots per inch would be right.")
        return bytes(buffer.data().data())


def render_bitmap(sheet: FigurePage, pixels_per_point: float) -> QImage:
    """A sheet at so many dots per point; InputError where that is too large."""
    wide, high = round(sheet.drawing.width * pixels_per_point), round(sheet.drawing.height * pixels_per_point)
    if max(wide, high) > MAX_SIDE_PX:
        raise InputError(
            f"A PNG of {wide:,} by {high:,} dots is too large; {MAX_SIDE_PX:,} a side is the most. "
            "Choose fewer dots per inch, or a vector format."
        )
    image = QImage(wide, high, QImage.Format.Format_ARGB32_Premultiplied)
    image.fill(QColor(0, 0, 0, 0))
    painter = QPainter(image)
    painter.scale(pixels_per_point, pixels_per_point)
    try:
        paint_drawing(sheet.drawing, painter)
    finally:
        painter.end()
    return image


figure_formats.register("png", summary="bitmap for slides and messages")(PngFormat())
