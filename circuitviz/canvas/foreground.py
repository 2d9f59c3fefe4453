"""What lies over the circuit: names of groups, and in viewport pixels tokens, names, map, legend, note."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QPoint, QPointF, QRectF
from PySide6.QtGui import QPainter

from circuitviz.canvas.canvas_legend import legend_strip_height
from circuitviz.canvas.canvas_texts import LegendImage, paint_empty_note, paint_legend_and_status
from circuitviz.canvas.layer_axis import layer_axis_height, layer_axis_width, layers_of, paint_layer_axis
from circuitviz.canvas.name_tags import MAX_TAGGED_NODES, paint_name_tags, strongest_nodes
from circuitviz.canvas.token_axis import (
    column_at,
    columns_containing,
    paint_token_axis,
    token_axis_height,
    token_axis_width,
)
from circuitviz.paint.circuit_painter import FAR_ZOOM, LEGIBLE_ZOOM, has_written_name
from circuitviz.scene.circuit_scene import CircuitScene, TokenColumn

if TYPE_CHECKING:
    from circuitviz.canvas.circuit_view import CircuitView


def paint_foreground(painter: QPainter, view: CircuitView, legend: LegendImage | None = None) -> None:
    """Paint it, with a painter of the viewport; ``legend``: kept from frame to frame."""
    picture, theme = view.scene_items.geometry.scene, view.theme
    to_view = view.viewportTransform()
    painter.setTransform(to_view)
    view.scene_items.frames_item.paint_names(painter)
    painter.resetTransform()
    marked = columns_containing(picture, view.selected_nodes | {view.hovered_name})
    paint_token_axis(painter, picture, theme, to_view, token_area(view), marked)
    beside_axis = axis_area(view)
    paint_name_tags(painter, picture, theme, to_view, beside_axis, tagged_nodes(view))
    pointed_at = named_nodes(picture, view.selected_nodes, view.hovered_name)
    paint_layer_axis(painter, picture, theme, to_view, beside_axis, layers_of(picture, pointed_at))
    view.overview.paint(painter, theme)
    area = QRectF(view.viewport().rect())
    if picture.nodes:
        entries = view.scene_items.legend_entries(picture, theme)
        paint_legend_and_status(painter, entries, theme, area, view.status_text, legend)
    else:
        paint_empty_note(painter, theme, area, view.status_text)


def tagged_nodes(view: CircuitView) -> list[str]:
    """Nodes whose names are written beside them, because their boxes have none; the most important last."""
    picture = view.scene_items.geometry.scene
    chosen = view.selected_nodes if len(view.selected_nodes) <= MAX_TAGGED_NODES else frozenset()
    is_middle = FAR_ZOOM <= view.zoom < LEGIBLE_ZOOM
    strongest = strongest_nodes(picture) if is_middle and (picture.cells or not picture.columns) else []
    outer = [
        name for name in ("input", "logits") if picture.cells
    ]  # beside the cells, where no axis tells them
    ends = named_nodes(picture, frozenset(), view.hovered_name)
    named = [
        *strongest,
        *outer,
        *sorted(chosen - ends),
        *sorted(ends - {view.hovered_name}),
        view.hovered_name,
    ]
    nodes = (picture.by_name[name] for name in named if name in picture.by_name)
    return [node.name for node in nodes if not has_written_name(node, view.zoom)]


def named_nodes(picture: CircuitScene, selected: frozenset[str], hovered: str) -> frozenset[str]:
    """The selected nodes, and the one under the pointer or the two ends of the edge there."""
    rows = picture.edge_rows.get(hovered, ())[:1] if hovered not in picture.by_name else ()
    ends = {end for row in rows for end in (picture.edges[row].sender, picture.edges[row].receiver)}
    return selected | {hovered} | ends


def axis_area(view: CircuitView) -> QRectF:
    """The viewport between the legend above and what is written below, along which layers are numbered."""
    picture = view.scene_items.geometry.scene
    above = legend_strip_height(
        view.scene_items.legend_entries(picture, view.theme), view.viewport().width() - 28
    )
    below = token_axis_height(picture, view.zoom)
    return view.free_area.adjusted(0, 6 + above, 0, -below)


def token_area(view: CircuitView) -> QRectF:
    """The viewport in which tokens are written."""
    picture = view.scene_items.geometry.scene
    if not picture.is_horizontal:
        return view.free_area
    return axis_area(view).adjusted(0, 0, 0, -layer_axis_height(picture))


def token_column_at(view: CircuitView, place: QPoint) -> TokenColumn | None:
    """The column whose token is written at a place of the viewport."""
    picture = view.scene_items.geometry.scene
    return column_at(picture, view.viewportTransform(), view.free_area.bottom(), QPointF(place))


def is_clearly_visible(view: CircuitView, place: QPoint) -> bool:
    """Whether a place of the viewport lies well inside, and neither tokens nor the map lie over it."""
    below = token_axis_height(view.scene_items.geometry.scene, view.zoom)
    picture = view.scene_items.geometry.scene
    left = 40 + layer_axis_width(picture) + token_axis_width(picture)
    free = view.free_area.adjusted(left, 30, -40, -below - layer_axis_height(picture))
    return free.contains(QPointF(place)) and not view.overview.rect.contains(QPointF(place))
