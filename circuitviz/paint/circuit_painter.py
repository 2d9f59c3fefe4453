"""One set of strokes draws the circuit in the window and in every exported picture."""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from math import ceil
from threading import get_ident

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import (
    QColor,
    QFont,
    QFontMetricsF,
    QGuiApplication,
    QPainter,
    QPainterPath,
    QPen,
    QPolygonF,
)

from circuitviz.graph import NodeKind
from circuitviz.scene.box_label import LINE_HEIGHT, TITLE_HEIGHT, layout_box_label
from circuitviz.scene.circuit_scene import CircuitScene, DrawnNode
from circuitviz.scene.edge_arrays import DrawnEdge
from circuitviz.scene.node_styles import corner_radius, style_colours, style_corners
from circuitviz.scene.theme import Theme, blend_hex

NODE_WIDTHS = dict.fromkeys(NodeKind, 84.0) | {
    NodeKind.HEAD: 66.0,
    NodeKind.MLP: 66.0,
    NodeKind.INPUT: 104.0,
    NodeKind.LOGITS: 104.0,
}
NODE_HEIGHT, LABELLED_NODE_HEIGHT = 32.0, 40.0
LABEL_MARGIN = 2.0  # of a label, on each side of it
PORT_OFFSETS = {"q": -0.3, "k": 0.0, "v": 0.3, "": 0.0}
REFERENCE_FONT_PT = (
    9.0  # points of text, for which boxes are made; they hold somewhat smaller and larger text too
)
MIN_FONT_SCALE, MAX_FONT_SCALE = 0.8, 1.3
MIN_TEXT_PX = 9.0  # of a name: where the zoom makes it smaller, it is written larger into its box
LABEL_FIT_ZOOM = 0.65  # pixels per scene unit, at which a label fits the box that is made for it
LEGIBLE_ZOOM = 0.6  # pixels per scene unit below which names of that size do not fit into boxes
CENTRED_UNCLIPPED = Qt.AlignmentFlag.AlignCenter | Qt.TextFlag.TextDontClip
FONT_FAMILIES = ("Inter", "Noto Sans", "Segoe UI", "Helvetica Neue", "DejaVu Sans")


def canvas_font(size: float, bold: bool = False, scale: float = 1.0) -> QFont:
    """The font of every drawn text: ``size`` in scene units, larger or smaller as the system's text is.

    ``scale``: pixels per scene unit; on the screen the text has at least ``MIN_TEXT_PX``.
    """
    points = QGuiApplication.font().pointSizeF()
    share = min(MAX_FONT_SCALE, max(MIN_FONT_SCALE, points / REFERENCE_FONT_PT)) if points > 0 else 1.0
    return _cached_font(max(round(size * share), ceil(MIN_TEXT_PX / scale - 1e-9)), bold, get_ident())


@lru_cache(maxsize=64)
def _cached_font(size: int, bold: bool, thread: int) -> QFont:  # noqa: ARG001 - a key of the cache
    """Of one thread alone: fonts share what they load without a lock."""
    made = QFont()
    made.setFamilies(list(FONT_FAMILIES))
    made.setPixelSize(size)
    made.setBold(bold)
    return made


def node_box(node: DrawnNode) -> QRectF:
    """Where a node is drawn, in scene coordinates (y downwards)."""
    if node.members:
        size = layout_box_label(node.title, node.members)
        return QRectF(node.x - size.width / 2, -node.y - size.height / 2, size.width, size.height)
    width = NODE_WIDTHS[node.kind]
    if node.label:
        text = QFontMetricsF(canvas_font(10, scale=LABEL_FIT_ZOOM)).horizontalAdvance(node.label)
        width = max(width, min(node.max_width, text + 12))
    height = LABELLED_NODE_HEIGHT if node.label else NODE_HEIGHT
    return QRectF(node.x - width / 2, -node.y - height / 2, width, height)


def label_rect(rect: QRectF) -> QRectF:
    """Where the label is written in the box of a node: the lower half."""
    return rect.adjusted(LABEL_MARGIN, rect.height() / 2 - 1, -LABEL_MARGIN, -1)


