"""The shapes through a QPainter whose unit is the point: for PDF, PNG and the preview."""

from __future__ import annotations

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QFont, QPainter, QPainterPath, QPen, QPolygonF

from circuitviz.cancellation import check_cancelled
from circuitviz.shapes.drawing import (
    AreaShape,
    BoxShape,
    CurveShape,
    Drawing,
    DrawingShape,
    TextShape,
    arrow_head,
    shaft_points,
)
from circuitviz.shapes.text_metrics import METRICS_SIZE_PX, figure_font, text_width


def paint_drawing(drawing: Drawing, painter: QPainter) -> None:
    """Paint a drawing with its top left corner at the painter's origin; Stopped where that is asked for."""
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    if drawing.background:
        painter.fillRect(QRectF(0, 0, drawing.width, drawing.height), QColor(drawing.background))
    for shape in drawing.shapes:
        check_cancelled()
        paint_shape(painter, shape, drawing.font)


def paint_shape(painter: QPainter, shape: DrawingShape, font: str = "") -> None:
    """Paint one shape; ``font``: the family of a text."""
    if isinstance(shape, BoxShape):
        _paint_box(painter, shape)
    elif isinstance(shape, CurveShape):
        _paint_curve(painter, shape)
    elif isinstance(shape, AreaShape):
        _paint_area(painter, shape)
    else:
        _paint_text(painter, shape, font)


def box_path(box: BoxShape) -> QPainterPath:
    """A box's outline."""
    path = QPainterPath()
    if box.corners:
        path.addPolygon(QPolygonF([QPointF(*point) for point in box.corners]))
        path.closeSubpath()
    else:
        path.addRoundedRect(QRectF(box.x, box.y, box.width, box.height), box.radius, box.radius)
    return path


def _paint_box(painter: QPainter, box: BoxShape) -> None:
    pen = QPen(QColor(box.line_colour), box.line_width)
    if box.dashed:
        pen.setDashPattern([3.0, 2.0])
    painter.setPen(pen if box.line_width else Qt.PenStyle.NoPen)
    painter.setBrush(QColor(box.fill) if box.fill else Qt.BrushStyle.NoBrush)
    outer = painter.opacity()
    painter.setOpacity(outer * box.opacity)
    if box.corners:
        painter.drawPolygon(QPolygonF([QPointF(*point) for point in box.corners]))
    elif box.radius:
        painter.drawRoundedRect(QRectF(box.x, box.y, box.width, box.height), box.radius, box.radius)
    else:
        painter.drawRect(QRectF(box.x, box.y, box.width, box.height))
    painter.setOpacity(outer)


def _paint_area(painter: QPainter, area: AreaShape) -> None:
    colour = QColor(area.fill)
    colour.setAlphaF(area.opacity)
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(colour)
    painter.drawPolygon(QPolygonF([QPointF(*point) for point in area.points]))


def _paint_curve(painter: QPainter, curve: CurveShape) -> None:
    points = shaft_points(curve)
    colour = QColor(curve.colour)
    colour.setAlphaF(curve.opacity)
    pen = QPen(colour, curve.width, Qt.PenStyle.SolidLine, Qt.PenCapStyle.FlatCap)
    if curve.dash is not None:
        pen.setDashPattern([length / curve.width for length in curve.dash])
    painter.setPen(pen)
    painter.setBrush(Qt.BrushStyle.NoBrush)
    if curve.is_straight:  # a tenth of the time that Qt takes for cubic pieces
        painter.drawPolyline(QPolygonF([QPointF(*point) for point in points[::3]]))
    else:
        path = QPainterPath(QPointF(*points[0]))
        for i in range(1, len(points), 3):
            path.cubicTo(*(QPointF(*point) for point in points[i : i + 3]))
        painter.drawPath(path)
    if curve.arrow:
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(QColor(curve.end_colour or curve.colour))
        painter.drawPolygon(QPolygonF([QPointF(*point) for point in arrow_head(curve)]))


def _paint_text(painter: QPainter, text: TextShape, family: str) -> None:
    """Set in a large font and scaled down: sizes are points, whatever the device's resolution."""
    wide = text_width(text.text, family, text.size, text.bold)
    left = {"start": 0.0, "middle": wide / 2, "end": wide}[text.anchor]
    large: QFont = figure_font(family, 12, text.bold)
    large.setPixelSize(round(METRICS_SIZE_PX))
    painter.save()
    painter.translate(text.x, text.y)
    painter.rotate(text.rotation_deg)
    painter.translate(-left, 0)
    painter.scale(text.size / METRICS_SIZE_PX, text.size / METRICS_SIZE_PX)
    painter.setFont(large)
    painter.setPen(QColor(text.colour))
    painter.drawText(QPointF(0, 0), text.text)
    painter.restore()
