"""Open groups on the canvas: each is one path, painted twice."""

from __future__ import annotations

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QPainter, QPainterPath, QPainterPathStroker, QPen
from PySide6.QtWidgets import QGraphicsItem, QStyleOptionGraphicsItem, QWidget

from circuitviz.canvas.scene_geometry import SceneGeometry
from circuitviz.paint.circuit_painter import canvas_font
from circuitviz.paint.shape_painter import box_path
from circuitviz.scene.theme import Theme
from circuitviz.shapes.drawing import BoxShape
from circuitviz.shapes.group_frames import LINE_WIDTH, FrameMargins, FrameOutline, frame_outlines

CANVAS_MARGINS = FrameMargins(9.0, 9.0, 14.0, 20.0)
NAME_GAP = 5.0  # between a frame and its name above, in scene units


class GroupFramesItem(QGraphicsItem):
    """All open groups of a picture, the widest below."""

    def __init__(self) -> None:
        super().__init__()
        self.outlines: list[tuple[FrameOutline, QPainterPath]] = []
        self._bounds = QRectF()
        self.setZValue(-1)

    def show_geometry(self, geometry: SceneGeometry, theme: Theme) -> None:
        """Draw another picture's groups."""
        self.prepareGeometryChange()
        outlines = frame_outlines(geometry.scene, geometry.boxes, CANVAS_MARGINS, theme)
        self.outlines = [(outline, _outline_path(outline)) for outline in outlines]
        self._bounds = QRectF()
        for _, path in self.outlines:
            self._bounds = self._bounds.united(path.boundingRect().adjusted(-4, -4, 4, 4))
        self.update()

    def boundingRect(self) -> QRectF:
        """All groups."""
        return self._bounds

    def paint(
        self, painter: QPainter, option: QStyleOptionGraphicsItem, widget: QWidget | None = None
    ) -> None:
        """The ground of each group, which covers what its outline has within."""
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        for outline, path in self.outlines:
            painter.strokePath(path, QPen(QColor(outline.line), 2 * LINE_WIDTH))
            painter.fillPath(path, QColor(outline.fill))

    def paint_names(self, painter: QPainter) -> None:
        """The name of each group at its upper left, over edges and nodes."""
        painter.setFont(canvas_font(11, bold=True))
        for outline, _ in self.outlines:
            left, top, _, _ = min(outline.boxes, key=lambda box: (round(box[1]), box[0]))
            painter.setPen(QColor(outline.name_colour))
            painter.drawText(QPointF(left, top - NAME_GAP), outline.frame.name)


def _outline_path(outline: FrameOutline) -> QPainterPath:
    """The boxes of a group's nodes and the ways that join them."""
    path, ways = QPainterPath(), QPainterPath()
    for start, end in outline.ways:
        ways.moveTo(QPointF(*start))
        ways.lineTo(QPointF(*end))
    if not ways.isEmpty():
        path = QPainterPathStroker(QPen(Qt.GlobalColor.black, outline.way_width)).createStroke(ways)
    path.setFillRule(Qt.FillRule.WindingFill)
    for box in outline.boxes:
        path.addPath(box_path(BoxShape("", *box, "", "", shape="frame")))
    return path
