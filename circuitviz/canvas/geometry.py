"""Where everything stands, in numbers: boxes of nodes, curves of edges, and what lies at a place."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from PySide6.QtCore import QPointF, QRectF

from circuitviz.canvas.links import Curves, Floats, Indices
from circuitviz.canvas.paint import HEIGHT, PORTS, WIDTHS, box, outline
from circuitviz.canvas.picture import CircuitPicture, DrawnEdge, DrawnNode
from circuitviz.layout.spread import MARGIN


@dataclass(frozen=True, eq=False)
class Geometry:
    """A picture with the boxes of its nodes [nodes, left top right bottom] and its edges' curves."""

    picture: CircuitPicture
    boxes: Floats
    curves: Curves

    @staticmethod
    def of(picture: CircuitPicture) -> Geometry:
        """Measure a picture."""
        boxes = np.array([_box(node) for node in picture.nodes]).reshape(-1, 4)
        widths = np.array([WIDTHS[node.kind] for node in picture.nodes])
        links = picture.links
        ports = np.array([PORTS[channel] for channel in links.CHANNELS])
        if not len(links):
            return Geometry(picture, boxes, Curves(np.zeros((0, 2)), np.zeros((0, 2))))
        middle = (boxes[:, 0] + boxes[:, 2]) / 2
        start = np.stack([middle[links.sender], boxes[links.sender, 1]], -1)
        at = middle[links.node] + ports[links.channel] * widths[links.node]
        return Geometry(picture, boxes, Curves(start, np.stack([at, boxes[links.node, 3]], -1)))

    def prepared(self) -> Geometry:
        """The same, with all that is found on first use found by now."""
        picture = self.picture
        _found = picture.edge_rows, picture.links.levels, picture.looks, picture.any_ablated
        _measured = self.bounds, self.alike, self.pinned
        return self

    @cached_property
    def alike(self) -> tuple[tuple[DrawnNode, Indices], ...]:
        """Rows of the nodes whose boxes have one colour, with one of them."""
        rows: dict[tuple[str, str, bool], list[int]] = {}
        for row, node in enumerate(self.picture.nodes):
            rows.setdefault((node.look, node.colour, node.ablated), []).append(row)
        return tuple((self.picture.nodes[held[0]], np.array(held, np.intp)) for held in rows.values())

    @cached_property
    def pinned(self) -> Indices:
        """Rows of the nodes that their file's viewer had pinned."""
        return np.array([row for row, node in enumerate(self.picture.nodes) if node.pinned], np.intp)

    @cached_property
    def every(self) -> Indices:
        """Rows of all nodes."""
        return np.arange(len(self.boxes))

    @cached_property
    def bounds(self) -> QRectF:
        """Everything that is drawn, with a margin; empty where there is nothing."""
        if not len(self.boxes):
            return QRectF()
        left, top = self.boxes[:, :2].min(0)
        right, bottom = self.boxes[:, 2:].max(0)
        columns = self.picture.columns
        if columns:
            left, right = min(left, columns[0].left), max(right, columns[-1].right)
        return QRectF(left, top, right - left, bottom - top).adjusted(-MARGIN, -MARGIN, MARGIN, MARGIN)

    def node_at(self, at: QPointF) -> DrawnNode | None:
        """The node at a place, the upper of two."""
        x, y = at.x(), at.y()
        left, top, right, bottom = self.boxes.T
        for row in np.flatnonzero((left <= x) & (x <= right) & (top <= y) & (y <= bottom))[::-1]:
            node = self.picture.nodes[row]
            if outline(node.look, box(node)).contains(at):
                return node
        return None

    def edge_at(self, at: QPointF, within: float) -> DrawnEdge | None:
        """The edge nearest to a place, the stronger of two, where one is near enough."""
        row = self.curves.nearest(at.x(), at.y(), within)
        return None if row is None else self.picture.edges[row]


def _box(node: DrawnNode) -> tuple[float, float, float, float]:
    if node.label or node.members:  # as wide as its text
        rect = box(node)
        return rect.left(), rect.top(), rect.right(), rect.bottom()
    half = WIDTHS[node.kind] / 2
    return node.x - half, -node.y - HEIGHT / 2, node.x + half, -node.y + HEIGHT / 2
