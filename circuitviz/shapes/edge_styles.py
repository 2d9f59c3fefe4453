"""How edges look: one table of inks, widths, opacities and dashes for the window, figures and both legends.

The line tells the sign of the score, and the end of the line the input at which it arrives: a dot on the
canvas, the head of an arrow on paper. Where the theme colours edges by input, the line tells that, and the
dash alone the sign.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from circuitviz.scene.edge_arrays import SIDES, BoolArray, EdgeArrays, FloatArray, IndexArray
from circuitviz.scene.edge_curves import EdgeCurves
from circuitviz.scene.edge_routes import route_around_boxes
from circuitviz.scene.theme import Theme, blend_hex
from circuitviz.shapes.drawing import CurveShape, Point

INKS = ("positive", "negative", "muted", "query", "key", "value", "direct")
"""What edges are drawn in; ``EdgeStyles.ink`` and ``end_ink`` index them."""
POSITIVE, NEGATIVE, MUTED, QUERY, KEY, VALUE, DIRECT = range(len(INKS))
NO_INK = -1
SOLID, DASHED, DOTTED = range(3)
PORT_OFFSETS = np.array([0.0, -0.3, 0.0, 0.3])
"""Where each of ``edge_arrays.CHANNELS`` enters a box, in widths from its middle: q left, v right."""

_INK_OF_CHANNEL = np.array([DIRECT, QUERY, KEY, VALUE])
_END_INK_OF_CHANNEL = np.array([NO_INK, QUERY, KEY, VALUE])
_INK_OF_SIDE = np.array([POSITIVE, MUTED, POSITIVE, NEGATIVE])
_DASH_PATTERNS = (None, (4.0, 1.6), (1.0, 2.0))  # lengths of a dash and of its gap, in widths of the line
_MIN_DASHED_WIDTH = 1.5  # scene units; the dashes of a thinner line are as long as those of this one
_MIN_WIDTH, _WIDTH_RANGE = 0.8, 4.0  # scene units
_MIN_OPACITY, _OPACITY_RANGE = 0.30, 0.65
_ABLATED_WIDTH, _ABLATED_OPACITY = 1.0, 0.5
_MIN_MARKED_OPACITY = 0.3  # the end of a paler edge, which a search seldom found, has no ink of its own
_N_LEVELS = 8
_MIN_HAIRLINE_SHARE, _HAIRLINE_SHARE_STEP, _MUTED_HAIRLINE_SHARE = 0.22, 0.09, 0.25


@dataclass(frozen=True, eq=False)
class EdgeStyles:
    """How edges are drawn, as columns.

    Attributes:
        ink: [edges] of the line, an index into ``INKS``.
        end_ink: [edges] of the line's end, ``NO_INK`` where it has none of its own.
        width: [edges] in scene units.
        opacity: [edges] 0 to 1.
        dash: [edges] ``SOLID``, ``DASHED`` or ``DOTTED``.
        level: [edges] 0 to 7, the square root of the strength in steps: hairlines of one level share a pen.
        colours: ``#rrggbb`` of each ink.
        ground: the colour of what lies below.
    """

    ink: IndexArray
    end_ink: IndexArray
    width: FloatArray
    opacity: FloatArray
    dash: IndexArray
    level: IndexArray
    colours: tuple[str, ...]
    ground: str

    @staticmethod
    def of_edges(edges: EdgeArrays, theme: Theme) -> EdgeStyles:
        """The styles of a scene's edges."""
        return edge_styles(
            theme, edges.channel, edges.score < 0, edges.strength, edges.ablated, edges.side, edges.opacity
        )

    def line(self, row: int, points: Iterable[Point], arrow: bool = False) -> CurveShape:
        """An edge along the points of its cubic pieces.

        Args:
            row: of the edge.
            points: a start, then for each piece two control points and an end.
            arrow: whether the line ends in the head of an arrow, unless it is ablated.
        """
        width, ink, end = float(self.width[row]), int(self.ink[row]), int(self.end_ink[row])
        pattern, dashed = _DASH_PATTERNS[self.dash[row]], max(width, _MIN_DASHED_WIDTH)
        if self.dash[row] == DOTTED:
            dashed = width
        return CurveShape(
            INKS[ink],
            tuple(points),
            self.colours[ink],
            width,
            float(self.opacity[row]),
            None if pattern is None else (pattern[0] * dashed, pattern[1] * dashed),
            arrow and self.dash[row] != DOTTED,
            end_role="" if end < 0 else INKS[end],
            end_colour="" if end < 0 else self.colours[end],
        )

    def hairlines(self, rows: IndexArray) -> list[tuple[IndexArray, str, bool]]:
        """Rows of edges that are drawn a pixel wide, by colour, with the colour and whether it is dashed.

        The weak come first. A hairline is opaque, its colour mixed with the ground's: the strong stand out
        from the weak below them instead of drowning in the sum of all.
        """
        level = np.minimum(self.level[rows], np.ceil(self.opacity[rows] * (_N_LEVELS - 1)))
        dashed = self.dash[rows] == DASHED
        key = ((level * len(INKS) + self.ink[rows]) * 2 + dashed).astype(np.uint8)
        order = np.argsort(key, kind="stable")
        starts = np.flatnonzero(np.diff(key[order], prepend=-1))
        made = []
        for group in np.split(order, starts[1:]) if len(order) else ():
            step, dash = divmod(int(key[group[0]]), 2)
            step, ink = divmod(step, len(INKS))
            share = _MIN_HAIRLINE_SHARE + _HAIRLINE_SHARE_STEP * step
            share = _MUTED_HAIRLINE_SHARE if ink == MUTED else share
            made.append((rows[group], blend_hex(self.colours[ink], self.ground, share), bool(dash)))
        return made


