"""A path over several hops says how strong it is where it runs, so that nobody must read a table."""

from __future__ import annotations

import numpy as np
from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QFontMetricsF, QPainter, QPen
from PySide6.QtWidgets import QStyleOptionGraphicsItem, QWidget

from circuitviz.canvas.picture_item import PictureItem
from circuitviz.canvas.scene_geometry import SceneGeometry
from circuitviz.graph.connectivity import CircuitPath
from circuitviz.graph.names import channel_of
from circuitviz.paint.circuit_painter import canvas_font
from circuitviz.scene.circuit_scene import CircuitScene
from circuitviz.scene.theme import Theme

LABEL_EIGHTHS = (4, 3, 5, 2, 6)  # eighths of a hop at which a sign may stand, the middle first
Position = tuple[float, float]


class PathLabelItem(PictureItem):
    """A small sign on a path, of the same size at every zoom."""

    def __init__(self) -> None:
        super().__init__(z=3)
        self.path: CircuitPath | None = None
        self.text = ""
        self.position: Position | None = None

    def show_geometry(self, geometry: SceneGeometry, theme: Theme) -> None:
        """Belong to another picture; the sign stands where its path runs there."""
        super().show_geometry(geometry, theme)
        self.show_path(self.path, self.text)

    def show_path(self, path: CircuitPath | None, text: str) -> None:
        """Write a text on a path; None takes the sign away."""
        self.path, self.text = path, text
        there = self.geometry is not None and path is not None
        self.position = path_label_position(self.geometry, path) if there else None  # type: ignore[arg-type]
        self.update()

    def paint(
        self, painter: QPainter, option: QStyleOptionGraphicsItem, widget: QWidget | None = None
    ) -> None:
        """The sign in the viewport's pixels."""
        if self.theme is None or self.position is None:
            return
        place = painter.worldTransform().map(QPointF(*self.position))
        painter.save()
        painter.resetTransform()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setFont(canvas_font(11, bold=True))
        wide = QFontMetricsF(painter.font()).horizontalAdvance(self.text) + 16
        sign = QRectF(place.x() - wide / 2, place.y() - 10, wide, 20)
        painter.setPen(QPen(QColor(self.theme.accent), 1.4))
        painter.setBrush(QColor(self.theme.raised))
        painter.drawRoundedRect(sign, 10, 10)
        painter.setPen(QColor(self.theme.text))
        painter.drawText(sign, Qt.AlignmentFlag.AlignCenter, self.text)
        painter.restore()


def path_label_position(geometry: SceneGeometry, path: CircuitPath) -> Position | None:
    """Where a path's sign stands: near its middle, and on no node where that can be; None out of sight."""
    rows = path_edge_rows(geometry.scene, path)
    middle = (len(rows) - 1) / 2
    hops = sorted(range(len(rows)), key=lambda hop: abs(hop - middle))
    places = [at for hop in hops for at in _candidate_positions(geometry, rows[hop])]
    return next((at for at in places if not _is_on_node(geometry, at)), places[0] if places else None)


def path_edge_rows(picture: CircuitScene, path: CircuitPath) -> list[int]:
    """Rows of the drawn edges that a path runs along; hops within a box, or out of sight, have none."""
    box = picture.folding.box_of if picture.folding is not None else {}
    rows = []
    for edge, node in zip(path.edges, path.nodes[1:], strict=True):
        sender, _, receiver = edge.partition("->")
        start, end = box.get(sender, sender), box.get(node, node)
        channel = channel_of(receiver)
        names = (edge, f"{start}->{end}<{channel}>", f"{start}->{end}", f"{start}->{receiver}")
        found = [row for name in dict.fromkeys(names) for row in picture.edge_rows.get(name, ())]
        fits = (
            row
            for row in found
            if (picture.edges[row].sender, picture.edges[row].receiver, picture.edges[row].channel)
            == (start, end, channel)
        )
        if (row := next(fits, None)) is not None:
            rows.append(row)
    return rows


def _candidate_positions(geometry: SceneGeometry, row: int) -> list[Position]:
    points = geometry.curves.points(np.array([row]), 9)[0]
    return [(float(points[i, 0]), float(points[i, 1])) for i in LABEL_EIGHTHS]


def _is_on_node(geometry: SceneGeometry, at: Position) -> bool:
    left, top, right, bottom = geometry.boxes.T
    inside = (left - 4 <= at[0]) & (at[0] <= right + 4) & (top - 8 <= at[1]) & (at[1] <= bottom + 8)
    return bool(inside.any())
