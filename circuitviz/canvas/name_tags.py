"""Where boxes are too small for names, what is selected or pointed at has its name beside it, as on a map."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import islice

import numpy as np
from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QFontMetricsF, QPainter, QPen, QTransform

from circuitviz.paint.circuit_painter import canvas_font
from circuitviz.scene.circuit_scene import CircuitScene
from circuitviz.scene.theme import Theme

MAX_TAGGED_NODES = 12  # of more selected nodes none has a tag: they would hide the circuit
TAG_HEIGHT_PX = 20.0


def strongest_nodes(picture: CircuitScene) -> list[str]:
    """The most important nodes, the greatest last; input and logits, which stand at the ends, are none."""
    rows = np.argsort(picture.importance, kind="stable")[::-1].tolist()
    inner = (picture.nodes[row].name for row in rows if picture.nodes[row].layer is not None)
    return list(islice(inner, MAX_TAGGED_NODES))[::-1]


def paint_name_tags(
    painter: QPainter,
    picture: CircuitScene,
    theme: Theme,
    to_view: QTransform,
    area: QRectF,
    names: Iterable[str],
) -> None:
    """Names above some nodes, in the viewport's pixels, the last in any case; others where there is room.

    Of nodes at the upper end of ``area`` they are below.
    """
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setFont(canvas_font(12))
    metrics = QFontMetricsF(painter.font())
    placed: list[QRectF] = []
    for name in reversed([name for name in names if name in picture.by_name]):
        node = picture.by_name[name]
        text = f"{node.title} · {node.label}" if node.label and not node.members else node.title
        at = to_view.map(QPointF(node.x, -node.y))
        wide = metrics.horizontalAdvance(text) + 16
        tag = QRectF(at.x() - wide / 2, at.y() - 22 * to_view.m11() - TAG_HEIGHT_PX - 3, wide, TAG_HEIGHT_PX)
        if tag.top() < area.top():
            tag.moveTop(at.y() + 22 * to_view.m11() + 3)
        if not area.contains(at) or any(tag.intersects(other) for other in placed):
            continue
        tag.moveLeft(max(area.left() + 4, min(tag.left(), area.right() - wide - 4)))
        placed.append(tag)
        painter.setPen(QPen(QColor(theme.line), 1.0))
        painter.setBrush(QColor(theme.raised))
        painter.drawRoundedRect(tag, 6, 6)
        painter.setPen(QColor(theme.text))
        painter.drawText(tag, Qt.AlignmentFlag.AlignCenter, text)
