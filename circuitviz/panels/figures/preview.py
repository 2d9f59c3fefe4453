"""A sheet as it will be printed, scaled to the room there is."""

from __future__ import annotations

from PySide6.QtGui import QColor, QPainter, QPaintEvent, QPixmap, QResizeEvent
from PySide6.QtWidgets import QSizePolicy, QWidget

from circuitviz.pictures import Sheet
from circuitviz.pictures.png import bitmap


class Preview(QWidget):
    """A sheet scaled to the room there is, on a desk darker than the paper."""

    def __init__(self) -> None:
        super().__init__()
        self.sheet: Sheet | None = None
        self.setMinimumSize(360, 360)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.setAccessibleName("Preview of the figure")
        self._made = QPixmap()

    def show_sheet(self, sheet: Sheet | None) -> None:
        """Show another sheet, or nothing."""
        self.sheet = sheet
        self._render()

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: N802
        """Fit again."""
        self._render()

    def _render(self) -> None:
        self._made = QPixmap()
        if self.sheet is not None:
            drawing, ratio = self.sheet.drawing, self.devicePixelRatioF()
            dots = min((self.width() - 32) / drawing.width, (self.height() - 32) / drawing.height)
            self._made = QPixmap.fromImage(bitmap(self.sheet, max(dots, 0.1) * ratio))
            self._made.setDevicePixelRatio(ratio)
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: N802
        """Desk, paper, figure; a figure without ground lies on squares."""
        painter = QPainter(self)
        painter.fillRect(self.rect(), QColor("#8a919c"))
        if self._made.isNull() or self.sheet is None:
            return
        size = self._made.deviceIndependentSize().toSize()
        left, top = (self.width() - size.width()) // 2, (self.height() - size.height()) // 2
        if not self.sheet.drawing.ground:
            painter.setClipRect(left, top, size.width(), size.height())
            painter.fillRect(left, top, size.width(), size.height(), QColor("#ffffff"))
            for x in range(left, left + size.width(), 16):
                for y in range(top, top + size.height(), 16):
                    shade = QColor("#e4e6ea")
                    painter.fillRect(x, y, 8, 8, shade)
                    painter.fillRect(x + 8, y + 8, 8, 8, shade)
        painter.drawPixmap(left, top, self._made)
