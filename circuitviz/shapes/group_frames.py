"""Open groups: a pale ground below their nodes, so that what belongs together is seen where it stands."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import cycle

import numpy as np

from circuitviz.scene.circuit_scene import CircuitScene, DrawnNode, GroupFrame
from circuitviz.scene.class_colours import colour_in_theme
from circuitviz.scene.edge_arrays import FloatArray
from circuitviz.scene.spanning_tree import spanning_tree
from circuitviz.scene.theme import Theme, blend_hex
from circuitviz.shapes.drawing import BoxShape, DrawingShape, Point, TextShape, polyline
from circuitviz.shapes.node_shapes import BoxRect
from circuitviz.shapes.page_style import PageStyle
from circuitviz.shapes.text_metrics import text_width

ROLE_LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
LINE_SHARE, FILL_SHARE, DARK_FILL_SHARE, NAME_SHARE = 0.55, 0.13, 0.20, 0.6  # of the group's colour
LINE_WIDTH, NAME_GAP = 1.2, 3.0  # scene units


@dataclass(frozen=True, slots=True)
class FrameMargins:
    """How far a frame reaches beyond its nodes, and how wide the ways between them are, in scene units.

    Attributes:
        x: to the left and right of a node.
        y: above and below a node.
        nested: so much further for each group within: room for that one's frame and name.
        way: width of the ways that join the nodes.
    """

    x: float
    y: float
    nested: float
    way: float


PAGE_MARGINS = FrameMargins(2.5, 4.0, 1.5, 12.0)  # rows of a page are near to each other


@dataclass(frozen=True)
class FrameOutline:
    """One open group as it is drawn: boxes about its nodes and ways between them, together one shape.

    Attributes:
        frame: the group.
        letter: which of the groups it is, for the roles of its shapes.
        boxes: left, top, width and height about each node.
        ways: the ends of the ways between nodes.
        way_width: how wide the ways are.
        fill: the ground's colour.
        line: the outline's colour.
        name_colour: what the name is written in.
    """

    frame: GroupFrame
    letter: str
    boxes: list[BoxRect]
    ways: list[tuple[Point, Point]]
    way_width: float
    fill: str
    line: str
    name_colour: str

    def shapes(self) -> list[DrawingShape]:
        """The outline's shapes, a line wider, and over them those of the ground: together one shape."""
        made: list[DrawingShape] = []
        for role, ink, more in (
            (f"frame {self.letter} line", self.line, LINE_WIDTH),
            (f"frame {self.letter}", self.fill, 0.0),
        ):
            made += [polyline(f"way {role}", way, ink, self.way_width + 2 * more) for way in self.ways]
            for x, y, width, height in self.boxes:
                place = x - more, y - more, width + 2 * more, height + 2 * more
                made.append(BoxShape(role, *place, ink, ink, 0.0, "frame"))
        return made


def frame_outlines(
    scene: CircuitScene, bounds: FloatArray, margins: FrameMargins, theme: Theme
) -> list[FrameOutline]:
    """The open groups of a scene, the widest first, which lies lowest.

    Args:
        scene: what is drawn.
        bounds: left, top, right and bottom of the boxes of its nodes [nodes, 4], y downwards.
        margins: how far the frames reach.
        theme: the colours.
    """
    outlines = []
    share = DARK_FILL_SHARE if theme.is_dark else FILL_SHARE
    for letter, frame in zip(cycle(ROLE_LETTERS), scene.frames, strict=False):
        held = bounds[np.array([_is_inside(node, frame) for node in scene.nodes], bool)]
        if not len(held):
            continue
        inner = margins.nested * sum(other.nodes < frame.nodes for other in scene.frames)
        x, y = margins.x + inner, margins.y + inner
        boxes = [(a - x, b - y, c - a + 2 * x, d - b + 2 * y) for a, b, c, d in held.tolist()]
        colour = colour_in_theme(frame.colour, theme)
        middles = [(left + width / 2, top + height / 2) for left, top, width, height in boxes]
        outlines.append(
            FrameOutline(
                frame,
                letter,
                boxes,
                [(middles[one], middles[two]) for one, two in spanning_tree(middles)],
                margins.way,
                blend_hex(colour, theme.ground, share),
                blend_hex(colour, theme.ground, LINE_SHARE),
                blend_hex(colour, theme.text, NAME_SHARE),
            )
        )
    return outlines


def frame_names(outlines: Sequence[FrameOutline], page_width: float, page: PageStyle) -> list[TextShape]:
    """The names of groups, each above its upper left node, or the next one where a name stands there.

    They are to be written over all else, and are always on the page.
    """
    names: list[TextShape] = []
    for outline in outlines:
        text = outline.frame.name
        long = text_width(text, page.font, page.small_size, True)
        tried = []
        for x, y, _, _ in sorted(outline.boxes, key=lambda box: (round(box[1], 2), box[0])):
            left = max(0.0, min(x, page_width - long))
            made = TextShape(left, y - NAME_GAP, text, page.small_size, outline.name_colour, bold=True)
            tried.append(made)
            if not any(_texts_overlap(made, other, page.font) for other in names):
                break
        else:
            made = tried[0]
        names.append(made)
    return names


def frame_name_room(scene: CircuitScene, top: Sequence[DrawnNode], size: float) -> float:
    """Room above the top row of nodes, where a group's name stands above one of them."""
    named = any(_is_inside(node, frame) for frame in scene.frames for node in top)
    return 1.5 * size if named else 0.0


def _is_inside(node: DrawnNode, frame: GroupFrame) -> bool:
    return set(node.members or (node.name,)) <= frame.nodes


def _texts_overlap(one: TextShape, two: TextShape, font: str) -> bool:
    """Whether two names would be written over one another."""
    apart = (text_width(each.text, font, each.size, True) + 0.5 * each.size for each in (one, two))
    long, other = apart
    across = one.x < two.x + other and two.x < one.x + long
    return across and abs(one.y - two.y) < one.size
