"""Open groups on paper: a pale ground below their nodes, as on the canvas, of shapes of every format."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from itertools import cycle

from circuitviz.scene.circuit_scene import CircuitScene, GroupFrame
from circuitviz.scene.spanning_tree import spanning_tree
from circuitviz.scene.theme import blend_hex
from circuitviz.shapes.drawing import BoxShape, CurveShape, Drawing, DrawingShape, Point, TextShape
from circuitviz.shapes.figure_style import FigureStyle
from circuitviz.shapes.text_metrics import text_width

ROLE_LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
FILL_SHARE = 0.10  # the group's colour on the ground
MARGIN_X_EM, MARGIN_Y_EM, NESTING_MARGIN_EM = (
    0.18,
    0.28,
    0.10,
)  # around nodes, and more around nested groups; in sizes of text
BRIDGE_HEIGHT_SHARE = 0.55  # width of the ways between nodes, a share of a box's height


def draw_group_frames(
    drawing: Drawing,
    picture: CircuitScene,
    ink: FigureStyle,
    at: Mapping[str, Point],
    box: Point,
    size: float,
) -> list[TextShape]:
    """Draw the open groups below what is drawn next; returns their names, to be written over it all.

    ``at``: middles of nodes, ``box``: width and height of each.
    """
    names: list[TextShape] = []
    for letter, frame in zip(cycle(ROLE_LETTERS), picture.frames, strict=False):
        if places := [at[name] for name in _nodes_in_frame(picture, frame)]:
            inner = sum(other.nodes < frame.nodes for other in picture.frames)
            drawing.body += _frame_shapes(frame, letter, places, ink, box, size, inner)
            names.append(_frame_name(drawing, frame, places, ink, box, size, inner, names))
    return names


def frame_name_room(picture: CircuitScene, top: Collection[str], size: float) -> float:
    """Room above the top row of nodes, where a group's name stands above one of them."""
    named = any(set(top) & set(_nodes_in_frame(picture, frame)) for frame in picture.frames)
    return 1.5 * size if named else 0.0


def _nodes_in_frame(picture: CircuitScene, frame: GroupFrame) -> list[str]:
    return [node.name for node in picture.nodes if set(node.members or (node.name,)) <= frame.nodes]


def _frame_shapes(
    frame: GroupFrame, letter: str, places: list[Point], ink: FigureStyle, box: Point, size: float, inner: int
) -> list[DrawingShape]:
    """The outline's shapes, a line wider, and over them those of the ground: together one shape."""
    colour = ink.label_colours.get(frame.name, frame.colour)
    line, fill = blend_hex(colour, ink.background, 0.55), blend_hex(colour, ink.background, FILL_SHARE)
    thick = round(0.8 * ink.line_scale, 2)
    wide, high = (
        box[0] + 2 * (MARGIN_X_EM + NESTING_MARGIN_EM * inner) * size,
        box[1] + 2 * (MARGIN_Y_EM + NESTING_MARGIN_EM * inner) * size,
    )
    ways = [(places[one], places[two]) for one, two in spanning_tree(places)]
    shapes: list[DrawingShape] = []
    for role, tint, more in ((f"frame {letter} line", line, thick), (f"frame {letter}", fill, 0.0)):
        for start, end in ways:
            bridge = round(BRIDGE_HEIGHT_SHARE * box[1] + 2 * more, 2)
            shapes.append(CurveShape(f"way {role}", _straight_points(start, end), tint, bridge))
        for x, y in places:
            corner = (x - wide / 2 - more, y - high / 2 - more, wide + 2 * more, high + 2 * more)
            shapes.append(BoxShape(role, *corner, tint, tint, 0.05))
    ink.boxes_by_text.setdefault(
        f"{frame.name} (group)", BoxShape(f"group {letter}", 0, 0, 0, 0, fill, line, thick)
    )
    return shapes


def _straight_points(start: Point, end: Point) -> tuple[Point, ...]:
    return tuple(
        (start[0] + (end[0] - start[0]) * i / 3, start[1] + (end[1] - start[1]) * i / 3) for i in range(4)
    )


def _frame_name(
    drawing: Drawing,
    frame: GroupFrame,
    places: list[Point],
    ink: FigureStyle,
    box: Point,
    size: float,
    inner: int,
    others: list[TextShape],
) -> TextShape:
    """Above the upper left node, or the next one where another name stands there; always on the page."""
    small = max(6.0, 0.86 * size)  # no text of a figure is smaller
    long = text_width(frame.name, drawing.font, small, True)
    colour = blend_hex(ink.label_colours.get(frame.name, frame.colour), ink.theme.text, 0.6)
    rise = box[1] / 2 + (MARGIN_Y_EM + NESTING_MARGIN_EM * inner + 0.22) * size
    tried = []
    for x, y in sorted(places, key=lambda place: (round(place[1], 2), place[0])):
        left = max(0.0, min(x - box[0] / 2, drawing.width - long))
        made = TextShape(left, y - rise, frame.name, small, colour, bold=True)
        if not any(_texts_overlap(made, other, drawing.font) for other in others):
            return made
        tried.append(made)
    return tried[0]


def _texts_overlap(one: TextShape, two: TextShape, font: str) -> bool:
    """Whether two names would be written over one another."""
    apart = (text_width(each.text, font, each.size, True) + 0.5 * each.size for each in (one, two))
    long, other = apart
    across = one.x < two.x + other and two.x < one.x + long
    return across and abs(one.y - two.y) < one.size
