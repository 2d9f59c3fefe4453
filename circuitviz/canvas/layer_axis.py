"""Numbers of layers at the edge of the canvas, beside them: they stay in sight however one scrolls."""

from __future__ import annotations

from collections.abc import Set
from itertools import pairwise

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QFontMetricsF, QPainter, QTransform

from circuitviz.canvas.identity_cache import cache_by_identity
from circuitviz.paint.circuit_painter import canvas_font
from circuitviz.scene.circuit_scene import CircuitScene, LayerRow
from circuitviz.scene.theme import Theme, blend_hex

FONT_SIZE_PX = 11.0
AXIS_WIDTH_PX, AXIS_HEIGHT_PX = 34.0, 20.0  # pixels at the left edge, or at the foot
MIN_SPACING_PX, MIN_SPACING_ACROSS_PX = (
    12.5,
    24.0,
)  # pixels between two numbers, one below or beside the other
STEPS = (1, 2, 4, 5, 10, 20, 50)  # every so many layers have a number
TICK_PX = 4.0
TITLE = "Layer"


def layer_axis_width(picture: CircuitScene) -> float:
    """Pixels that the axis takes at the left; none where there are no two layers to tell apart."""
    return AXIS_WIDTH_PX if len(picture.layer_rows) > 1 and not picture.is_horizontal else 0.0


def layer_axis_height(picture: CircuitScene) -> float:
    """Pixels that the axis takes at the foot, where layers go from left to right."""
    return AXIS_HEIGHT_PX if len(picture.layer_rows) > 1 and picture.is_horizontal else 0.0


def labelled_layers(picture: CircuitScene, scale: float, highlighted: Set[int] = frozenset()) -> list[int]:
    """Layers whose numbers have room at a zoom: highlighted ones, else those with heads before the others.

    Where rows are near to each other, only every second, fourth, fifth … layer.
    """
    spacing = MIN_SPACING_ACROSS_PX if picture.is_horizontal else MIN_SPACING_PX
    return list(_layers_with_room(picture.layer_rows, scale, spacing, frozenset(highlighted)))


@cache_by_identity  # asked for with every frame
def _layers_with_room(
    layer_rows: tuple[LayerRow, ...], scale: float, spacing: float, highlighted: frozenset[int]
) -> tuple[int, ...]:
    heights = {row.layer: row.place * scale for row in layer_rows}
    levels = sorted(heights.values())
    typical = sorted(b - a for a, b in pairwise(levels))[(len(levels) - 1) // 2] if len(levels) > 1 else 0.0
    step = next((step for step in STEPS if step * typical >= spacing), STEPS[-1])
    order = sorted(layer_rows, key=lambda row: (row.layer not in highlighted, not row.has_heads))
    kept: list[int] = []
    for layer in (row.layer for row in order if row.layer in highlighted or row.layer % step == 0):
        if all(abs(heights[layer] - heights[other]) >= spacing for other in kept):
            kept.append(layer)
    return tuple(sorted(kept))


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
    """Write the numbers along the left edge or the foot of ``area``, in the viewport's pixels."""
    width, height = layer_axis_width(picture), layer_axis_height(picture)
    if not width and not height:
        return
    strip = QRectF(area.left(), area.top(), width, area.height())
    if height:
        strip = QRectF(area.left(), area.bottom() - height, area.width(), height)
    painter.fillRect(strip, QColor(theme.ground))  # the circuit may go on behind
    painter.setFont(canvas_font(FONT_SIZE_PX))
    metrics = QFontMetricsF(painter.font())
    painter.setPen(QColor(theme.muted))
    title_width = metrics.horizontalAdvance(TITLE) + 6
    title = QRectF(strip.left() + 2, strip.top(), title_width, height or metrics.height())
    painter.drawText(title, Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter, TITLE)
    places = {row.layer: row.place for row in picture.layer_rows}
    tick = QColor(blend_hex(theme.muted, theme.ground, 0.5))
    fonts = [canvas_font(FONT_SIZE_PX), canvas_font(FONT_SIZE_PX, bold=True)]
    inks = [QColor(theme.muted), QColor(theme.accent)]
    margin = metrics.height() / 2
    for layer in labelled_layers(picture, to_view.m11(), highlighted):
        is_marked = layer in highlighted
        if height:
            at = to_view.map(QPointF(places[layer], 0.0)).x()
            if not title.right() + margin <= at <= strip.right() - margin:
                continue
            line = QPointF(at, strip.top()), QPointF(at, strip.top() + TICK_PX)
            place = QRectF(at - 20, strip.top() + TICK_PX, 40, height - TICK_PX)
            align = Qt.AlignmentFlag.AlignCenter
        else:
            at = to_view.map(QPointF(0.0, -places[layer])).y()
            if not title.bottom() + margin <= at <= strip.bottom() - margin:
                continue
            line = QPointF(strip.right() - TICK_PX, at), QPointF(strip.right(), at)
            place = QRectF(strip.left(), at - margin, width - TICK_PX - 4, 2 * margin)
            align = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
        painter.setPen(tick)
        painter.drawLine(*line)
        painter.setFont(fonts[is_marked])
        painter.setPen(inks[is_marked])
        painter.drawText(place, align, str(layer))
