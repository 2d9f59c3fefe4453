"""A small map of a picture that is larger than the canvas: where one is, and the way to elsewhere."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from PySide6.QtCore import QPointF, QRectF, QSizeF, Qt
from PySide6.QtGui import QColor, QImage, QPainter, QPen

from circuitviz.canvas.canvas_legend import legend_strip_height
from circuitviz.canvas.layer_axis import layer_axis_height, layer_axis_width
from circuitviz.canvas.node_items import paint_boxes
from circuitviz.canvas.scene_geometry import SceneGeometry
from circuitviz.canvas.token_axis import token_axis_height, token_axis_rect, token_axis_width
from circuitviz.scene.edge_arrays import FloatArray
from circuitviz.scene.theme import Theme

if TYPE_CHECKING:
    from circuitviz.canvas.circuit_view import CircuitView

MAX_WIDTH_PX, MAX_HEIGHT_PX = 176.0, 92.0  # pixels that the map takes at most
MAX_VIEW_SHARE = 0.22  # of the canvas's width and height
MIN_VIEW_WIDTH_PX, MIN_VIEW_HEIGHT_PX = 400.0, 220.0  # a smaller canvas is needed for its nodes
MIN_BOX_PX = 3.0  # pixels of a box, so that it is seen
FOLDED_SHARE = 0.55  # of its width and height, where it covers boxes otherwise
MAX_HIDDEN_SHARE = 0.05  # of the picture that may be out of sight before there is a map


class OverviewMap:
    """Lies at the left of the canvas, where least stands, while a part of the picture is out of sight."""

    def __init__(self, view: CircuitView) -> None:
        self.view = view
        self._map_image: QImage | None = None
        self._image_key: tuple[SceneGeometry, Theme, float, QSizeF] | None = None
        self._place, self._place_key = QRectF(), tuple[object, ...]()

    @property
    def rect(self) -> QRectF:
        """Where it lies in the viewport; empty where everything is in sight, or moves, or little room is."""
        view, geometry = self.view, self.view.scene_items.geometry
        room = geometry.bounds
        if room.isEmpty() or view.animation.is_running:
            return QRectF()
        seen = self._visible_area.intersected(room)
        slack = MAX_HIDDEN_SHARE * max(room.width(), room.height())
        if room.width() - seen.width() <= slack and room.height() - seen.height() <= slack:
            return QRectF()
        free = view.free_area
        if free.width() < MIN_VIEW_WIDTH_PX or free.height() < MIN_VIEW_HEIGHT_PX:
            return QRectF()
        wide, high = (
            min(MAX_WIDTH_PX, MAX_VIEW_SHARE * free.width()),
            min(MAX_HEIGHT_PX, MAX_VIEW_SHARE * free.height()),
        )
        share = min(wide / room.width(), high / room.height())
        axis = token_axis_rect(geometry.scene, view.viewportTransform(), free.bottom())
        below = (free.bottom() if axis.isEmpty() else axis.top()) - 10
        high = room.height() * share
        left = free.left() + 12 + layer_axis_width(geometry.scene) + token_axis_width(geometry.scene)
        if geometry.scene.is_horizontal:
            below = free.bottom() - layer_axis_height(geometry.scene) - 10
        if geometry.scene.is_horizontal and geometry.scene.columns:  # most stands at the last token, below
            entries = view.scene_items.legend_entries(geometry.scene, view.theme)
            below = 14 + legend_strip_height(entries, view.viewport().width() - 28) + high
        usual = QRectF(left, below - high, room.width() * share, high)
        return self._place_beside_boxes(usual, axis)

    def _place_beside_boxes(self, usual: QRectF, axis: QRectF) -> QRectF:
        """A corner in which it covers least, smaller if need be; the same until zoom or size change.

        A map that moved while one pans could not be used.
        """
        view, geometry = self.view, self.view.scene_items.geometry
        key = geometry, view.zoom, view.viewport().size(), usual.size()
        if self._place_key != key:
            self._place_key, scene = key, geometry.scene
            free = view.free_area.adjusted(0, 0, -12, -layer_axis_height(scene) - 10)
            entries = view.scene_items.legend_entries(scene, view.theme)
            above = 14 + legend_strip_height(entries, view.viewport().width() - 28)
            below = free.bottom() if axis.isEmpty() or scene.is_horizontal else axis.top() - 10
            to_view = view.viewportTransform()
            boxes = geometry.boxes * view.zoom + np.tile([to_view.dx(), to_view.dy()], 2)
            places = []
            for share in (1.0, FOLDED_SHARE):
                size = usual.size() * share
                left, right, bottom = usual.left(), free.right() - size.width(), below - size.height()
                usual_top = above if usual.top() <= above + 1 else usual.bottom() - size.height()
                corners = (left, usual_top), (left, above), (right, bottom), (right, above)
                places += [QRectF(QPointF(*corner), size) for corner in corners]
            self._place = min(places, key=lambda place: _count_overlaps(boxes, place))  # the first of equals
        return self._place

    def paint(self, painter: QPainter, theme: Theme) -> None:
        """The nodes as boxes, and a frame about what is in sight."""
        place = self.rect
        if place.isEmpty():
            return
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(QPen(QColor(theme.line), 1.0))
        painter.setBrush(QColor(theme.raised))
        painter.drawRoundedRect(place.adjusted(-5, -5, 5, 5), 6, 6)
        painter.drawImage(place, self._rendered_map(theme, place))
        room = self.view.scene_items.geometry.bounds
        share = place.width() / room.width()
        seen = self._visible_area.translated(-room.topLeft())
        frame = QRectF(seen.topLeft() * share, seen.size() * share).translated(place.topLeft())
        fill = QColor(theme.accent)
        fill.setAlphaF(0.12)
        painter.setPen(QPen(QColor(theme.accent), 1.4))
        painter.setBrush(fill)
        painter.drawRoundedRect(frame.intersected(place.adjusted(-2, -2, 2, 2)), 2, 2)
        painter.restore()

    def center_view_on(self, place: QPointF) -> None:
        """Bring what a place of the map stands for into the middle, as far as there is something beyond."""
        there, room = self.rect, self.view.scene_items.geometry.bounds
        if there.isEmpty():
            return
        inside = QPointF(
            min(max(place.x() - there.left(), 0.0), there.width()),
            min(max(place.y() - there.top(), 0.0), there.height()),
        )
        wanted = room.topLeft() + inside * (room.width() / there.width())
        seen, zoom = self._visible_area, self.view.zoom
        seen.setBottom(seen.bottom() - token_axis_height(self.view.scene_items.geometry.scene, zoom) / zoom)
        x = _clamped_center(wanted.x(), seen.center().x(), (room.left(), room.right()), seen.width())
        y = _clamped_center(wanted.y(), seen.center().y(), (room.top(), room.bottom()), seen.height())
        middle = self.view.mapToScene(self.view.viewport().rect().center())
        self.view.center_view_on(middle + QPointF(x, y) - seen.center())

    @property
    def _visible_area(self) -> QRectF:
        return self.view.viewportTransform().inverted()[0].mapRect(self.view.free_area)

    def _rendered_map(self, theme: Theme, place: QRectF) -> QImage:
        geometry, ratio = self.view.scene_items.geometry, self.view.devicePixelRatioF()
        key = geometry, theme, ratio, place.size()
        if self._map_image is None or self._image_key != key:
            self._image_key = key
            size = (place.size() * ratio).toSize()
            self._map_image = QImage(size, QImage.Format.Format_ARGB32_Premultiplied)
            self._map_image.fill(Qt.GlobalColor.transparent)
            share = size.width() / geometry.bounds.width()
            painter = QPainter(self._map_image)
            painter.scale(share, share)
            painter.translate(-geometry.bounds.topLeft())
            paint_boxes(painter, geometry, theme, geometry.all_rows, min_size=MIN_BOX_PX * ratio / share)
            painter.end()
        return self._map_image


def _count_overlaps(boxes: FloatArray, rect: QRectF) -> int:
    """How many boxes [boxes, left top right bottom] a rectangle covers a part of."""
    left, top, right, bottom = boxes.T
    meets = (left < rect.right()) & (right > rect.left()) & (top < rect.bottom()) & (bottom > rect.top())
    return int(meets.sum())


def _clamped_center(wanted: float, now: float, ends: tuple[float, float], seen: float) -> float:
    """The middle of what is seen, nearest to a wish with nothing beyond the ends; still if all is seen."""
    first, last = ends[0] + seen / 2, ends[1] - seen / 2
    return min(max(now, last), first) if last < first else min(max(wanted, first), last)
