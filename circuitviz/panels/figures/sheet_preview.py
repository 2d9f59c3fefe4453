"""The preview of a figure page, scaled to the widget."""

from __future__ import annotations

from PySide6.QtCore import QRect, Qt, Signal
from PySide6.QtGui import QColor, QImage, QPainter, QPaintEvent, QPixmap, QResizeEvent
from PySide6.QtWidgets import QSizePolicy, QWidget

from circuitviz.draw.registry import FigurePage

MARGIN_PX = 16  # around the paper


class SheetPreview(QWidget):
    """Shows a figure page on a darker ground.

    The page is drawn elsewhere, at the size that ``available_pixels`` gives. After ``resized`` the last
    drawing is stretched until the page is drawn again.
    """

    resized = Signal()

    def __init__(self) -> None:
        super().__init__()
        self.sheet: FigurePage | None = None
        self.setMinimumSize(360, 360)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.setAccessibleName("Preview of the figure")
        self._pixmap = QPixmap()

    @property
    def available_pixels(self) -> tuple[float, float]:
        """Width and height for the paper, in device pixels."""
        ratio = self.devicePixelRatioF()
        return (self.width() - 2 * MARGIN_PX) * ratio, (self.height() - 2 * MARGIN_PX) * ratio

    def show_sheet(self, sheet: FigurePage | None, image: QImage | None = None) -> None:
        """Show a page, drawn as ``image``; None: nothing."""
        self.sheet = sheet
        self._pixmap = QPixmap() if image is None else QPixmap.fromImage(image)
        self.update()

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Ask for a bitmap of the new size."""
        if self.sheet is not None:
            self.resized.emit()

    def paintEvent(self, event: QPaintEvent) -> None:
        """Paint ground and page; a transparent figure lies on a chequered ground."""
        painter = QPainter(self)
        painter.fillRect(self.rect(), QColor("#8a919c"))
        if self._pixmap.isNull() or self.sheet is None:
            return
        width, height = self.available_pixels
        size = self._pixmap.size().scaled(round(width), round(height), Qt.AspectRatioMode.KeepAspectRatio)
        size /= self.devicePixelRatioF()
        left, top = (self.width() - size.width()) // 2, (self.height() - size.height()) // 2
        if not self.sheet.drawing.background:
            painter.setClipRect(left, top, size.width(), size.height())
            painter.fillRect(left, top, size.width(), size.height(), QColor("#ffffff"))
            for x in range(left, left + size.width(), 16):
                for y in range(top, top + size.height(), 16):
                    shade = QColor("#e4e6ea")
                    painter.fillRect(x, y, 8, 8, shade)
                    painter.fillRect(x + 8, y + 8, 8, 8, shade)
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
        painter.drawPixmap(QRect(left, top, size.width(), size.height()), self._pixmap)