def edge_path(picture: CircuitScene, edge: DrawnEdge) -> QPainterPath:
    """The curve from the top of the sender to the port of the receiver."""
    return _vertical_curve(*edge_ends(picture, edge))


def _vertical_curve(start: QPointF, end: QPointF) -> QPainterPath:
    rise = (start.y() - end.y()) * 0.45
    path = QPainterPath(start)
    path.cubicTo(start - QPointF(0, rise), end + QPointF(0, rise), end)
    return path


def edge_ends(picture: CircuitScene, edge: DrawnEdge) -> tuple[QPointF, QPointF]:
    """Start and end of an edge; q, k and v enter a head left, in the middle and right."""
    sender, node = node_box(picture.by_name[edge.sender]), node_box(picture.by_name[edge.receiver])
    at = node.center().x() + PORT_OFFSETS[edge.channel] * NODE_WIDTHS[picture.by_name[edge.receiver].kind]
    return QPointF(sender.center().x(), sender.top()), QPointF(at, node.bottom())


def edge_pen(edge: DrawnEdge, theme: Theme) -> QPen:
    """Blue and solid helps, orange and dashed hurts; wider and stronger by |score|."""
    colour = QColor(side_colour(edge.side, theme) or (theme.positive if edge.score >= 0 else theme.negative))
    share = edge.strength**0.5
    colour.setAlphaF(0.30 + 0.65 * share)
    if edge.ablated:
        colour = QColor(theme.muted)
        colour.setAlphaF(0.35)
    colour.setAlphaF(colour.alphaF() * edge.opacity)
    pen = QPen(colour, 0.8 + 4.0 * share)
    pen.setCapStyle(Qt.PenCapStyle.FlatCap)
    if edge.ablated:
        pen.setWidthF(1.0)
        pen.setStyle(Qt.PenStyle.DotLine)
    elif edge.side == "right" or (edge.score < 0 and not edge.side):
        pen.setDashPattern([4, 1.6])
    return pen


def side_colour(side: str, theme: Theme) -> str:
    """Of two circuits that are compared: grey for what both have; empty where none is compared."""
    colours = {"both": theme.muted, "left": theme.positive, "right": theme.negative}
    return colours.get(side, "")


def paint_edges(painter: QPainter, picture: CircuitScene, theme: Theme, edges: Iterable[DrawnEdge]) -> None:
    """Edges with a dot at their port in the channel's colour."""
    tints = {"q": theme.query, "k": theme.key, "v": theme.value}
    for edge in edges:
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.setPen(edge_pen(edge, theme))
        start, end = edge_ends(picture, edge)
        painter.drawPath(_vertical_curve(start, end))
        if edge.channel and edge.opacity > 0.3:
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(QColor(tints[edge.channel]))
            painter.drawEllipse(end, 2.3, 2.3)


