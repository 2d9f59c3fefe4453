"""Where everything stands, in numbers: boxes of nodes, curves of edges, and what lies at a place."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from PySide6.QtCore import QPointF, QRectF

from circuitviz.layout.layout_transform import BOUNDS_MARGIN
from circuitviz.paint.circuit_painter import label_measure, node_box, node_outline
from circuitviz.scene.circuit_scene import CircuitScene, DrawnNode
from circuitviz.scene.edge_arrays import DrawnEdge, FloatArray, IndexArray
from circuitviz.scene.edge_curves import EdgeCurves
from circuitviz.shapes.edge_styles import edge_curves
from circuitviz.shapes.group_frames import frame_name_room
from circuitviz.shapes.node_shapes import NODE_HEIGHT, NODE_WIDTHS, node_bounds

FRAME_NAME_SIZE = 16.0  # scene units of a group's name, with the frame below it


@dataclass(frozen=True, eq=False)
class SceneGeometry:
    """A picture with the boxes of its nodes [nodes, left top right bottom] and its edges' curves."""

    scene: CircuitScene
    boxes: FloatArray
    curves: EdgeCurves

    @staticmethod
    def from_scene(picture: CircuitScene) -> SceneGeometry:
        """Measure a picture."""
        bounds = node_bounds(picture.nodes, label_measure())
        widths = np.array([NODE_WIDTHS[node.kind] for node in picture.nodes])
        return SceneGeometry(
            picture, bounds, edge_curves(picture.edges, bounds, widths, picture.is_horizontal)
        )

    def precomputed(self) -> SceneGeometry:
        """The same, with all that is found on first use found by now."""
        _found = self.scene.edge_rows, self.scene.legend_styles, self.scene.importance
        _placed = self.scene.by_name, self.scene.node_rows, self.scene.layer_rows
        _measured = self.bounds, self.rows_by_style, self.pinned_rows, self.curves.precomputed()
        return self

    @cached_property
    def rows_by_style(self) -> tuple[tuple[DrawnNode, IndexArray], ...]:
        """Rows of the nodes whose boxes have one colour, with one of them."""
        rows: dict[tuple[str, str, bool], list[int]] = {}
        for row, node in enumerate(self.scene.nodes):
            rows.setdefault((node.style, node.colour, node.ablated), []).append(row)
        return tuple((self.scene.nodes[held[0]], np.array(held, np.intp)) for held in rows.values())

    @cached_property
    def pinned_rows(self) -> IndexArray:
        """Rows of the nodes that their file's viewer had pinned."""
        return np.array([row for row, node in enumerate(self.scene.nodes) if node.pinned], np.intp)

    @cached_property
    def empty_cells(self) -> tuple[QRectF, ...]:
        """The cells of a grid in which no node is drawn."""
        cells, drawn = self.scene.cells, self.scene.by_name
        size = next((node.cell for node in self.scene.nodes if node.cell is not None), None)
        if size is None:
            return ()
        width, height = size
        return tuple(
            QRectF(x - width / 2, -y - height / 2, width, height)
            for name, (x, y) in cells.items()
            if name not in drawn
        )

    @cached_property
    def rows_by_heat(self) -> tuple[tuple[float, IndexArray], ...]:
        """Rows of the nodes by importance in steps of a tenth."""
        steps = np.round(10 * self.scene.importance).astype(np.intp)
        return tuple((step / 10, np.flatnonzero(steps == step)) for step in np.unique(steps).tolist())

    @cached_property
    def all_rows(self) -> IndexArray:
        """Rows of all nodes."""
        return np.arange(len(self.boxes))

    @cached_property
    def bounds(self) -> QRectF:
        """Everything that is drawn, with a margin; empty where there is nothing."""
        if not len(self.boxes):
            return QRectF()
        left, top = self.boxes[:, :2].min(0)
        right, bottom = self.boxes[:, 2:].max(0)
        highest = np.flatnonzero(self.boxes[:, 1] < top + NODE_HEIGHT)
        top -= frame_name_room(self.scene, [self.scene.nodes[row] for row in highest], FRAME_NAME_SIZE)
        columns = self.scene.columns
        if columns and self.scene.is_horizontal:
            top, bottom = min(top, columns[0].left), max(bottom, columns[-1].right)
        elif columns:
            left, right = min(left, columns[0].left), max(right, columns[-1].right)
        if self.empty_cells:
            area = QRectF(left, top, right - left, bottom - top)
            for cell in self.empty_cells:
                area = area.united(cell)
            left, top, right, bottom = area.getCoords()  # type: ignore[misc]
        return QRectF(left, top, right - left, bottom - top).adjusted(
            -BOUNDS_MARGIN, -BOUNDS_MARGIN, BOUNDS_MARGIN, BOUNDS_MARGIN
        )

    def node_at(self, at: QPointF) -> DrawnNode | None:
        """The node at a place, the upper of two."""
        x, y = at.x(), at.y()
        left, top, right, bottom = self.boxes.T
        for row in np.flatnonzero((left <= x) & (x <= right) & (top <= y) & (y <= bottom))[::-1]:
            node = self.scene.nodes[row]
            if node_outline(node.shape, node_box(node)).contains(at):
                return node
        return None

    def edge_at(self, at: QPointF, within: float, among: IndexArray | None = None) -> DrawnEdge | None:
        """The edge nearest to a place, the stronger of two, where one is near enough; ``among``: of rows."""
        row = self.curves.nearest_row(at.x(), at.y(), within, among)
        return None if row is None else self.scene.edges[row]
