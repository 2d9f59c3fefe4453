"""A picture's nodes at the distances that suit a view; what a person placed stays in the layout's units."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from itertools import pairwise

from PySide6.QtCore import QSizeF

from circuitviz.canvas.scene_spread import (
    CELL_GAP,
    LAYER_GAP,
    MAX_HORIZONTAL_WIDTH,
    NARROW_HEIGHT,
    WRAPPED_NODE_HEIGHT,
    Spread,
    head_columns,
    packed_columns,
    transform_for_view,
)
from circuitviz.graph import NodeKind
from circuitviz.layout import COLUMN_SPACING, ROW_SPACING
from circuitviz.layout.cell_packing import CellPacking
from circuitviz.layout.layout_transform import (
    MIN_GAP_X,
    MIN_GAP_Y,
    LayoutTransform,
)
from circuitviz.scene.circuit_scene import (
    DEFAULT_MAX_WIDTH,
    LABELLED_NODE_HEIGHT,
    CircuitScene,
)
from circuitviz.shapes.node_shapes import END_KINDS


class AspectFitter:
    """Keeps what is shown in the layout's units, and how it is spread.

    ``is_frozen``: a person has moved nodes; all stay where they are until another layout is shown. The
    picture that was shown first in a layout decides on its spread: what is filtered away later moves nothing.
    """

    def __init__(self) -> None:
        self._layout_scene = self._reference_scene = CircuitScene()
        self.transform: Spread = LayoutTransform()
        self.is_frozen = False
        self._found: tuple[CircuitScene, tuple[float, float, bool], Spread] | None = None

    def fit_scene(self, picture: CircuitScene, view: QSizeF, is_new: bool) -> CircuitScene:
        """Another picture, spread: as the one before, where it is laid out as that one was."""
        reference = self._reference_scene
        is_moved_back = not reference.user_positioned <= picture.user_positioned  # without a place of its own
        if is_new or is_moved_back or not is_part_of_layout(reference, picture):
            self._reference_scene, self.is_frozen = picture, False
            self.transform = self._find_transform(view)
        elif self.is_frozen and not picture.user_positioned:  # undone: nothing is moved by hand any more
            self.transform, self.is_frozen = self._find_transform(view), False
        self._layout_scene = picture
        return transform_scene(picture, self.transform)

    def refit_scene(self, view: QSizeF, shows_all: bool = False) -> CircuitScene | None:
        """The picture spread to a view of another size; None where that changes nothing.

        ``shows_all``: all of it is to be seen, whether its names can be read or not.
        """
        spread = self.transform
        if not self.is_frozen:
            spread = self._find_transform(view, shows_all)
        if spread == self.transform:
            return None
        self.transform = spread
        return transform_scene(self._layout_scene, spread)

    def _find_transform(self, view: QSizeF, shows_all: bool = False) -> Spread:
        """How the reference is spread; a first picture is spread, and then fitted to the same view."""
        key = view.width(), view.height(), shows_all and not self._reference_scene.columns
        if self._found is None or self._found[0] is not self._reference_scene or self._found[1] != key:
            spread = transform_for_view(self._reference_scene, view, shows_all)
            self._found = self._reference_scene, key, spread
        return self._found[2]

    def is_same_as(self, other: AspectFitter) -> bool:
        """Whether both spread the next picture alike."""
        ours, theirs = ((x.transform, x.is_frozen) for x in (self, other))
        return self._reference_scene is other._reference_scene and ours == theirs

    def to_layout_positions(
        self, places: Mapping[str, tuple[float, float]]
    ) -> dict[str, tuple[float, float]]:
        """Places to which a person moved nodes, in the layout's units."""
        self.is_frozen = True
        if self._layout_scene.is_horizontal:
            places = {name: (-y, x) for name, (x, y) in places.items()}
        return {name: self.transform.to_layout(at) for name, at in places.items()}


def _place_packed(picture: CircuitScene, packing: CellPacking) -> CircuitScene:
    """The picture in its packing; what a person moved stands where it was put, between the others."""
    turned = picture.is_horizontal
    is_full = packing.box_height >= LABELLED_NODE_HEIGHT
    of_moved = None if is_full else max((packing.boxes[name] for name in packing.named), default=None)
    nodes = []
    for node in picture.nodes:
        box = packing.boxes.get(node.name, of_moved)
        is_packed = node.name in packing.places and node.name not in picture.user_positioned
        across, along = packing.places[node.name] if is_packed else packing.to_view((node.x, node.y))
        x, y = (along, -across) if turned else (across, along)
        if box is None or (is_full and node.name in packing.named and not node.members):
            room = DEFAULT_MAX_WIDTH if box is None else box[0]
            nodes.append(replace(node, x=x, y=y, max_width=room))
        else:
            nodes.append(replace(node, x=x, y=y, box=box))
    columns = packed_columns(picture, packing) if picture.columns else ()
    return replace(picture, nodes=tuple(nodes), columns=columns)


