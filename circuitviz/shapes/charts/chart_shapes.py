"""A chart as drawing primitives: for the window, and for every figure file."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, fields
from typing import Any

import numpy as np

from circuitviz.number_text import with_minus_sign
from circuitviz.scene.theme import Theme
from circuitviz.shapes.charts.chart_spec import (
    AreaMark,
    AxisRange,
    ChartLegendEntry,
    ChartSpec,
    LineMark,
    Mark,
    PlotColour,
    PointMark,
    RectMark,
    RuleMark,
    TextMark,
    build_chart,
)
from circuitviz.shapes.clipping import clip_polygon, clip_polyline
from circuitviz.shapes.drawing import (
    PLOT_DASH,
    AreaShape,
    BoxShape,
    Drawing,
    DrawingShape,
    Point,
    TextShape,
    polyline,
)
from circuitviz.shapes.plot_axes import PLOT_MARGIN_PT, PlotAxes, PlotFigureOptions
from circuitviz.shapes.text_metrics import elide_text, text_width

SCREEN_TEXT_PX = 12.0  # marks' sizes in pixels are meant beside text of this size
MIN_FRAME_ASPECT = 0.3  # least height of the frame, in widths of the page
COMPACT_LEFT_SPACE_EM = 3.6  # left of a compact chart's frame: those of several charts begin at one line
MAX_LINE_POINTS = 2000  # of a longer line, points closer to one another than THINNING_PT are left out
THINNING_PT = 0.25
BOX_SHAPE_OF_SYMBOL = {"o": "pill", "s": "square"}
LEGEND_ROW_EM, SWATCH_WIDTH_EM, RAMP_WIDTH_EM, ENTRY_GAP_EM = 1.5, 1.6, 5.0, 1.2
RAMP_STEPS = 30


@dataclass(frozen=True)
class MeasureChart:
    """The chart of a result, without a window: it can be exported as a figure or as its table.

    Attributes:
        name: the chart's registered name, mostly a measure's.
        result: the measure's result.
    """

    name: str
    result: dict[str, Any]

    def drawing(self, options: PlotFigureOptions) -> Drawing:
        """The chart on paper."""
        return figure_of_chart(build_chart(self.name, self.result, options.theme), options)

    def cells(self) -> list[list[Any]]:
        """The table behind the chart, its header first."""
        return build_chart(self.name, self.result).all_table_rows()


def figure_of_chart(
    spec: ChartSpec,
    options: PlotFigureOptions,
    x_range: AxisRange | None = None,
    y_range: AxisRange | None = None,
) -> Drawing:
    """A chart on paper, as large and in the font that the options say.

    Args:
        spec: the chart, in the colours of ``options.theme``.
        options: size, font, whether there is a legend.
        x_range: the range of x that is shown; the spec's own by default.
        y_range: likewise of y.

    Raises:
        InputError: the font is not installed, or the size is too small.
    """
    page = options.new_drawing()

    def height_of(axes: PlotAxes, outer_height: float) -> float:
        return options.height_pt(_default_height(spec, axes, outer_height, page.width, options.font_size))

    lay_out_chart(
        spec, page, options.font_size, height_of, x_range=x_range, y_range=y_range, has_legend=options.legend
    )
    return page


def lay_out_chart(
    spec: ChartSpec,
    page: Drawing,
    font_size: float,
    height: float | Callable[[PlotAxes, float], float],
    *,
    x_range: AxisRange | None = None,
    y_range: AxisRange | None = None,
    has_legend: bool = True,
    is_compact: bool = False,
    points_per_px: float | None = None,
) -> PlotAxes:
    """Draw a chart onto an empty drawing.

    Args:
        spec: the chart.
        page: takes the shapes and, where ``height`` is a function, its height.
        font_size: size of all text, in the drawing's unit.
        height: the drawing's height, or a function of the axes and of the height that names and labels take.
        x_range: the range of x that is shown; the spec's own by default.
        y_range: likewise of y.
        has_legend: whether the legend stands above the frame.
        is_compact: whether the axes' labels stand in the legend instead of at the axes.
        points_per_px: the drawing's units in a pixel of a mark's size; by default in proportion to the text.

    Returns:
        The axes, which map the chart's units to the drawing and back.
    """
    axes = PlotAxes(x_range or spec.x_range, y_range or spec.y_range, y_up=spec.is_y_upwards)
    axes.axis_labels = {} if is_compact else dict(spec.axis_labels)
    axes.left_space = COMPACT_LEFT_SPACE_EM * font_size if is_compact else 0.0
    axes.set_ticks(spec.axis_ticks)
    entries = list(spec.legend_entries)
    if is_compact and spec.marks:
        entries.insert(0, ChartLegendEntry(f"{spec.axis_labels['left']} by {spec.axis_labels['bottom']}"))
    legend = ChartLegend(entries if has_legend else (), page, font_size)
    axes.top_space = legend.height
    if callable(height):
        axes.place_frame(page, font_size, 1e4)
        page.height = height(axes, 1e4 - axes.frame[3])
    else:
        page.height = height
    axes.place_frame(page, font_size, page.height)
    shapes = MarkShapes(spec.theme, axes, font_size, points_per_px or font_size / SCREEN_TEXT_PX)
    lines, words = axes.draw(spec.theme, page.font, font_size)
    page.body = [*(shape for mark in spec.marks for shape in shapes.of_mark(mark)), *lines]
    page.words = [*words, *(text for mark in spec.marks for text in shapes.texts_of_mark(mark, page.font))]
    page.legend = legend.shapes(spec.theme, shapes)
    return axes


def _default_height(
    spec: ChartSpec, axes: PlotAxes, outer_height: float, page_width: float, font_size: float
) -> float:
    """A height that gives each named row a line of text, or else the proportions of a page."""
    if "left" not in spec.axis_ticks:
        return max(
            0.62 * page_width, outer_height + MIN_FRAME_ASPECT * page_width
        )  # a long legend adds height
    n_rows = sum(min(axes.y_range) <= y <= max(axes.y_range) for y, _ in axes.left_ticks)
    return outer_height + (1.7 if axes.draws_lines else 2.2) * font_size * max(n_rows, 2)


class MarkShapes:
    """Turns marks into shapes, clipped to the axes' ranges.

    The role of a colour is the name of its field in the theme.
    """

    def __init__(self, theme: Theme, axes: PlotAxes, font_size: float, points_per_px: float) -> None:
        names = [field.name for field in fields(Theme) if field.name not in ("name", "on_accent")]
        self.role_of_colour = {getattr(theme, name): name for name in reversed(names)}
        self.axes, self.font_size, self.points_per_px = axes, font_size, points_per_px

    def role(self, colour: PlotColour) -> str:
        """The theme field that a colour is taken from; ``cell`` for a mixed colour."""
        return self.role_of_colour.get(colour.code, "cell")

    def of_mark(self, mark: Mark) -> Iterator[DrawingShape]:
        """The shapes of a mark other than text."""
        match mark:
            case LineMark():
                for line in mark.points:
                    yield from self._lines(line, mark.colour, mark.width_px, mark.dashed)
            case RuleMark():
                ends = [
                    (mark.position, end) if mark.is_vertical else (end, mark.position)
                    for end in (self.axes.y_range if mark.is_vertical else self.axes.x_range)
                ]
                yield from self._lines(np.array(ends), mark.colour, mark.width_px, mark.dashed)
            case AreaMark():
                vertices = self._thinned(mark.vertices).tolist()
                inside = clip_polygon(vertices, self.axes.x_range, self.axes.y_range)
                if len(inside) > 2:
                    points = tuple(self.axes.to_paper(*point) for point in inside)
                    yield AreaShape(f"{self.role(mark.colour)} area", points, *mark.colour)
            case RectMark():
                for (x0, y0, x1, y1), colour in zip(mark.bounds.tolist(), mark.colours, strict=True):
                    yield from self._rectangle((x0, x1), (y0, y1), colour)
            case PointMark():
                for x, y in mark.points.tolist():
                    if self._is_in_range(x, y):
                        yield self.symbol(self.axes.to_paper(x, y), mark)

    def texts_of_mark(self, mark: Mark, font_family: str) -> Iterator[TextShape]:
        """The text of a mark, where it lies in range and is no wider than it may be."""
        if not isinstance(mark, TextMark) or not self._is_in_range(mark.x, mark.y):
            return
        text, frame_width = with_minus_sign(mark.text), self.axes.frame[2]
        x_range = self.axes.x_range
        max_width = min(frame_width, mark.max_width * frame_width / abs(x_range[1] - x_range[0]))
        if text_width(text, font_family, self.font_size) <= max_width:
            x, y = self.axes.to_paper(mark.x, mark.y)
            y += 0.35 * self.font_size
            yield TextShape(x, y, text, self.font_size, mark.colour.code, anchor="middle")

    def symbol(self, center: Point, mark: PointMark) -> DrawingShape:
        """One symbol of a mark, at a place of the drawing."""
        (x, y), half = center, mark.size_px * self.points_per_px / 2
        role = f"{self.role(mark.colour)} dot"
        if mark.symbol == "d":
            points = ((x, y - 1.2 * half), (x + half, y), (x, y + 1.2 * half), (x - half, y))
            return AreaShape(role, points, *mark.colour)
        line = mark.colour.code if mark.outline is None else mark.outline.code
        line_width = 0.0 if mark.outline is None else max(0.5, mark.outline_px * self.points_per_px)
        bounds = (x - half, y - half, 2 * half, 2 * half)
        shape = BOX_SHAPE_OF_SYMBOL[mark.symbol]
        return BoxShape(role, *bounds, mark.colour.code, line, line_width, shape, opacity=mark.colour.opacity)

    def _is_in_range(self, x: float, y: float) -> bool:
        def holds(value_range: AxisRange, value: float) -> bool:
            slack = 1e-9 + 0.001 * abs(value_range[1] - value_range[0])
            return min(value_range) - slack <= value <= max(value_range) + slack

        return holds(self.axes.x_range, x) and holds(self.axes.y_range, y)

    def _thinned(self, points: np.ndarray) -> np.ndarray:
        """A long line's points without those that would lie on the one before."""
        if len(points) <= MAX_LINE_POINTS:
            return points
        (x0, y0), (x1, y1) = self.axes.to_paper(0, 0), self.axes.to_paper(1, 1)
        places = np.rint(points * (x1 - x0, y1 - y0) / THINNING_PT)
        moved = np.append(True, (np.diff(places, axis=0) != 0).any(axis=1))
        moved[-1] = True
        return np.asarray(points[moved])

    def _lines(
        self, points: np.ndarray, colour: PlotColour, width_px: float, dashed: bool
    ) -> Iterator[DrawingShape]:
        width = max(0.5, width_px * self.points_per_px)
        line, (x_range, y_range) = self._thinned(points), (self.axes.x_range, self.axes.y_range)
        low, high = np.sort([x_range, y_range], axis=1).T
        is_inside = len(line) > 1 and bool(((line >= low) & (line <= high)).all())
        for piece in [line.tolist()] if is_inside else clip_polyline(line.tolist(), x_range, y_range):
            places: Sequence[Point] = [self.axes.to_paper(*point) for point in piece]
            dash = PLOT_DASH if dashed else None
            yield polyline(self.role(colour), places, colour.code, width, opacity=colour.opacity, dash=dash)

    def _rectangle(self, x: AxisRange, y: AxisRange, colour: PlotColour) -> Iterator[DrawingShape]:
        (left, right), (low, high) = sorted(self.axes.x_range), sorted(self.axes.y_range)
        x0, x1 = (min(max(end, left), right) for end in sorted(x))
        y0, y1 = (min(max(end, low), high) for end in sorted(y))
        if x0 < x1 and y0 < y1:
            (a, b), (c, d) = self.axes.to_paper(x0, y0), self.axes.to_paper(x1, y1)
            bounds = (min(a, c), min(b, d), abs(c - a), abs(d - b))
            role, code = f"{self.role(colour)} area", colour.code
            yield BoxShape(role, *bounds, code, code, 0.0, "square", opacity=colour.opacity)