def paint_node(
    painter: QPainter,
    node: DrawnNode,
    theme: Theme,
    *,
    is_selected: bool = False,
    is_hovered: bool = False,
    scale: float = 1.0,
    omits_position: bool = False,
) -> None:
    """Each kind in its shape (``canvas.kinds``); ablated is a ghost.

    ``scale``: pixels per scene unit; below ``LEGIBLE_ZOOM`` without its name. ``omits_position``: its name without the
    position, which is told by where it stands.
    """
    rect = node_box(node)
    fill, line_colour = style_colours(node.style, theme)
    alone = side_colour(node.side, theme) if node.side in ("left", "right") else ""
    line = QColor(alone or node.colour or line_colour)
    if node.members:
        fill = blend_hex(node.colour, theme.ground, 0.16)
    painter.save()
    if node.ablated:
        painter.setOpacity(0.55)
    pen = QPen(line, 2.0 if node.colour or alone else 1.3)
    if node.ablated or node.side == "right":
        pen.setStyle(Qt.PenStyle.DashLine)
    if is_selected or is_hovered:
        ring = QPen(QColor(theme.accent), 2.4 if is_selected else 1.6)
        painter.setPen(ring)
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.drawPath(node_outline(node.style, rect.adjusted(-3.5, -3.5, 3.5, 3.5)))
    painter.setPen(pen)
    painter.setBrush(QColor(theme.ground if node.ablated else fill))
    painter.drawPath(node_outline(node.style, rect))
    painter.setPen(QColor(theme.text))
    small = "@" in node.name  # a longer name, and there are many of them
    title = node.title.partition("@")[0] if omits_position and node.title == node.name else node.title
    painter.setFont(canvas_font(11 if small else 12, node.kind in (NodeKind.INPUT, NodeKind.LOGITS), scale))
    if scale < LEGIBLE_ZOOM:
        pass
    elif node.members:
        paint_box_label(painter, node, rect, theme, scale)
    elif node.label:
        below = label_rect(rect)
        _paint_name(painter, rect.adjusted(0, 1, 0, 1 - rect.height() / 2), title, scale)
        painter.setFont(canvas_font(10, scale=scale))
        metrics = QFontMetricsF(painter.font())
        text = metrics.elidedText(node.label, Qt.TextElideMode.ElideRight, below.width())
        painter.drawText(below, CENTRED_UNCLIPPED, text)
    else:
        _paint_name(painter, rect, title, scale)
    if node.ablated:
        painter.setPen(QPen(QColor(theme.warning), 1.6))
        painter.drawLine(rect.bottomLeft() + QPointF(5, -5), rect.topRight() + QPointF(-5, 5))
    if node.pinned:
        paint_pin(painter, theme, rect.topRight() + QPointF(-2, 0))
    painter.restore()


def paint_pin(painter: QPainter, theme: Theme, at: QPointF) -> None:
    """A round-headed pin whose head is at a point: its file's viewer had the node pinned."""
    painter.setPen(QPen(QColor(theme.text), 1.2))
    painter.drawLine(at, at + QPointF(-3, 8))
    painter.setBrush(QColor(theme.accent))
    painter.drawEllipse(at, 3.4, 3.4)


def _paint_name(painter: QPainter, rect: QRectF, text: str, scale: float) -> None:
    """A name in the middle of its box, smaller where it is long, cut where it is longer than that."""
    room = rect.width() - 8 if scale >= 1 else rect.width() - 4
    if QFontMetricsF(painter.font()).horizontalAdvance(text) > room:
        painter.setFont(canvas_font(9, painter.font().bold(), scale))
        text = QFontMetricsF(painter.font()).elidedText(text, Qt.TextElideMode.ElideRight, room + 4)
    painter.drawText(rect, CENTRED_UNCLIPPED, text)


def paint_box_label(
    painter: QPainter, node: DrawnNode, rect: QRectF, theme: Theme, scale: float = 1.0
) -> None:
    """A group's name and what it holds, in the middle of its box; the name alone if lines were too small."""
    written = layout_box_label(node.title, node.members)
    y = rect.top() + 6
    if 11 * scale < MIN_TEXT_PX:
        painter.setFont(canvas_font(13, bold=True, scale=scale))
        painter.setPen(QColor(theme.text))
        painter.drawText(rect.adjusted(2, 2, -2, -2), CENTRED_UNCLIPPED, "\n".join(written.title))
        return
    for lines, size, high in ((written.title, 13, TITLE_HEIGHT), (written.lines, 11, LINE_HEIGHT)):
        painter.setFont(canvas_font(size, bold=lines is written.title))
        painter.setPen(QColor(theme.text))
        for line in lines:
            painter.drawText(QRectF(rect.left(), y, rect.width(), high), Qt.AlignmentFlag.AlignCenter, line)
            y += high


def node_outline(style: str, rect: QRectF) -> QPainterPath:
    """The shape that tells a kind of node."""
    path = QPainterPath()
    points = style_corners(style, rect.left(), rect.top(), rect.width(), rect.height())
    if points:
        path.addPolygon(QPolygonF([QPointF(*point) for point in points]))
        path.closeSubpath()
    else:
        radius = corner_radius(style, rect.height())
        path.addRoundedRect(rect, radius, radius)
    return path
