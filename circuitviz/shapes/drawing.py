"""A figure as plain shapes on paper, without Qt: every format paints the same list of them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise
from typing import Any

from circuitviz.scene.node_styles import corner_radius, style_corners

Point = tuple[float, float]
PLOT_DASH = 3.0, 2.0  # points of a dash and of its gap in a plot


@dataclass(frozen=True, slots=True)
class BoxShape:
    """A box with its top left corner at x, y.

    ``shape``: ``round``, ``pill`` or ``square``; or a style of a node. Without a ``fill`` it is a frame; with
    a ``line_width`` of 0 it has no line. ``unit``: how long a scene unit is, by which the corners of nodes
    are measured.
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
    unit: float = 1.0

    @property
    def corners(self) -> tuple[Point, ...]:
        """The corners of a polygon; none where it is a box."""
        return style_corners(self.shape, self.x, self.y, self.width, self.height)

    @property
    def radius(self) -> float:
        """How round the corners of a box are, in points."""
        if self.shape == "square":
            return 0.8 if self.line_width else 0.0
        radius = {"round": 3.0, "pill": 6.0}.get(self.shape)
        if radius is not None:
            return min(radius * max(1.0, self.line_width), self.height * 0.49)
        return corner_radius(self.shape, self.height, self.unit)


@dataclass(frozen=True, slots=True)
class CurveShape:
    """Cubic pieces: a start, then for each piece two control points and an end.

    An arrow's head is opaque: its colour is told on a pale line, too, and no line shows through.
    """

    role: str
    points: tuple[Point, ...]
    colour: str
    width: float
    opacity: float = 1.0
    dash: tuple[float, float] | None = None  # lengths of a dash and of its gap
    arrow: bool = False
    is_straight: bool = False  # whether every piece is a straight line
    end_role: str = ""  # of the arrow's head, where it is not the line's
    end_colour: str = ""


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
    """Shapes in points (1/72 inch), or in other units until it is scaled, y downwards, the first lowest.

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

    def place(self, dx: float, dy: float, scale: float = 1.0) -> None:
        """Make everything ``scale`` times as large, and move it by so much."""
        for name in ("body", "legend", "words"):
            setattr(self, name, [placed(shape, dx, dy, scale) for shape in getattr(self, name)])


def placed(shape: DrawingShape, dx: float, dy: float, scale: float = 1.0) -> DrawingShape:
    """The same shape ``scale`` times as large, its place moved by so much after that."""
    if isinstance(shape, CurveShape | AreaShape):
        shape = replace(shape, points=tuple((x * scale + dx, y * scale + dy) for x, y in shape.points))
    else:
        shape = replace(shape, x=shape.x * scale + dx, y=shape.y * scale + dy)
    if isinstance(shape, CurveShape):
        dash = shape.dash and (shape.dash[0] * scale, shape.dash[1] * scale)
        return replace(shape, width=shape.width * scale, dash=dash)
    if isinstance(shape, BoxShape):
        return replace(
            shape,
            width=shape.width * scale,
            height=shape.height * scale,
            line_width=shape.line_width * scale,
            unit=shape.unit * scale,
        )
    return replace(shape, size=shape.size * scale) if isinstance(shape, TextShape) else shape


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
            found |= {shape.colour, shape.end_colour} - {""}
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
    """A curve's points, its end drawn back under the arrow's head with the bend before it.

    The tip stays sharp, and the line runs into the head from behind.
    """
    if not curve.arrow:
        return curve.points
    tip, left, right = arrow_head(curve)
    back = tuple(0.35 * (left[i] + right[i]) - 0.7 * tip[i] for i in (0, 1))
    (x0, y0), (x1, y1) = curve.points[-2], curve.points[-1]
    return (*curve.points[:-2], (x0 + back[0], y0 + back[1]), (x1 + back[0], y1 + back[1]))
