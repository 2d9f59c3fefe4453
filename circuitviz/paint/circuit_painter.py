"""The window's circuit: the shapes that figures are made of, and names that stay readable at every zoom."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import lru_cache, partial
from math import ceil
from threading import get_ident

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QFont, QFontMetricsF, QGuiApplication, QPainter, QPainterPath

from circuitviz.graph import NodeKind
from circuitviz.paint.shape_painter import box_path, paint_shape
from circuitviz.scene.box_label import LINE_HEIGHT, TITLE_HEIGHT, layout_box_label
from circuitviz.scene.circuit_scene import LABELLED_NODE_HEIGHT, DrawnNode
from circuitviz.scene.edge_arrays import IndexArray
from circuitviz.scene.edge_curves import EdgeCurves
from circuitviz.scene.theme import Theme
from circuitviz.shapes.drawing import BoxShape, CurveShape
from circuitviz.shapes.edge_styles import EdgeStyles
from circuitviz.shapes.node_shapes import (
    LABEL_INSET,
    BoxRect,
    label_lines,
    node_shapes,
    node_size,
    one_line_text,
    title_colour,
    wrap_label,
)
from circuitviz.shapes.text_metrics import SCREEN_FONT_FAMILIES

DOT_RADIUS = 2.3  # at the end of an edge that enters q, k or v, in scene units
HALO_WIDTH, HALO_OPACITY = 9.0, 0.35  # of a selected edge, in scene units
RING_GAP = 3.5  # from a node to the ring about it
REFERENCE_FONT_PT = (
    9.0  # points of text, for which boxes are made; they hold somewhat smaller and larger text too
)
MIN_FONT_SCALE, MAX_FONT_SCALE = 0.8, 1.3
MIN_TEXT_PX = 9.0  # of a name: where the zoom makes it smaller, it is written larger into its box
LABEL_FIT_ZOOM = 0.6  # pixels per scene unit, the least at which a label is written: it fits its box there
LEGIBLE_ZOOM = 0.6  # pixels per scene unit below which names of that size do not fit into boxes
MIN_PACKED_FONT = 4.0  # scene units of a name in a small box, which is read from near
CELL_INSET = 2.0  # scene units of a cell of a grid that its text leaves free, both sides together
LINE_PITCH, MIN_LINE_PITCH = 1.15, 0.95  # from line to line in a cell, in heights of the font
MIN_CUT_NAME_PX = 34.0  # pixels that a cut name takes in a packed box; below that it has none
FAR_ZOOM = 0.36  # pixels per scene unit below which boxes tell importance instead of kinds
CENTRED_UNCLIPPED = Qt.AlignmentFlag.AlignCenter | Qt.TextFlag.TextDontClip


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
    made.setFamilies(list(SCREEN_FONT_FAMILIES))
    made.setPixelSize(size)
    made.setBold(bold)
    return made


def label_measure() -> Callable[[str], float]:
    """What tells how wide a label is written, in scene units, at the zoom for which boxes are made."""
    return QFontMetricsF(canvas_font(10, scale=LABEL_FIT_ZOOM)).horizontalAdvance


def node_box(node: DrawnNode) -> QRectF:
    """Where a node is drawn, in scene coordinates (y downwards)."""
    width, height = node_size(node, label_measure())
    return QRectF(node.x - width / 2, -node.y - height / 2, width, height)


def label_rect(rect: QRectF) -> QRectF:
    """Where the label is written in the box of a node: below the line of its name."""
    return rect.adjusted(LABEL_INSET / 2, LABELLED_NODE_HEIGHT / 2 - 1, -LABEL_INSET / 2, -1)


def edge_steps(
    curves: EdgeCurves, styles: EdgeStyles, rows: IndexArray
) -> Iterator[Callable[[QPainter], None]]:
    """What paints each of some edges, with a dot at its port in the ink of its input."""
    for row, points in zip(rows.tolist(), curves.cubics(rows), strict=True):
        yield partial(_paint_edge, styles.line(row, points))


def _paint_edge(line: CurveShape, painter: QPainter) -> None:
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    paint_shape(painter, line)
    if line.end_colour:
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(QColor(line.end_colour))
        painter.drawEllipse(QPointF(*line.points[-1]), DOT_RADIUS, DOT_RADIUS)


def halo_steps(
    curves: EdgeCurves, styles: EdgeStyles, rows: IndexArray, theme: Theme
) -> Iterator[Callable[[QPainter], None]]:
    """What paints the halo of each of some edges, which are selected."""
    for row, points in zip(rows.tolist(), curves.cubics(rows), strict=True):
        line = styles.line(row, points)
        halo = replace(line, colour=theme.accent, width=HALO_WIDTH, opacity=HALO_OPACITY, dash=None)
        yield partial(paint_shape, shape=halo)


def paint_node(
    painter: QPainter,
    node: DrawnNode,
    theme: Theme,
    *,
    is_selected: bool = False,
    is_hovered: bool = False,
    scale: float = 1.0,
    omits_position: bool = False,
    heat: float | None = None,
) -> None:
    """A node's shapes, and its name and label where they can be read.

    ``scale``: pixels per scene unit; below ``LEGIBLE_ZOOM`` without its name. ``omits_position``: its name
    without the position, which is told by where it stands. ``heat``: its importance, which fills its box
    in a grid of cells, and below ``FAR_ZOOM`` everywhere.
    """
    rect = node_box(node)
    heat = heat if node.cell is not None or scale < FAR_ZOOM else None
    painter.save()
    if is_selected or is_hovered:
        ring = _box_rect(rect.adjusted(-RING_GAP, -RING_GAP, RING_GAP, RING_GAP))
        width = 2.4 if is_selected else 1.6
        paint_shape(painter, BoxShape("ring", *ring, "", theme.accent, width, node.shape))
    for shape in node_shapes(node, _box_rect(rect), theme, heat=heat):
        paint_shape(painter, shape)
    painter.setPen(QColor(title_colour(node, theme, heat)))
    small = "@" in node.name  # a longer name, and there are many of them
    title = node.title_without_position if omits_position else node.title
    painter.setFont(canvas_font(11 if small else 12, scale=scale))
    if scale < LEGIBLE_ZOOM:
        pass
    elif node.box is not None:
        text, font = _packed_name(node, scale)
        painter.setFont(font)
        painter.drawText(rect, CENTRED_UNCLIPPED, text)
    elif node.cell is not None:
        lines, font = _cell_text(node, scale)
        painter.setFont(font)
        pitch = min(LINE_PITCH * font.pixelSize(), rect.height() / max(1, len(lines)))
        top = rect.center().y() - pitch * len(lines) / 2
        for number, line in enumerate(lines):
            place = QRectF(rect.left(), top + number * pitch, rect.width(), pitch)
            painter.drawText(place, CENTRED_UNCLIPPED, line)
    elif node.members:
        paint_box_label(painter, node, rect, scale)
    elif node.label and node.is_one_line:
        both, font = one_line_text(node), canvas_font(10, scale=scale)
        fits = QFontMetricsF(font).horizontalAdvance(both) <= rect.width() - LABEL_INSET
        painter.setFont(font if fits else painter.font())
        _paint_name(painter, rect, both if fits else title, scale)
    elif node.label:
        lines = label_lines(node, label_measure())
        below = label_rect(rect)
        _paint_name(painter, QRectF(rect.topLeft(), below.topRight()).translated(0, 2), title, scale)
        painter.setFont(canvas_font(10, scale=scale))
        metrics, height = QFontMetricsF(painter.font()), below.height() / len(lines)
        for number, line in enumerate(lines):
            place = QRectF(below.left(), below.top() + number * height, below.width(), height)
            text = metrics.elidedText(line, Qt.TextElideMode.ElideRight, place.width())
            painter.drawText(place, CENTRED_UNCLIPPED, text)
    else:
        _paint_name(painter, rect, title, scale)
    painter.restore()


def has_written_name(node: DrawnNode, scale: float) -> bool:
    """Whether ``paint_node`` writes a node's name, whole or cut, at a zoom."""
    if scale < LEGIBLE_ZOOM:
        return False
    if node.cell is not None:
        return bool(_cell_text(node, scale)[0])
    return node.box is None or bool(_packed_name(node, scale)[0])


