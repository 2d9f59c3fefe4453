"""A picture's nodes at the distances that suit a view; what a person placed stays in the layout's units."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping
from dataclasses import replace
from itertools import pairwise

from PySide6.QtCore import QSizeF

from circuitviz.canvas.camera_placement import MAX_READABLE_COMPONENTS, READABLE_ZOOM
from circuitviz.canvas.token_axis import LEVEL_TEXT_HEIGHT_PX, MAX_SLANTED_HEIGHT_PX, token_axis_height
from circuitviz.graph import NodeKind
from circuitviz.layout import COLUMN_SPACING, ROW_SPACING, Positions
from circuitviz.layout.cell_packing import CellPacking, pack_cells
from circuitviz.layout.layout_transform import (
    BOUNDS_MARGIN,
    COMFORTABLE_ZOOM,
    MIN_GAP_X,
    MIN_GAP_Y,
    LayoutTransform,
    Size,
    fit_layout_to_view,
)
from circuitviz.paint.circuit_painter import LEGIBLE_ZOOM
from circuitviz.scene.box_label import layout_box_label
from circuitviz.scene.circuit_scene import (
    DEFAULT_MAX_WIDTH,
    LABELLED_NODE_HEIGHT,
    CircuitScene,
    DrawnNode,
    TokenColumn,
)
from circuitviz.shapes.node_shapes import END_KINDS, LABEL_LINE_HEIGHT, NODE_WIDTHS

PACKED_ZOOM = LEGIBLE_ZOOM + 0.01  # pixels per scene unit of as many features as possible with names
BOX_LIMITS: tuple[Size, ...] = (
    (100.0, LABELLED_NODE_HEIGHT),
    (0.0, LABELLED_NODE_HEIGHT),
    (0.0, 28.0),
    (0.0, 20.0),
)
"""Least width and greatest height of boxes in scene units: with room for a label of a dozen letters, for two
lines of text, and where rows are many for one line, down to 12 px with 9 px text."""


WRAPPED_NODE_HEIGHT = LABELLED_NODE_HEIGHT + 2 * LABEL_LINE_HEIGHT  # of a name and three lines of a label
HORIZONTAL_LIMITS: tuple[Size, ...] = (
    (WRAPPED_NODE_HEIGHT, math.inf),
    (LABELLED_NODE_HEIGHT, math.inf),
    (28.0, math.inf),
    (20.0, math.inf),
)
"""The same with layers from left to right: the least height of boxes, and any width."""
HORIZONTAL_CROWD = LayoutTransform(0.5, (0.0, ROW_SPACING), (0.0, 110.0))
"""How tokens and crowds are spread from left to right: boxes are wider than high."""
LAYER_GAP = 12.0  # scene units between layers from left to right, where edges bend
MAX_HORIZONTAL_WIDTH = 150.0  # scene units of a box with a label
PACKED_BOXES: tuple[tuple[float, Size], ...] = (
    (COMFORTABLE_ZOOM, (136.0, LABELLED_NODE_HEIGHT)),  # with room for a label of two words
    (READABLE_ZOOM, (136.0, LABELLED_NODE_HEIGHT)),
    (COMFORTABLE_ZOOM, (90.0, LABELLED_NODE_HEIGHT)),
    (READABLE_ZOOM, (90.0, LABELLED_NODE_HEIGHT)),
    (PACKED_ZOOM, (90.0, LABELLED_NODE_HEIGHT)),
    (PACKED_ZOOM, (72.0, 24.0)),
    (PACKED_ZOOM, (60.0, 20.0)),
)
"""Pixels per scene unit and size of a box with a name, in columns of tokens, the most comfortable first."""
MIN_LEVEL_COLUMN_PX = 30.0  # narrower columns have slanted tokens in any case
CELL_GAP = 3.0  # scene units between two cells of a grid
MARGINS = (90.0, 44.0)  # scene units beyond the middles of the outermost boxes


Spread = LayoutTransform | CellPacking
"""How a picture in the layout's units is spread over a view."""


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
        if is_new or not is_part_of_layout(self._reference_scene, picture):
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

    def to_layout_positions(
        self, places: Mapping[str, tuple[float, float]]
    ) -> dict[str, tuple[float, float]]:
        """Places to which a person moved nodes, in the layout's units."""
        self.is_frozen = True
        if self._layout_scene.is_horizontal:
            places = {name: (-y, x) for name, (x, y) in places.items()}
        return {name: self.transform.to_layout(at) for name, at in places.items()}


