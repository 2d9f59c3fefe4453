"""What lies over the circuit in the viewport's own pixels: tokens, names, the map, legend and note."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QPoint, QPointF, QRectF
from PySide6.QtGui import QPainter

from circuitviz.canvas.axis import axis_height, column_at, columns_with, paint_axis
from circuitviz.canvas.hints import paint_corners
from circuitviz.canvas.paint import LEGIBLE
from circuitviz.canvas.picture import TokenColumn
from circuitviz.canvas.tags import MOST, paint_tags

if TYPE_CHECKING:
    from circuitviz.canvas.view import CircuitView


def paint_foreground(painter: QPainter, view: CircuitView) -> None:
    """Paint it, with a painter of the viewport."""
    picture, theme = view.stage.geometry.picture, view.theme
    to_view, free = view.viewportTransform(), view.free_area
    marked = columns_with(picture, view.nodes | {view.pointed})
    paint_axis(painter, picture, theme, to_view, free, marked)
    if view.zoom < LEGIBLE:
        chosen = view.nodes if len(view.nodes) <= MOST else frozenset()
        named = [*sorted(chosen - {view.pointed}), view.pointed]
        paint_tags(painter, picture, theme, to_view, free, named)
    view.overview.paint(painter, theme)
    paint_corners(painter, picture, theme, QRectF(view.viewport().rect()), view.note)


def token_at(view: CircuitView, place: QPoint) -> TokenColumn | None:
    """The column whose token is written at a place of the viewport."""
    picture = view.stage.geometry.picture
    return column_at(picture, view.viewportTransform(), view.free_area.bottom(), QPointF(place))


def in_plain_sight(view: CircuitView, place: QPoint) -> bool:
    """Whether a place of the viewport lies well inside, and neither tokens nor the map lie over it."""
    below = axis_height(view.stage.geometry.picture, view.zoom)
    free = view.free_area.adjusted(40, 30, -40, -below)
    return free.contains(QPointF(place)) and not view.overview.place.contains(QPointF(place))
