"""Open groups: a soft ground below their nodes, so that what belongs together is seen where it stands."""

from __future__ import annotations

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QPainter, QPainterPath, QPainterPathStroker, QPen
from PySide6.QtWidgets import QGraphicsItem, QStyleOptionGraphicsItem, QWidget

from circuitviz.paint.circuit_painter import canvas_font, node_box
from circuitviz.scene.circuit_scene import CircuitScene, GroupFrame
from circuitviz.scene.spanning_tree import spanning_tree
from circuitviz.scene.theme import Theme

FRAME_MARGIN, BRIDGE_WIDTH = 9.0, 20.0  # around nodes, and how wide the way between them is, in scene units
NESTING_MARGIN = 14.0  # so much wider is what has another group within: room for that one's name


class GroupFramesItem(QGraphicsItem):
    """All open groups of a picture, the widest below."""

    def __init__(self) -> None:
        super().__init__()
        self.theme: Theme | None = None
        self.frame_paths: list[tuple[GroupFrame, QPainterPath]] = []
        self._bounds = QRectF()
        self.setZValue(-1)

    def show_scene(self, picture: CircuitScene, theme: Theme) -> None:
        """Draw another picture's groups."""
        self.prepareGeometryChange()
        self.theme = theme
        self.frame_paths = [(frame, frame_outline(picture, frame)) for frame in picture.frames]
        self._bounds = QRectF()
        for _, path in self.frame_paths:
            self._bounds = self._bounds.united(path.boundingRect().adjusted(-4, -24, 160, 4))
        self.update()

    def boundingRect(self) -> QRectF:
        """All groups, with room for their names."""
        return self._bounds

    def paint(
        self, painter: QPainter, option: QStyleOptionGraphicsItem, widget: QWidget | None = None
    ) -> None:
        """Ground and name of each group."""
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        for frame, path in self.frame_paths:
            if self.theme is not None:
                paint_group_frame(painter, frame, path, self.theme)


def frame_outline(picture: CircuitScene, frame: GroupFrame) -> QPainterPath:
    """The boxes of a group's nodes and the shortest ways that join them, as one shape."""
    there = [node for node in picture.nodes if set(node.members or (node.name,)) <= frame.nodes]
    margin = FRAME_MARGIN + NESTING_MARGIN * sum(other.nodes < frame.nodes for other in picture.frames)
    path = QPainterPath()
    path.setFillRule(Qt.FillRule.WindingFill)
    ways = QPainterPath()
    for one, two in spanning_tree([(node.x, -node.y) for node in there]):
        ways.moveTo(QPointF(there[one].x, -there[one].y))
        ways.lineTo(QPointF(there[two].x, -there[two].y))
    if not ways.isEmpty():
        stroker = QPainterPathStroker(QPen(Qt.GlobalColor.black, BRIDGE_WIDTH))
        stroker.setCapStyle(Qt.PenCapStyle.RoundCap)
        path = stroker.createStroke(ways)
    for node in there:
        around = QPainterPath()
        around.addRoundedRect(node_box(node).adjusted(-margin, -margin, margin, margin), 12, 12)
        path = path.united(around)
    return path.simplified()


def paint_group_frame(painter: QPainter, frame: GroupFrame, path: QPainterPath, theme: Theme) -> None:
    """The ground in the group's colour, its name at the upper left."""
    if path.isEmpty():
        return
    colour = QColor(frame.colour)
    fill = QColor(colour)
    fill.setAlphaF(0.20 if theme.is_dark else 0.13)
    line = QColor(colour)
    line.setAlphaF(0.55)
    painter.setPen(QPen(line, 1.2))
    painter.setBrush(fill)
    painter.drawPath(path)
    corners = [path.elementAt(i) for i in range(path.elementCount())]
    top = min(corners, key=lambda at: (round(at.y), at.x))
    painter.setFont(canvas_font(11, bold=True))
    ink = QColor(colour)
    painter.setPen(ink.lighter(150) if theme.is_dark else ink.darker(120))
    painter.drawText(QPointF(top.x, top.y - 5), frame.name)
