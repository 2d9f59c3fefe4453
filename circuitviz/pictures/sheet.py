"""How a picture lies on its sheet: circuit, legend below it, caption last."""

from __future__ import annotations

from PySide6.QtCore import QPointF, QRectF, QSizeF, Qt
from PySide6.QtGui import QColor, QPainter

from circuitviz.canvas.paint import bounds, font, legend_entries, paint_legend, paint_picture
from circuitviz.pictures.registry import Sheet

LINE = 19.0
MARGIN = 12.0


def size(sheet: Sheet) -> QSizeF:
    """Size of the sheet in scene units (1/96 inch)."""
    room = bounds(sheet.picture)
    below = len(legend_entries(sheet.picture)) * LINE + (LINE + 6 if sheet.caption else 0)
    return QSizeF(max(room.width(), 560.0), room.height() + below + MARGIN * 2)


def paint(sheet: Sheet, painter: QPainter, ground: bool = True) -> None:
    """Paint the sheet with its top left corner at the painter's origin."""
    whole, room = size(sheet), bounds(sheet.picture)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    if ground:
        painter.fillRect(QRectF(QPointF(0, 0), whole), QColor(sheet.theme.ground))
    painter.save()
    painter.translate(whole.width() / 2 - room.center().x(), -room.top())
    paint_picture(painter, sheet.picture, sheet.theme)
    painter.restore()
    y = room.height() + MARGIN
    y += paint_legend(painter, sheet.picture, sheet.theme, QPointF(24, y)) + 4
    if sheet.caption:
        painter.setFont(font(11))
        painter.setPen(QColor(sheet.theme.muted))
        line = QRectF(24, y, whole.width() - 48, LINE)
        painter.drawText(line, Qt.AlignmentFlag.AlignLeft, sheet.caption)