def _cell_text(node: DrawnNode, scale: float) -> tuple[list[str], QFont]:
    """The lines in a cell of a grid, and their font: name and label, both whole where there is room.

    In narrow cells the name breaks at its dot; what has no room there is left out: axes tell layer and head.
    """
    assert node.cell is not None
    room, title = node.cell[0] - CELL_INSET, node.title
    names = [[title], *([title.split(".")] if node.layer is not None and "." in title else [])]
    names.append([node.title_in_cell])
    fonts = [canvas_font(size, scale=scale) for size in (12, 11, 10, MIN_PACKED_FONT)]
    for font in fonts:
        width = QFontMetricsF(font).horizontalAdvance
        label = wrap_label(node.label, room, len(node.label), width) if node.label else []
        for name in names[:2]:
            if _fit_cell(node, [*name, *label], font):
                return [*name, *label], font
    for font, name in ((font, name) for font in fonts for name in names):
        if not _fit_cell(node, name, font):
            continue
        n_lines = int(node.cell[1] / font.pixelSize() / MIN_LINE_PITCH) - len(name)
        if not node.label or n_lines < 1 or node.cell[0] * scale < MIN_CUT_NAME_PX:
            return name, font
        metrics = QFontMetricsF(fonts[-1])
        label = wrap_label(node.label, room, n_lines, metrics.horizontalAdvance)
        return [*name, *(metrics.elidedText(x, Qt.TextElideMode.ElideRight, room) for x in label)], fonts[-1]
    return [], fonts[-1]