class ChartLegend:
    """Places legend entries in rows above the frame; ``height`` is what they take, 0 for none."""

    def __init__(self, entries: Sequence[ChartLegendEntry], page: Drawing, font_size: float) -> None:
        self.font_size, self.font_family = font_size, page.font
        self.placed_entries: list[tuple[ChartLegendEntry, str, float, int]] = []
        left, row, right = PLOT_MARGIN_PT, 0, page.width - PLOT_MARGIN_PT
        for entry in entries:
            offset = self._label_offset(entry)
            max_width = right - PLOT_MARGIN_PT - offset
            label = elide_text(with_minus_sign(entry.label), self.font_family, font_size, max_width)
            width = offset + text_width(label, self.font_family, font_size)
            if left > PLOT_MARGIN_PT and left + width > right:
                left, row = PLOT_MARGIN_PT, row + 1
            self.placed_entries.append((entry, label, left, row))
            left += width + ENTRY_GAP_EM * font_size
        self.height = LEGEND_ROW_EM * font_size * (row + 1) if self.placed_entries else 0.0

    def shapes(self, theme: Theme, mark_shapes: MarkShapes) -> list[DrawingShape]:
        """Swatches and labels."""
        shapes: list[DrawingShape] = []
        for entry, label, left, row in self.placed_entries:
            middle = PLOT_MARGIN_PT + (LEGEND_ROW_EM * row + 0.55) * self.font_size
            baseline = middle + 0.35 * self.font_size
            label_left = left + self._label_offset(entry)
            if entry.ramp_start_label:
                start = with_minus_sign(entry.ramp_start_label)
                shapes.append(TextShape(left, baseline, start, self.font_size, theme.muted))
                left += text_width(start, self.font_family, self.font_size) + 0.5 * self.font_size
            shapes += self._swatch(entry, (left, middle), theme, mark_shapes)
            shapes.append(TextShape(label_left, baseline, label, self.font_size, theme.muted))
        return shapes

    def _label_offset(self, entry: ChartLegendEntry) -> float:
        """How far an entry's label starts from the entry's left end."""
        width_em = {"": 0.0, "ramp": RAMP_WIDTH_EM + 0.5}.get(entry.swatch, SWATCH_WIDTH_EM)
        if entry.ramp_start_label:
            start = with_minus_sign(entry.ramp_start_label)
            width_em += text_width(start, self.font_family, self.font_size) / self.font_size + 0.5
        return width_em * self.font_size

    def _swatch(
        self, entry: ChartLegendEntry, left_middle: Point, theme: Theme, mark_shapes: MarkShapes
    ) -> list[DrawingShape]:
        (left, middle), size = left_middle, self.font_size
        if not entry.swatch:
            return []
        if entry.swatch == "ramp":
            return self._ramp(entry.colours, left, middle)
        colour = entry.colours[0]
        right = left + (SWATCH_WIDTH_EM - 0.4) * size
        if entry.swatch in ("line", "dash"):
            width, dash = (
                max(0.5, 2 * mark_shapes.points_per_px),
                PLOT_DASH if entry.swatch == "dash" else None,
            )
            ends = [(left, middle), (right, middle)]
            role = mark_shapes.role(colour)
            return [polyline(role, ends, colour.code, width, opacity=colour.opacity, dash=dash)]
        if entry.swatch == "band":
            bounds = (left, middle - 0.4 * size, right - left, 0.8 * size)
            role, code = f"{mark_shapes.role(colour)} area", colour.code
            return [BoxShape(role, *bounds, code, code, 0.0, "square", opacity=colour.opacity)]
        no_points = np.zeros((0, 2))
        if entry.swatch == "ring":
            mark = PointMark(no_points, PlotColour(theme.panel), 8.0, "o", colour, 1.5)
        else:
            mark = PointMark(no_points, colour, 8.0, entry.swatch)
        return [mark_shapes.symbol(((left + right) / 2, middle), mark)]

    def _ramp(self, colours: Sequence[PlotColour], left: float, middle: float) -> list[DrawingShape]:
        codes = np.array([[int(colour.code[i : i + 2], 16) for i in (1, 3, 5)] for colour in colours])
        at = np.linspace(0, len(codes) - 1, RAMP_STEPS)
        rgb = np.stack([np.interp(at, np.arange(len(codes)), channel) for channel in codes.T], axis=1)
        step, height = RAMP_WIDTH_EM * self.font_size / RAMP_STEPS, 0.7 * self.font_size
        shapes: list[DrawingShape] = []
        for i, (red, green, blue) in enumerate(np.rint(rgb).astype(int).tolist()):
            code = f"#{red:02x}{green:02x}{blue:02x}"
            bounds = (left + i * step, middle - height / 2, step + 0.05, height)
            shapes.append(BoxShape("cell", *bounds, code, code, 0.0, "square"))
        return shapes
