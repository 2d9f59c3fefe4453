"""Marks of a chart as shapes on paper, cut to the stretch that is shown."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import fields

from PySide6.QtGui import QColor

from circuitviz.panels.charts import chart_spec as marks
from circuitviz.panels.charts.clipping import clip_polygon, clip_polyline
from circuitviz.scene.theme import Theme
from circuitviz.shapes.drawing import AreaShape, BoxShape, DrawingShape, Point, TextShape, polyline
from circuitviz.shapes.plot_axes import Axes, with_minus_sign
from circuitviz.shapes.text_metrics import text_width

SCREEN_TEXT_PX = 12.0  # pixels of a window's text: sizes on paper grow with the text there
BOX_SHAPE_OF_SYMBOL = {"o": "pill", "s": "square"}


class PaperMarks:
    """Turns marks into shapes; colours keep the names of their roles."""

    def __init__(self, theme: Theme, axes: Axes, font_size: float) -> None:
        names = [field.name for field in fields(Theme) if field.name not in ("name", "on_accent")]
        self.role_of_colour = {getattr(theme, name): name for name in reversed(names)}
        self.axes, self.font_size = axes, font_size
        self.points_per_px = font_size / SCREEN_TEXT_PX

    def role_and_colour(self, colour: QColor) -> tuple[str, str, float]:
        """A colour's role, its code and how much it covers."""
        return self.role_of_colour.get(colour.name(), "cell"), colour.name(), round(colour.alphaF(), 3)

    def mark_shapes(self, mark: marks.Mark) -> Iterator[DrawingShape]:
        """What a mark draws, words left out."""
        match mark:
            case marks.LineMark():
                for line in mark.points.tolist():
                    yield from self._line_shapes(line, mark.colour, mark.width, mark.dashed)
            case marks.RuleMark():
                span = self.axes.y_range if mark.is_vertical else self.axes.x_range
                ends = [(mark.position, end) if mark.is_vertical else (end, mark.position) for end in span]
                yield from self._line_shapes(ends, mark.colour, mark.width, mark.dashed)
            case marks.AreaMark():
                inside = clip_polygon(mark.vertices.tolist(), self.axes.x_range, self.axes.y_range)
                if len(inside) > 2:
                    role, code, opacity = self.role_and_colour(mark.colour)
                    yield AreaShape(
                        f"{role} area", tuple(self.axes.to_paper(*p) for p in inside), code, opacity
                    )
            case marks.RectMark():
                for (x0, y0, x1, y1), colour in zip(mark.bounds.tolist(), mark.colours, strict=True):
                    yield from self._rect_shapes((x0, x1), (y0, y1), colour)
            case marks.PointMark():
                for x, y in mark.points.tolist():
                    if self._is_in_range(x, y):
                        yield self.point_shape(self.axes.to_paper(x, y), mark)

    def mark_texts(self, mark: marks.Mark, family: str) -> Iterator[TextShape]:
        """A mark's words, where they lie in sight and are no wider than their room."""
        if not isinstance(mark, marks.TextMark) or not self._is_in_range(mark.x, mark.y):
            return
        words, wide = with_minus_sign(mark.text), self.axes.frame[2]
        left, top = self.axes.to_paper(mark.x, mark.y)
        room = min(wide, mark.max_width * wide / abs(self.axes.x_range[1] - self.axes.x_range[0]))
        if text_width(words, family, self.font_size) > room:
            return
        anchor = "start" if mark.x_anchor < 0.3 else "end" if mark.x_anchor > 0.7 else "middle"
        left += {"start": 0.4, "middle": 0.0, "end": -0.4}[anchor] * self.font_size
        baseline = top + (0.95 - 1.2 * mark.y_anchor) * self.font_size
        yield TextShape(left, baseline, words, self.font_size, mark.colour.name(), anchor=anchor)

    def point_shape(self, at: Point, mark: marks.PointMark) -> DrawingShape:
        """A dot at a place of the paper."""
        (x, y), half = at, mark.size * self.points_per_px / 2
        role, fill, opacity = self.role_and_colour(mark.colour)
        if mark.symbol == "d":
            points = ((x, y - 1.2 * half), (x + half, y), (x, y + 1.2 * half), (x - half, y))
            return AreaShape(f"{role} dot", points, fill, opacity)
        line = fill if mark.outline is None else mark.outline.name()
        thick = 0.0 if mark.outline is None else max(0.5, mark.thick * self.points_per_px)
        place = (x - half, y - half, 2 * half, 2 * half)
        return BoxShape(
            f"{role} dot", *place, fill, line, thick, BOX_SHAPE_OF_SYMBOL[mark.symbol], opacity=opacity
        )

    def _is_in_range(self, x: float, y: float) -> bool:
        slack = [1e-9 + 0.001 * abs(b - a) for a, b in (self.axes.x_range, self.axes.y_range)]
        return (
            min(self.axes.x_range) - slack[0] <= x <= max(self.axes.x_range) + slack[0]
            and min(self.axes.y_range) - slack[1] <= y <= max(self.axes.y_range) + slack[1]
        )

    def _line_shapes(
        self, points: Sequence[Point], colour: QColor, pixels: float, dashed: bool
    ) -> Iterator[DrawingShape]:
        role, code, opacity = self.role_and_colour(colour)
        wide = max(0.5, pixels * self.points_per_px)
        for piece in clip_polyline(points, self.axes.x_range, self.axes.y_range):
            at = [self.axes.to_paper(*point) for point in piece]
            yield polyline(role, at, code, wide, opacity=opacity, dash="dashed" if dashed else "")

    def _rect_shapes(
        self, x: tuple[float, float], y: tuple[float, float], colour: QColor
    ) -> Iterator[DrawingShape]:
        (left, right), (low, high) = sorted(self.axes.x_range), sorted(self.axes.y_range)
        x0, x1 = (min(max(end, left), right) for end in sorted(x))
        y0, y1 = (min(max(end, low), high) for end in sorted(y))
        if x0 < x1 and y0 < y1:
            role, code, opacity = self.role_and_colour(colour)
            (a, b), (c, d) = self.axes.to_paper(x0, y0), self.axes.to_paper(x1, y1)
            yield BoxShape(f"{role} area", min(a, c), min(b, d), abs(c - a), abs(d - b), code, code, 0.0, "square",
                      opacity=opacity)  # fmt: skip