def _fit_cell(node: DrawnNode, lines: list[str], font: QFont) -> bool:
    assert node.cell is not None
    widest = max(map(QFontMetricsF(font).horizontalAdvance, lines))
    return (
        widest <= node.cell[0] - CELL_INSET and len(lines) * MIN_LINE_PITCH * font.pixelSize() <= node.cell[1]
    )


def _packed_name(node: DrawnNode, scale: float) -> tuple[str, QFont]:
    """What is written in a packed box and how large: the label or the name alone where both have no room."""
    assert node.box is not None
    room, titles = node.box[0] - LABEL_INSET, [node.title_in_cell]
    if node.kind in (NodeKind.HEAD, NodeKind.MLP):
        titles.insert(0, node.title_without_position)
    texts = [*(f"{title} · {node.label}" for title in titles), node.label] if node.label else titles
    font = canvas_font(11, scale=scale)
    for text in texts:
        for size in (11, MIN_PACKED_FONT):
            font = canvas_font(size, scale=scale)
            if QFontMetricsF(font).horizontalAdvance(text) <= room:
                return text, font
    if node.label and node.kind in (NodeKind.HEAD, NodeKind.MLP):  # its colour tells its class
        for text in titles:
            if QFontMetricsF(font).horizontalAdvance(text) <= room:
                return text, font
    if node.box[0] * scale < MIN_CUT_NAME_PX:
        return "", font
    return QFontMetricsF(font).elidedText(texts[-1], Qt.TextElideMode.ElideRight, room), font


def _paint_name(painter: QPainter, rect: QRectF, text: str, scale: float) -> None:
    """A name in the middle of its box, smaller where it is long, cut where it is longer than that."""
    room = rect.width() - 8 if scale >= 1 else rect.width() - 4
    if QFontMetricsF(painter.font()).horizontalAdvance(text) > room:
        painter.setFont(canvas_font(9, scale=scale))
        text = QFontMetricsF(painter.font()).elidedText(text, Qt.TextElideMode.ElideRight, room + 4)
    painter.drawText(rect, CENTRED_UNCLIPPED, text)


def paint_box_label(painter: QPainter, node: DrawnNode, rect: QRectF, scale: float = 1.0) -> None:
    """A group's name and what it holds, in the middle of its box; the name alone if lines were too small."""
    written = layout_box_label(node.title, node.members)
    y = rect.top() + 6
    if 11 * scale < MIN_TEXT_PX:
        painter.setFont(canvas_font(13, bold=True, scale=scale))
        painter.drawText(rect.adjusted(2, 2, -2, -2), CENTRED_UNCLIPPED, "\n".join(written.title))
        return
    for lines, size, high in ((written.title, 13, TITLE_HEIGHT), (written.lines, 11, LINE_HEIGHT)):
        painter.setFont(canvas_font(size, bold=lines is written.title))
        for line in lines:
            painter.drawText(QRectF(rect.left(), y, rect.width(), high), Qt.AlignmentFlag.AlignCenter, line)
            y += high


def node_outline(style: str, rect: QRectF) -> QPainterPath:
    """The shape that tells a kind of node."""
    return box_path(BoxShape("", *_box_rect(rect), "", "", shape=style))


def _box_rect(rect: QRectF) -> BoxRect:
    return rect.x(), rect.y(), rect.width(), rect.height()
