"""Numbers of layers at the edge of the canvas, beside their rows: they stay in sight however one scrolls."""

from __future__ import annotations

from collections.abc import Set
from itertools import pairwise

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QFontMetricsF, QPainter, QTransform

from circuitviz.paint.circuit_painter import canvas_font
from circuitviz.scene.circuit_scene import CircuitScene
from circuitviz.scene.theme import Theme, blend_hex

FONT_SIZE_PX = 11.0
AXIS_WIDTH_PX = 34.0  # pixels at the left edge
MIN_SPACING_PX = 12.5  # pixels between two numbers; layers that are nearer to each other have none
STEPS = (1, 2, 4, 5, 10, 20, 50)  # every so many layers have a number
TICK_PX = 4.0
TITLE = "Layer"


def layer_axis_width(picture: CircuitScene) -> float:
    """Pixels that the axis takes; nothing where there are no two layers to tell apart."""
    return AXIS_WIDTH_PX if len(picture.layer_rows) > 1 else 0.0


def labelled_layers(picture: CircuitScene, scale: float, highlighted: Set[int] = frozenset()) -> list[int]:
    """Layers whose numbers have room at a zoom: highlighted ones, else those with heads before the others.

    Where rows are near to each other, only every second, fourth, fifth … layer.
    """
    heights = {row.layer: row.y * scale for row in picture.layer_rows}
    levels = sorted(heights.values())
    typical = sorted(b - a for a, b in pairwise(levels))[(len(levels) - 1) // 2] if len(levels) > 1 else 0.0
    step = next((step for step in STEPS if step * typical >= MIN_SPACING_PX), STEPS[-1])
    order = sorted(picture.layer_rows, key=lambda row: (row.layer not in highlighted, not row.has_heads))
    kept: list[int] = []
    for layer in (row.layer for row in order if row.layer in highlighted or row.layer % step == 0):
        if all(abs(heights[layer] - heights[other]) >= MIN_SPACING_PX for other in kept):
            kept.append(layer)
    return sorted(kept)


def layers_of(picture: CircuitScene, names: Set[str]) -> frozenset[int]:
    """The layers that some nodes belong to."""
    nodes = (picture.by_name[name] for name in names if name in picture.by_name)
    return frozenset(node.layer for node in nodes if node.layer is not None)


def paint_layer_axis(
    painter: QPainter,
    picture: CircuitScene,
    theme: Theme,
    to_view: QTransform,
    area: QRectF,
    highlighted: Set[int],
) -> None:
    """Write the numbers along the left edge of ``area``, in the viewport's pixels."""
    width = layer_axis_width(picture)
    if not width:
        return
    strip = QRectF(area.left(), area.top(), width, area.height())
    ground = QColor(theme.ground)
    ground.setAlphaF(0.9)  # the circuit may lie below
    painter.fillRect(strip, ground)
    metrics = QFontMetricsF(canvas_font(FONT_SIZE_PX))
    painter.setFont(canvas_font(FONT_SIZE_PX))
    painter.setPen(QColor(theme.muted))
    title = QRectF(strip.left() + 2, strip.top(), width + 8, metrics.height())
    painter.drawText(title, Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter, TITLE)
    heights = {row.layer: row.y for row in picture.layer_rows}
    tick = QColor(blend_hex(theme.muted, theme.ground, 0.5))
    for layer in labelled_layers(picture, to_view.m22(), highlighted):
        y = to_view.map(QPointF(0.0, -heights[layer])).y()
        if not title.bottom() + metrics.height() / 2 <= y <= strip.bottom() - metrics.height() / 2:
            continue
        is_marked = layer in highlighted
        painter.setPen(tick)
        painter.drawLine(QPointF(strip.right() - TICK_PX, y), QPointF(strip.right(), y))
        painter.setFont(canvas_font(FONT_SIZE_PX, bold=is_marked))
        painter.setPen(QColor(theme.accent if is_marked else theme.muted))
        place = QRectF(strip.left(), y - metrics.height() / 2, width - TICK_PX - 4, metrics.height())
        painter.drawText(place, Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter, str(layer))
