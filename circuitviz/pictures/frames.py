"""Open groups on paper: a pale ground below their nodes, as on the canvas, of shapes of every format."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from itertools import cycle

from circuitviz.canvas.picture import CircuitPicture, Frame
from circuitviz.canvas.spanning import spanning_tree
from circuitviz.canvas.theme import mixed
from circuitviz.pictures.drawing import Box, Curve, Drawing, Point, Shape, Text
from circuitviz.pictures.ink import Ink
from circuitviz.pictures.measure import width

LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
PALE = 0.10  # the group's colour on the ground
BESIDE, ABOVE, STEP = 0.18, 0.28, 0.10  # around nodes, and more around nested groups; in sizes of text
BRIDGE = 0.55  # width of the ways between nodes, a share of a box's height


def draw_frames(
    drawing: Drawing, picture: CircuitPicture, ink: Ink, at: Mapping[str, Point], box: Point, size: float
) -> list[Text]:
    """Draw the open groups below what is drawn next; returns their names, to be written over it all.

    ``at``: middles of nodes, ``box``: width and height of each.
    """
    names: list[Text] = []
    for letter, frame in zip(cycle(LETTERS), picture.frames, strict=False):
        if places := [at[name] for name in _inside(picture, frame)]:
            inner = sum(other.nodes < frame.nodes for other in picture.frames)
            drawing.body += _ground(frame, letter, places, ink, box, size, inner)
            names.append(_name(drawing, frame, places, ink, box, size, inner, names))
    return names


def headroom(picture: CircuitPicture, top: Collection[str], size: float) -> float:
    """Room above the top row of nodes, where a group's name stands above one of them."""
    named = any(set(top) & set(_inside(picture, frame)) for frame in picture.frames)
    return 1.5 * size if named else 0.0


def _inside(picture: CircuitPicture, frame: Frame) -> list[str]:
    return [node.name for node in picture.nodes if set(node.members or (node.name,)) <= frame.nodes]


def _ground(
    frame: Frame, letter: str, places: list[Point], ink: Ink, box: Point, size: float, inner: int
) -> list[Shape]:
    """The outline's shapes, a line wider, and over them those of the ground: together one shape."""
    colour = ink.labels.get(frame.name, frame.colour)
    line, fill = mixed(colour, ink.ground, 0.55), mixed(colour, ink.ground, PALE)
    thick = round(0.8 * ink.scale, 2)
    wide, high = box[0] + 2 * (BESIDE + STEP * inner) * size, box[1] + 2 * (ABOVE + STEP * inner) * size
    ways = [(places[one], places[two]) for one, two in spanning_tree(places)]
    shapes: list[Shape] = []
    for role, tint, more in ((f"frame {letter} line", line, thick), (f"frame {letter}", fill, 0.0)):
        for start, end in ways:
            bridge = round(BRIDGE * box[1] + 2 * more, 2)
            shapes.append(Curve(f"way {role}", _straight(start, end), tint, bridge))
        for x, y in places:
            corner = (x - wide / 2 - more, y - high / 2 - more, wide + 2 * more, high + 2 * more)
            shapes.append(Box(role, *corner, tint, tint, 0.05))
    ink.boxes.setdefault(f"{frame.name} (group)", Box(f"group {letter}", 0, 0, 0, 0, fill, line, thick))
    return shapes


def _straight(start: Point, end: Point) -> tuple[Point, ...]:
    return tuple(
        (start[0] + (end[0] - start[0]) * i / 3, start[1] + (end[1] - start[1]) * i / 3) for i in range(4)
    )


def _name(
    drawing: Drawing,
    frame: Frame,
    places: list[Point],
    ink: Ink,
    box: Point,
    size: float,
    inner: int,
    others: list[Text],
) -> Text:
    """Above the upper left node, or the next one where another name stands there; always on the page."""
    small = max(6.0, 0.86 * size)  # no text of a figure is smaller
    long = width(frame.name, drawing.font, small, True)
    colour = mixed(ink.labels.get(frame.name, frame.colour), ink.theme.text, 0.6)
    rise = box[1] / 2 + (ABOVE + STEP * inner + 0.22) * size
    tried = []
    for x, y in sorted(places, key=lambda place: (round(place[1], 2), place[0])):
        left = max(0.0, min(x - box[0] / 2, drawing.width - long))
        made = Text(left, y - rise, frame.name, small, colour, bold=True)
        if not any(_meet(made, other, drawing.font) for other in others):
            return made
        tried.append(made)
    return tried[0]


def _meet(one: Text, two: Text, font: str) -> bool:
    """Whether two names would be written over one another."""
    apart = (width(each.text, font, each.size, True) + 0.5 * each.size for each in (one, two))
    long, other = apart
    across = one.x < two.x + other and two.x < one.x + long
    return across and abs(one.y - two.y) < one.size