def transform_for_view(picture: CircuitScene, view: QSizeF, shows_all: bool = False) -> Spread:
    """How a picture in the layout's units is spread to a view of so many pixels.

    What stands in columns of tokens is packed into cells; crowds of which nothing can be read at once stay
    as they are.
    ``shows_all``: the view is filled, whether names can be read or not.
    """
    if picture.cells and not view.isEmpty():
        return _transform_for_cells(picture, view)
    if picture.columns and not view.isEmpty():
        return _pack_columns(picture, view)
    if picture.columns or view.isEmpty() or not 0 < len(picture.nodes) <= MAX_READABLE_COMPONENTS:
        return HORIZONTAL_CROWD if picture.is_horizontal else LayoutTransform()
    free = [node for node in picture.nodes if node.name not in picture.user_positioned]
    if not free:
        return LayoutTransform()
    places = {node.name: (node.x, node.y) for node in free}
    aside = {node.name for node in free if node.kind is NodeKind.MLP}
    sizes = {node.name: _box_size(node, picture.is_horizontal) for node in free}
    has_groups = any(node.members for node in free)  # their boxes, which list their nodes, are not cut
    spread = _spread_places(places, sizes, aside, view, has_groups, shows_all, picture.is_horizontal)
    if has_groups or _is_legible(spread, places, view, picture.is_horizontal):
        return spread
    return _wrap_rows(places, aside, view, picture.is_horizontal) or spread


def _wrap_rows(
    places: Positions, aside: Collection[str], view: QSizeF, is_horizontal: bool
) -> CellPacking | None:
    """Rows that are too wide for a view in several lines, the MLPs beside them; None without room for all."""
    inner = [x for name, (x, _) in places.items() if name not in aside]
    outer = [places[name][0] for name in aside]
    spans = [(min(some), max(some)) for some in (inner, outer) if some]
    if inner and outer and max(inner) >= min(outer):  # no column of their own
        xs = inner + outer
        spans = [(min(xs), max(xs))]
    for zoom, box in PACKED_BOXES:
        size = view.width() / zoom - 2 * BOUNDS_MARGIN - 1, view.height() / zoom - 2 * BOUNDS_MARGIN - 1
        if len(places) * box[0] * box[1] > size[0] * size[1]:
            continue
        packing = pack_cells(places, spans, {}, size, box, is_horizontal)
        if packing is not None and len(packing.named) == len(places):
            return packing
    return None


def _pack_columns(picture: CircuitScene, view: QSizeF) -> Spread:
    """The most comfortable packing with a name for each node, else the one with as many names as possible."""
    free = [node for node in picture.nodes if node.name not in picture.user_positioned]
    if not free:
        return LayoutTransform()
    spans = [(column.left, column.right) for column in picture.columns]
    marked = {node.name for node in free if node.label or node.pinned or node.members}
    rank = dict(zip(picture.by_name, picture.importance.tolist(), strict=True))
    rank.update({name: 1.0 + rank[name] for name in marked})
    places = {node.name: (node.x, node.y) for node in free}
    turned, smallest = picture.is_horizontal, PACKED_BOXES[-1]
    for (zoom, box), is_endless in (*((each, False) for each in PACKED_BOXES), (smallest, True)):
        may_cut = (zoom, box) == smallest
        if not may_cut and len(free) * box[0] * box[1] * zoom**2 > view.width() * view.height():
            continue
        has_many = len(spans) * MIN_LEVEL_COLUMN_PX > view.width()
        below = (MAX_SLANTED_HEIGHT_PX if has_many else LEVEL_TEXT_HEIGHT_PX) * (not turned)
        for _ in range(2):  # narrow columns have slanted tokens, which take more of the view
            width, height = view.width() - max(0.0, below - LEVEL_TEXT_HEIGHT_PX), view.height() - below
            size = width / zoom - 2 * BOUNDS_MARGIN - 1, height / zoom - 2 * BOUNDS_MARGIN - 1
            packing = pack_cells(places, spans, rank, size, box, turned, is_endless)
            if packing is None:
                break
            columns = _packed_columns(picture, packing)
            if (
                needed := token_axis_height(CircuitScene(columns=columns, is_horizontal=turned), zoom)
            ) <= below:
                break
            below = needed
        if packing is not None and (may_cut or len(packing.named) == len(free)):
            return packing
    return LayoutTransform()


def _packed_columns(picture: CircuitScene, packing: CellPacking) -> tuple[TokenColumn, ...]:
    return tuple(
        replace(column, left=left, right=right)
        for column, (left, right) in zip(picture.columns, packing.columns, strict=True)
    )