def edge_curves(
    edges: EdgeArrays, bounds: FloatArray, port_widths: FloatArray, is_horizontal: bool = False
) -> EdgeCurves:
    """The curves of edges, from the sender to the receiver's port for q, k or v, beside other boxes.

    They leave a box at its top and arrive at the bottom; where layers go from left to right, at the right
    and the left.

    Args:
        edges: their ends are rows of ``bounds``.
        bounds: left, top, right and bottom of the boxes of the nodes [nodes, 4], y downwards.
        port_widths: over how wide a part of its box each node has its ports [nodes].
        is_horizontal: whether layers go from left to right.
    """
    widths = line_widths(edges.strength)
    if is_horizontal:
        middle = (bounds[:, 1] + bounds[:, 3]) / 2
        height = bounds[edges.receiver, 3] - bounds[edges.receiver, 1]
        at = middle[edges.receiver] + PORT_OFFSETS[edges.channel] * height
        start = np.stack([bounds[edges.sender, 2], middle[edges.sender]], -1)
        end = np.stack([bounds[edges.receiver, 0], at], -1)
        return route_around_boxes(EdgeCurves(start, end, is_horizontal), bounds, widths)
    middle = (bounds[:, 0] + bounds[:, 2]) / 2
    at = middle[edges.receiver] + PORT_OFFSETS[edges.channel] * port_widths[edges.receiver]
    start = np.stack([middle[edges.sender], bounds[edges.sender, 1]], -1)
    end = np.stack([at, bounds[edges.receiver, 3]], -1)
    return route_around_boxes(EdgeCurves(start, end), bounds, widths)


def line_widths(strength: FloatArray) -> FloatArray:
    """Widths of edges in scene units, by |score| as a share of the strongest edge's [edges]."""
    return np.asarray(_MIN_WIDTH + _WIDTH_RANGE * np.sqrt(np.clip(strength, 0.0, 1.0)))


def edge_styles(
    theme: Theme,
    channel: IndexArray,
    is_negative: BoolArray,
    strength: FloatArray,
    ablated: BoolArray | bool = False,
    side: IndexArray | int = 0,
    opacity: FloatArray | float = 1.0,
) -> EdgeStyles:
    """The styles of edges; of two circuits that are compared, grey is what both have.

    Args:
        theme: colours, and whether a line tells the sign or the input.
        channel: [edges] indices into ``edge_arrays.CHANNELS``.
        is_negative: [edges] whether the score is.
        strength: [edges] |score| as a share of the strongest edge's.
        ablated: [edges] whether the edge is.
        side: [edges] indices into ``edge_arrays.SIDES``; 0 where nothing is compared.
        opacity: [edges] by which the line's own is multiplied.
    """
    by_sign = np.where(is_negative, NEGATIVE, POSITIVE)
    ink = _INK_OF_CHANNEL[channel] if theme.has_edges_by_input else by_sign
    ink = np.where(np.asarray(side) > 0, _INK_OF_SIDE[side], np.where(ablated, MUTED, ink))
    end_ink = np.where(
        ablated | (np.asarray(opacity) <= _MIN_MARKED_OPACITY), NO_INK, _END_INK_OF_CHANNEL[channel]
    )
    is_dashed = np.where(np.asarray(side) > 0, side == SIDES.index("right"), is_negative)
    share = np.sqrt(np.clip(strength, 0.0, 1.0))
    own = np.where(ablated, _ABLATED_OPACITY, _MIN_OPACITY + _OPACITY_RANGE * share)
    return EdgeStyles(
        ink,
        end_ink,
        np.where(ablated, _ABLATED_WIDTH, line_widths(strength)),
        own * opacity,
        np.where(ablated, DOTTED, np.where(is_dashed, DASHED, SOLID)),
        np.minimum(share * _N_LEVELS, _N_LEVELS - 1).astype(np.intp),
        (
            *(theme.positive, theme.negative, theme.muted),
            *(theme.query, theme.key, theme.value),
            theme.positive,
        ),
        theme.ground,
    )
