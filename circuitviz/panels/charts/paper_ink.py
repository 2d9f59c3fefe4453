"""Marks of a chart as shapes on paper, cut to the stretch that is shown."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import fields

from PySide6.QtGui import QColor

from circuitviz.canvas.theme import Theme
from circuitviz.panels.charts import sketch as marks
from circuitviz.panels.charts.clipping import clipped, pieces
from circuitviz.pictures.drawing import Area, Box, Point, Shape, Text, polyline
from circuitviz.pictures.measure import width
from circuitviz.pictures.plots import Axes, printed

SCREEN = 12.0  # pixels of a window's text: sizes on paper grow with the text there
SHAPES = {"o": "pill", "s": "square"}


class PaperInk:
    """Turns marks into shapes; colours keep the names of their roles."""

    def __init__(self, theme: Theme, axes: Axes, size: float) -> None:
        names = [field.name for field in fields(Theme) if field.name not in ("name", "on_accent")]
        self.roles = {getattr(theme, name): name for name in reversed(names)}
        self.axes, self.size = axes, size
        self.scale = size / SCREEN

    def colour(self, colour: QColor) -> tuple[str, str, float]:
        """A colour's role, its code and how much it covers."""
        return self.roles.get(colour.name(), "cell"), colour.name(), round(colour.alphaF(), 3)

    def shapes(self, mark: marks.Mark) -> Iterator[Shape]:
        """What a mark draws, words left out."""
        match mark:
            case marks.Strokes():
                for line in mark.points.tolist():
                    yield from self._path(line, mark.colour, mark.width, mark.dashed)
            case marks.Rule():
                span = self.axes.y if mark.upright else self.axes.x
                ends = [(mark.at, end) if mark.upright else (end, mark.at) for end in span]
                yield from self._path(ends, mark.colour, mark.width, mark.dashed)
            case marks.Area():
                inside = clipped(mark.corners.tolist(), self.axes.x, self.axes.y)
                if len(inside) > 2:
                    role, code, opacity = self.colour(mark.colour)
                    yield Area(f"{role} area", tuple(self.axes.at(*p) for p in inside), code, opacity)
            case marks.Boxes():
                for (x0, y0, x1, y1), colour in zip(mark.sides.tolist(), mark.colours, strict=True):
                    yield from self._box((x0, x1), (y0, y1), colour)
            case marks.Dots():
                for x, y in mark.points.tolist():
                    if self._inside(x, y):
                        yield self.dot(self.axes.at(x, y), mark)

    def texts(self, mark: marks.Mark, family: str) -> Iterator[Text]:
        """A mark's words, where they lie in sight and are no wider than their room."""
        if not isinstance(mark, marks.Word) or not self._inside(mark.x, mark.y):
            return
        words, wide = printed(mark.text), self.axes.box[2]
        left, top = self.axes.at(mark.x, mark.y)
        room = min(wide, mark.room * wide / abs(self.axes.x[1] - self.axes.x[0]))
        if width(words, family, self.size) > room:
            return
        anchor = "start" if mark.across < 0.3 else "end" if mark.across > 0.7 else "middle"
        left += {"start": 0.4, "middle": 0.0, "end": -0.4}[anchor] * self.size
        baseline = top + (0.95 - 1.2 * mark.down) * self.size
        yield Text(left, baseline, words, self.size, mark.colour.name(), anchor=anchor)

    def dot(self, at: Point, mark: marks.Dots) -> Shape:
        """A dot at a place of the paper."""
        (x, y), half = at, mark.size * self.scale / 2
        role, fill, opacity = self.colour(mark.colour)
        if mark.symbol == "d":
            points = ((x, y - 1.2 * half), (x + half, y), (x, y + 1.2 * half), (x - half, y))
            return Area(f"{role} dot", points, fill, opacity)
        line = fill if mark.outline is None else mark.outline.name()
        thick = 0.0 if mark.outline is None else max(0.5, mark.thick * self.scale)
        place = (x - half, y - half, 2 * half, 2 * half)
        return Box(f"{role} dot", *place, fill, line, thick, SHAPES[mark.symbol], opacity=opacity)

    def _inside(self, x: float, y: float) -> bool:
        slack = [1e-9 + 0.001 * abs(b - a) for a, b in (self.axes.x, self.axes.y)]
        return (
            min(self.axes.x) - slack[0] <= x <= max(self.axes.x) + slack[0]
            and min(self.axes.y) - slack[1] <= y <= max(self.axes.y) + slack[1]
        )

    def _path(self, points: Sequence[Point], colour: QColor, pixels: float, dashed: bool) -> Iterator[Shape]:
        role, code, opacity = self.colour(colour)
        wide = max(0.5, pixels * self.scale)
        for piece in pieces(points, self.axes.x, self.axes.y):
            at = [self.axes.at(*point) for point in piece]
            yield polyline(role, at, code, wide, opacity=opacity, dash="dashed" if dashed else "")

    def _box(self, x: tuple[float, float], y: tuple[float, float], colour: QColor) -> Iterator[Shape]:
        (left, right), (low, high) = sorted(self.axes.x), sorted(self.axes.y)
        x0, x1 = (min(max(end, left), right) for end in sorted(x))
        y0, y1 = (min(max(end, low), high) for end in sorted(y))
        if x0 < x1 and y0 < y1:
            role, code, opacity = self.colour(colour)
            (a, b), (c, d) = self.axes.at(x0, y0), self.axes.at(x1, y1)
            yield Box(f"{role} area", min(a, c), min(b, d), abs(c - a), abs(d - b), code, code, 0.0, "square",
                      opacity=opacity)  # fmt: skip