def transform_scene(picture: CircuitScene, spread: Spread) -> CircuitScene:
    """The picture in the view's places; labels get the room that there is between two columns."""
    if isinstance(spread, CellPacking):
        return _place_packed(picture, spread)
    if picture.is_horizontal:
        return _transform_to_the_right(picture, spread)
    if spread == LayoutTransform() and not picture.cells:
        return picture
    room = spread.x_factor * COLUMN_SPACING - MIN_GAP_X
    height = min(spread.box_height, LABELLED_NODE_HEIGHT)
    pitch = spread.to_view((0.0, ROW_SPACING))[1] - spread.to_view((0.0, 0.0))[1]
    cell = spread.x_factor * COLUMN_SPACING - CELL_GAP, pitch - CELL_GAP
    nodes = []
    for node in picture.nodes:
        x, y = spread.to_view((node.x, node.y))
        own = cell if node.name in picture.cells else None
        highest = height if own is None else max(height, own[1])
        nodes.append(replace(node, x=x, y=y, max_width=room, max_height=highest, cell=own))
    cells = {name: spread.to_view(at) for name, at in picture.cells.items()}
    columns = head_columns(picture, spread) if cells else picture.columns
    return replace(picture, nodes=tuple(nodes), cells=cells, columns=columns)


def _transform_to_the_right(picture: CircuitScene, spread: LayoutTransform) -> CircuitScene:
    """The picture with its layers from left to right, and what stands at the left of a layer above."""

    def to_view(point: tuple[float, float]) -> tuple[float, float]:
        across, along = spread.to_view(point)
        return along, -across

    places = {node.name: to_view((node.x, node.y)) for node in picture.nodes}
    rows = {round(places[node.name][0], 3) for node in picture.nodes if node.kind is not NodeKind.MLP}
    pitch = min((b - a for a, b in pairwise(sorted(rows))), default=math.inf)
    cell_pitch = to_view((0.0, ROW_SPACING))[0] - to_view((0.0, 0.0))[0]
    height = LABELLED_NODE_HEIGHT
    if not picture.columns:
        height = min(WRAPPED_NODE_HEIGHT, spread.x_factor * COLUMN_SPACING - MIN_GAP_Y)
    cell = cell_pitch - CELL_GAP, spread.x_factor * COLUMN_SPACING - CELL_GAP
    narrow = None
    if math.isfinite(spread.box_length):
        narrow = spread.box_length, min(NARROW_HEIGHT, spread.x_factor * COLUMN_SPACING - MIN_GAP_Y)
    nodes = tuple(
        replace(
            node,
            x=places[node.name][0],
            y=places[node.name][1],
            max_width=cell[0] if node.name in picture.cells else min(pitch - LAYER_GAP, MAX_HORIZONTAL_WIDTH),
            max_height=max(height, cell[1]) if node.name in picture.cells else height,
            cell=cell if node.name in picture.cells else None,
            box=narrow if node.kind not in END_KINDS else None,
        )
        for node in picture.nodes
    )
    columns = head_columns(picture, spread) or tuple(
        replace(column, left=column.left * spread.x_factor, right=column.right * spread.x_factor)
        for column in picture.columns
    )
    cells = {name: to_view(at) for name, at in picture.cells.items()}
    return replace(picture, nodes=nodes, columns=columns, cells=cells)


def is_part_of_layout(whole: CircuitScene, part: CircuitScene) -> bool:
    """Whether all nodes of a picture stand where they stand in another, but for what was moved by hand."""
    spans = ([(column.left, column.right) for column in picture.columns] for picture in (whole, part))
    if whole.is_horizontal != part.is_horizontal or next(spans) != next(spans):
        return False
    if whole.cells != part.cells:
        return False
    if whole.cells:
        return True
    if not whole.by_name.keys() >= part.by_name.keys():
        return False
    placed = whole.user_positioned | part.user_positioned
    pairs = ((node, whole.by_name[node.name]) for node in part.nodes if node.name not in placed)
    return all((a.x, a.y) == (b.x, b.y) and len(a.members) == len(b.members) for a, b in pairs)
