"""How a picture in the layout's units is spread over a view, so that names can be read where they can."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace

from PySide6.QtCore import QSizeF

from circuitviz.canvas.camera_placement import MAX_READABLE_COMPONENTS, READABLE_ZOOM
from circuitviz.canvas.token_axis import (
    LEVEL_TEXT_HEIGHT_PX,
    MAX_SLANTED_HEIGHT_PX,
    token_axis_height,
    token_axis_width,
)
from circuitviz.graph import NodeKind
from circuitviz.layout import COLUMN_SPACING, ROW_SPACING, Positions
from circuitviz.layout.cell_packing import CellPacking, pack_cells
from circuitviz.layout.layout_transform import (
    BOUNDS_MARGIN,
    COMFORTABLE_ZOOM,
    MIN_GAP_Y,
    LayoutTransform,
    Size,
    fit_layout_to_view,
)
from circuitviz.paint.circuit_painter import LEGIBLE_ZOOM, label_measure
from circuitviz.scene.box_label import layout_box_label
from circuitviz.scene.circuit_scene import (
    LABELLED_NODE_HEIGHT,
    CircuitScene,
    DrawnNode,
    TokenColumn,
)
from circuitviz.shapes.node_shapes import END_KINDS, LABEL_INSET, LABEL_LINE_HEIGHT, NODE_WIDTHS

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
NARROW_LAYER_GAP, MIN_LAYER_GAP = 6.0, 1.0  # the same between many layers, and between as many as have room
NARROW_WIDTHS, MIN_NARROW_WIDTH = (56.0, 46.0), 24.0  # scene units of boxes of many layers, for a name each
NARROW_HEIGHT = 26.0
CELL_WIDTHS = (
    82.0,
    66.0,
    50.0,
    38.0,
    34.0,
    30.0,
    26.0,
)  # scene units of a cell with layers from left to right
CELL_GAP = 3.0  # scene units between two cells of a grid
MARGINS = (90.0, 44.0)  # scene units beyond the middles of the outermost boxes


Spread = LayoutTransform | CellPacking
"""How a picture in the layout's units is spread over a view."""


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
    narrow = _narrow_layers(free, places, sizes, aside, view) if picture.is_horizontal else None
    if narrow is not None and _is_legible(narrow, places, view, picture.is_horizontal):
        return narrow
    wrapped = _wrap_rows(places, aside, view, picture.is_horizontal)
    return wrapped or (spread if shows_all or narrow is None else narrow)


def _narrow_layers(
    nodes: Sequence[DrawnNode],
    places: Positions,
    sizes: Mapping[str, Size],
    aside: Collection[str],
    view: QSizeF,
) -> LayoutTransform:
    """Many layers from left to right in boxes as narrow as names need, which leave the layer to the axis."""
    inner = [node for node in nodes if node.kind not in END_KINDS]
    measure = label_measure()
    needed = max((measure(node.title_in_cell) for node in inner), default=0.0) + LABEL_INSET
    needed = min(max(needed, MIN_NARROW_WIDTH), NARROW_WIDTHS[0])
    widths = [*(width for width in NARROW_WIDTHS if width > needed), needed]
    for width, gap in (*((width, NARROW_LAYER_GAP) for width in widths), (needed, MIN_LAYER_GAP)):
        narrow = {
            **sizes,
            **{node.name: (width - LAYER_GAP + gap, NARROW_HEIGHT) for node in inner},
        }
        spread = _spread_places(places, narrow, aside, view, False, False, True)
        if _is_legible(spread, places, view, True):
            break
    return replace(spread, box_length=width)


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
            columns = packed_columns(picture, packing)
            if (
                needed := token_axis_height(CircuitScene(columns=columns, is_horizontal=turned), zoom)
            ) <= below:
                break
            below = needed
        if packing is not None and (may_cut or len(packing.named) == len(free)):
            return packing
    return LayoutTransform()


def packed_columns(picture: CircuitScene, packing: CellPacking) -> tuple[TokenColumn, ...]:
    """The columns of tokens of a picture where a packing puts them."""
    return tuple(
        replace(column, left=left, right=right)
        for column, (left, right) in zip(picture.columns, packing.columns, strict=True)
    )


def _transform_for_cells(picture: CircuitScene, view: QSizeF) -> LayoutTransform:
    """A grid of all heads and MLPs fills the view: with names where they can be read, else without.

    It depends on no node that is drawn, so that a search which adds nodes moves none.
    """
    ys = [y for _, y in picture.cells.values()]
    ends = {"input": (0.0, min(ys) - ROW_SPACING), "logits": (0.0, max(ys) + ROW_SPACING)}
    places = {**picture.cells, **ends}
    size, turned = (NODE_WIDTHS[NodeKind.HEAD], LABELLED_NODE_HEIGHT), picture.is_horizontal
    sizes = dict.fromkeys(places, size)
    if turned:
        heads = CircuitScene(columns=head_columns(picture, LayoutTransform()), is_horizontal=True)
        xs = [x for x, _ in picture.cells.values()]
        n_gaps = (max(xs) - min(xs)) / COLUMN_SPACING  # a cell is as high as rows are apart
        view = QSizeF(view.width() - token_axis_width(heads), view.height() * n_gaps / (n_gaps + 1))
    for width in CELL_WIDTHS if turned else ():
        sizes = dict.fromkeys(places, (width - LAYER_GAP - MIN_GAP_Y + CELL_GAP, size[1])) | dict.fromkeys(
            ends, size
        )
        spread = _spread_places(places, sizes, (), view, False, False, turned, is_grid=True)
        if _is_legible(spread, places, view, turned):
            return spread
    return _spread_places(places, sizes, (), view, False, True, turned, is_grid=True)


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


def _box_size(node: DrawnNode, is_horizontal: bool) -> Size:
    """Its box, with room for a label whether it has one or not: a first label moves nothing."""
    if node.members:
        size = layout_box_label(node.title, node.members)
        return size.width, size.height
    is_narrow = is_horizontal and node.kind in END_KINDS
    return NODE_WIDTHS[NodeKind.HEAD if is_narrow else node.kind], LABELLED_NODE_HEIGHT


def head_columns(picture: CircuitScene, spread: LayoutTransform) -> tuple[TokenColumn, ...]:
    """The columns of a grid of cells, with the numbers of the heads in them."""
    text_of = {at[0]: name.partition(".h")[2] or "MLP" for name, at in picture.cells.items()}
    half = (spread.x_factor * COLUMN_SPACING - CELL_GAP) / 2
    middles = {x: spread.to_view((x, 0.0))[0] for x in sorted(text_of)}
    return tuple(TokenColumn(text_of[x], at - half, at + half) for x, at in middles.items())
