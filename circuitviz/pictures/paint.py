"""The shapes through a QPainter whose unit is the point: for PDF, PNG and the preview."""

from __future__ import annotations

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QFont, QPainter, QPainterPath, QPen, QPolygonF

from circuitviz.pictures.drawing import Area, Box, Curve, Drawing, Text, arrow_head, dash_of, shaft
from circuitviz.pictures.measure import FINE, font, width
from circuitviz.stopping import pause


def paint(drawing: Drawing, painter: QPainter) -> None:
    """Paint a drawing with its top left corner at the painter's origin; Stopped where that is asked for."""
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    if drawing.ground:
        painter.fillRect(QRectF(0, 0, drawing.width, drawing.height), QColor(drawing.ground))
    for shape in drawing.shapes:
        pause()
        if isinstance(shape, Box):
            _box(painter, shape)
        elif isinstance(shape, Curve):
            _curve(painter, shape)
        elif isinstance(shape, Area):
            _area(painter, shape)
        else:
            _text(painter, shape, drawing.font)


def _box(painter: QPainter, box: Box) -> None:
    pen = QPen(QColor(box.line), box.line_width)
    if box.dashed:
        pen.setDashPattern([3.0, 2.0])
    painter.setPen(pen if box.line_width else Qt.PenStyle.NoPen)
    painter.setBrush(QColor(box.fill) if box.fill else Qt.BrushStyle.NoBrush)
    painter.setOpacity(box.opacity)
    place = QRectF(box.x, box.y, box.width, box.height)
    if box.corners:
        painter.drawPolygon(QPolygonF([QPointF(*point) for point in box.corners]))
    elif box.radius:
        painter.drawRoundedRect(place, box.radius, box.radius)
    else:
        painter.drawRect(place)
    painter.setOpacity(1.0)


def _area(painter: QPainter, area: Area) -> None:
    colour = QColor(area.fill)
    colour.setAlphaF(area.opacity)
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(colour)
    painter.drawPolygon(QPolygonF([QPointF(*point) for point in area.points]))


def _curve(painter: QPainter, curve: Curve) -> None:
    points = [QPointF(*point) for point in shaft(curve)]
    path = QPainterPath(points[0])
    for i in range(1, len(points), 3):
        path.cubicTo(*points[i : i + 3])
    colour = QColor(curve.colour)
    colour.setAlphaF(curve.opacity)
    pen = QPen(colour, curve.width, Qt.PenStyle.SolidLine, Qt.PenCapStyle.FlatCap)
    if (dash := dash_of(curve)) is not None:
        pen.setDashPattern([length / curve.width for length in dash])
    painter.setPen(pen)
    painter.setBrush(Qt.BrushStyle.NoBrush)
    painter.drawPath(path)
    if curve.arrow:
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(colour)
        painter.drawPolygon(QPolygonF([QPointF(*point) for point in arrow_head(curve)]))


def _text(painter: QPainter, text: Text, family: str) -> None:
    """Set in a large font and scaled down: sizes are points, whatever the device's resolution."""
    wide = width(text.text, family, text.size, text.bold)
    left = {"start": 0.0, "middle": wide / 2, "end": wide}[text.anchor]
    large: QFont = font(family, 12, text.bold)
    large.setPixelSize(round(FINE))
    painter.save()
    painter.translate(text.x, text.y)
    painter.rotate(text.turn)
    painter.translate(-left, 0)
    painter.scale(text.size / FINE, text.size / FINE)
    painter.setFont(large)
    painter.setPen(QColor(text.colour))
    painter.drawText(QPointF(0, 0), text.text)
    painter.restore()