def _place_packed(picture: CircuitScene, packing: CellPacking) -> CircuitScene:
    """The picture in its packing; what a person moved stands where it was put, between the others."""
    turned = picture.is_horizontal
    is_full = packing.box_height >= LABELLED_NODE_HEIGHT
    of_moved = None if is_full else max((packing.boxes[name] for name in packing.named), default=None)
    nodes = []
    for node in picture.nodes:
        box = packing.boxes.get(node.name, of_moved)
        is_packed = box is not None and node.name not in picture.user_positioned
        across, along = packing.places[node.name] if is_packed else packing.to_view((node.x, node.y))
        x, y = (along, -across) if turned else (across, along)
        if box is None or (is_full and node.name in packing.named and not node.members):
            room = DEFAULT_MAX_WIDTH if box is None else box[0]
            nodes.append(replace(node, x=x, y=y, max_width=room))
        else:
            nodes.append(replace(node, x=x, y=y, box=box))
    columns = _packed_columns(picture, packing) if picture.columns else ()
    return replace(picture, nodes=tuple(nodes), columns=columns)


def _transform_for_cells(picture: CircuitScene, view: QSizeF) -> LayoutTransform:
    """A grid of all heads and MLPs fills the view: with names where they can be read, else without.

    It depends on no node that is drawn, so that a search which adds nodes moves none.
    """
    ys = [y for _, y in picture.cells.values()]
    ends = {"input": (0.0, min(ys) - ROW_SPACING), "logits": (0.0, max(ys) + ROW_SPACING)}
    places = {**picture.cells, **ends}
    sizes = dict.fromkeys(places, (NODE_WIDTHS[NodeKind.HEAD], LABELLED_NODE_HEIGHT))
    return _spread_places(places, sizes, (), view, False, True, picture.is_horizontal, is_grid=True)


def _spread_places(
    places: Positions,
    sizes: Mapping[str, Size],
    aside: Collection[str],
    view: QSizeF,
    has_groups: bool,
    shows_all: bool,
    is_horizontal: bool,
    is_grid: bool = False,
) -> LayoutTransform:
    size, limits = (view.width(), view.height()), BOX_LIMITS
    if is_horizontal:  # across the layers is downwards, and boxes are as high as they are far apart
        size, limits = (view.height(), view.width()), HORIZONTAL_LIMITS[is_grid:]
        least = 0.0 if has_groups else LABELLED_NODE_HEIGHT - limits[-1][0]
        sizes = {name: (height - least, width + LAYER_GAP) for name, (width, height) in sizes.items()}
    if has_groups:
        limits = ((0.0, math.inf),)
    spread = fit_layout_to_view(places, sizes, aside, size, PACKED_ZOOM, READABLE_ZOOM, limits)
    if not shows_all:
        return spread
    if _is_legible(spread, places, view, is_horizontal):
        return spread
    return fit_layout_to_view(places, sizes, aside, size, 0.0, READABLE_ZOOM, limits[-1:])


def _is_legible(spread: LayoutTransform, places: Positions, view: QSizeF, is_horizontal: bool) -> bool:
    """Whether all of what is spread is in sight where names can be read."""
    corners = [spread.to_view(at) for at in places.values()]
    size = (view.height(), view.width()) if is_horizontal else (view.width(), view.height())
    margins = MARGINS[::-1] if is_horizontal else MARGINS
    return all(
        (max(at[i] for at in corners) - min(at[i] for at in corners) + margins[i]) * LEGIBLE_ZOOM <= size[i]
        for i in (0, 1)
    )


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
    columns = _head_columns(picture, spread) if cells else picture.columns
    return replace(picture, nodes=tuple(nodes), cells=cells, columns=columns)


def _head_columns(picture: CircuitScene, spread: LayoutTransform) -> tuple[TokenColumn, ...]:
    """The columns of a grid of cells, with the numbers of the heads in them."""
    text_of = {at[0]: name.partition(".h")[2] or "MLP" for name, at in picture.cells.items()}
    half = (spread.x_factor * COLUMN_SPACING - CELL_GAP) / 2
    middles = {x: spread.to_view((x, 0.0))[0] for x in sorted(text_of)}
    return tuple(TokenColumn(text_of[x], at - half, at + half) for x, at in middles.items())


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
    nodes = tuple(
        replace(
            node,
            x=places[node.name][0],
            y=places[node.name][1],
            max_width=cell[0] if node.name in picture.cells else min(pitch - LAYER_GAP, MAX_HORIZONTAL_WIDTH),
            max_height=max(height, cell[1]) if node.name in picture.cells else height,
            cell=cell if node.name in picture.cells else None,
        )
        for node in picture.nodes
    )
    columns = _head_columns(picture, spread) or tuple(
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


def _box_size(node: DrawnNode, is_horizontal: bool) -> Size:
    """Its box, with room for a label whether it has one or not: a first label moves nothing."""
    if node.members:
        size = layout_box_label(node.title, node.members)
        return size.width, size.height
    is_narrow = is_horizontal and node.kind in END_KINDS
    return NODE_WIDTHS[NodeKind.HEAD if is_narrow else node.kind], LABELLED_NODE_HEIGHT
