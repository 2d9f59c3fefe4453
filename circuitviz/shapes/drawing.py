"""A figure as plain shapes on paper, without Qt: every format paints the same list of them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise
from typing import Any

from circuitviz.scene.node_styles import style_corners

Point = tuple[float, float]


@dataclass(frozen=True, slots=True)
class BoxShape:
    """A box with its top left corner at x, y.

    ``shape``: ``round``, ``pill`` or ``square``; or a look of the canvas that is a polygon. Without a
    ``fill`` it is a frame; with a ``line_width`` of 0 it has no line.
    """

    role: str
    x: float
    y: float
    width: float
    height: float
    fill: str
    line_colour: str
    line_width: float = 0.6
    shape: str = "round"
    dashed: bool = False
    opacity: float = 1.0

    @property
    def corners(self) -> tuple[Point, ...]:
        """The corners of a polygon; none where it is a box."""
        return style_corners(self.shape, self.x, self.y, self.width, self.height)

    @property
    def radius(self) -> float:
        """How round the corners of a box are, in points."""
        if self.shape == "square":
            return 0.8 if self.line_width else 0.0
        radius = 3.0 if self.shape == "round" else 6.0
        return min(radius * max(1.0, self.line_width), self.height * 0.49)


@dataclass(frozen=True, slots=True)
class CurveShape:
    """Cubic pieces: a start, then for each piece two control points and an end."""

    role: str
    points: tuple[Point, ...]
    colour: str
    width: float
    opacity: float = 1.0
    dash: str = ""  # empty, "dashed" or "dotted"
    arrow: bool = False
    is_straight: bool = False  # whether every piece is a straight line


@dataclass(frozen=True, slots=True)
class AreaShape:
    """A filled stretch of paper with corners at ``points``."""

    role: str
    points: tuple[Point, ...]
    fill: str
    opacity: float = 1.0


@dataclass(frozen=True, slots=True)
class TextShape:
    """A line of text on its baseline at x, y; ``anchor`` is start, middle or end.

    ``rotation_deg``: degrees by which it is turned around x, y, clockwise.
    """

    x: float
    y: float
    text: str
    size: float
    colour: str
    bold: bool = False
    anchor: str = "start"
    rotation_deg: float = 0.0


DrawingShape = BoxShape | CurveShape | AreaShape | TextShape


@dataclass
class Drawing:
    """Shapes in points (1/72 inch), y downwards, the first lowest.

    ``legend`` holds the shapes that explain those of ``body``; ``background`` is empty where the
    figure is transparent.
    """

    width: float
    height: float
    background: str
    font: str
    body: list[DrawingShape] = field(default_factory=list)
    legend: list[DrawingShape] = field(default_factory=list)
    words: list[DrawingShape] = field(default_factory=list)

    @property
    def shapes(self) -> list[DrawingShape]:
        """Everything, in the order of painting."""
        return [*self.body, *self.legend, *self.words]

    def shift(self, dx: float, dy: float) -> None:
        """Move everything by so many points."""
        for name in ("body", "legend", "words"):
            setattr(self, name, [shifted(shape, dx, dy) for shape in getattr(self, name)])


def shifted(shape: DrawingShape, dx: float, dy: float) -> DrawingShape:
    """The same shape elsewhere."""
    if isinstance(shape, CurveShape | AreaShape):
        return replace(shape, points=tuple((x + dx, y + dy) for x, y in shape.points))
    return replace(shape, x=shape.x + dx, y=shape.y + dy)


def used_colours(shapes: Iterable[DrawingShape]) -> set[str]:
    """Every colour that shapes are drawn in; text is ink and not counted."""
    found: set[str] = set()
    for shape in shapes:
        if isinstance(shape, BoxShape):
            found |= {shape.fill} if shape.fill else set()
            found |= {shape.line_colour} if shape.line_width else set()
        elif isinstance(shape, AreaShape):
            found.add(shape.fill)
        elif isinstance(shape, CurveShape):
            found.add(shape.colour)
    return found


def polyline(role: str, points: Sequence[Point], colour: str, width: float, **how: Any) -> CurveShape:
    """Straight lines through points, as a curve."""
    made = [points[0]]
    for (x0, y0), (x1, y1) in pairwise(points):
        dx, dy = (x1 - x0) / 3, (y1 - y0) / 3
        made += [(x0 + dx, y0 + dy), (x1 - dx, y1 - dy), (x1, y1)]
    return CurveShape(role, tuple(made), colour, width, is_straight=True, **how)


def arrow_head(curve: CurveShape) -> tuple[Point, Point, Point]:
    """The triangle at a curve's end: its tip is the end, its size follows the width."""
    (x0, y0), (x1, y1) = curve.points[-2], curve.points[-1]
    length = ((x1 - x0) ** 2 + (y1 - y0) ** 2) ** 0.5 or 1.0
    dx, dy = (x1 - x0) / length, (y1 - y0) / length
    long, half = arrow_length(curve.width), 0.42 * arrow_length(curve.width)
    back = (x1 - dx * long, y1 - dy * long)
    return (x1, y1), (back[0] - dy * half, back[1] + dx * half), (back[0] + dy * half, back[1] - dx * half)


def arrow_length(width: float) -> float:
    """Length of an arrow's head, in points, for a line of a width."""
    return 2.6 + 2.0 * width


def shaft_points(curve: CurveShape) -> tuple[Point, ...]:
    """A curve's points, its end drawn back under the arrow's head with the bend before it: the tip stays
    sharp, and the line runs into the head from behind.
    """
    if not curve.arrow:
        return curve.points
    tip, left, right = arrow_head(curve)
    back = tuple(0.35 * (left[i] + right[i]) - 0.7 * tip[i] for i in (0, 1))
    (x0, y0), (x1, y1) = curve.points[-2], curve.points[-1]
    return (*curve.points[:-2], (x0 + back[0], y0 + back[1]), (x1 + back[0], y1 + back[1]))


def dash_lengths(curve: CurveShape) -> tuple[float, float] | None:
    """Lengths of a dash and of the gap after it, in points; None for a whole line."""
    if not curve.dash:
        return None
    return (3.0, 2.0) if curve.dash == "dashed" else (max(0.8, curve.width), 1.6)
