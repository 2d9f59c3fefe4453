"""What a chart shows, as plain data in the chart's own units.

A recipe (one file per chart in this package) puts a result's marks, axes, legend, hover texts and table onto
an empty ``ChartSpec``. ``chart_shapes`` turns a spec into drawing primitives; the window and every figure
file are painted from those, so they cannot differ.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from circuitviz.plots import plot_of_measure
from circuitviz.registry import Registry
from circuitviz.scene.theme import LIGHT, Theme
from circuitviz.shapes.plot_axes import Ticks

PointArray = NDArray[np.float64]
AxisRange = tuple[float, float]

ChartRecipe = Callable[["ChartSpec", dict[str, Any]], None]
"""(empty spec, a measure's result as a dict): puts what the result says onto the spec."""

charts: Registry[ChartRecipe] = Registry("chart", "circuitviz.shapes.charts", "circuitviz.charts")


class PlotColour(NamedTuple):
    """A colour ``code`` as ``#rrggbb`` and its ``opacity`` from 0 to 1."""

    code: str
    opacity: float = 1.0


@dataclass(frozen=True, eq=False)
class LineMark:
    """Polylines through ``points`` [line, point, 2], not joined to one another."""

    points: PointArray
    colour: PlotColour
    width_px: float = 2.0
    dashed: bool = False


@dataclass(frozen=True, eq=False)
class RuleMark:
    """A line across the whole plot at x = ``position`` (``is_vertical``) or y = ``position``."""

    position: float
    is_vertical: bool
    colour: PlotColour
    width_px: float = 1.0
    dashed: bool = False


@dataclass(frozen=True, eq=False)
class AreaMark:
    """A filled polygon with ``vertices`` [vertex, 2]."""

    vertices: PointArray
    colour: PlotColour


@dataclass(frozen=True, eq=False)
class RectMark:
    """Filled rectangles ``bounds`` [rectangle, 4] (left, bottom, right, top), with a colour each."""

    bounds: PointArray
    colours: Sequence[PlotColour]


@dataclass(frozen=True, eq=False)
class PointMark:
    """Symbols at ``points`` [point, 2], ``size_px`` across: ``o`` circle, ``s`` square, ``d`` diamond."""

    points: PointArray
    colour: PlotColour
    size_px: float = 8.0
    symbol: str = "o"
    outline: PlotColour | None = None
    outline_px: float = 1.0


@dataclass(frozen=True, eq=False)
class TextMark:
    """A text centred on x, y; left out where it is wider than ``max_width``, in units of x."""

    x: float
    y: float
    text: str
    colour: PlotColour
    max_width: float = math.inf


Mark = LineMark | RuleMark | AreaMark | RectMark | PointMark | TextMark


@dataclass(frozen=True)
class ChartLegendEntry:
    """One entry of the legend.

    ``swatch`` is ``line``, ``dash``, ``band``, ``ramp`` (``colours`` from the least to the greatest value), a
    point's ``o``, ``s``, ``d``, or ``ring``; empty for a note without a swatch. ``ramp_start_label`` stands
    before a ramp.
    """

    label: str
    swatch: str = ""
    colours: tuple[PlotColour, ...] = ()
    ramp_start_label: str = ""


@dataclass(frozen=True)
class HoverRegion:
    """A rectangle of the plot around x, y, the text that it shows and the nodes that a click selects."""

    x: float
    y: float
    width: float
    height: float
    text: str
    nodes: tuple[str, ...] = ()

    def contains(self, x: float, y: float) -> bool:
        """Whether a place of the plot lies in the region."""
        return abs(x - self.x) <= self.width / 2 and abs(y - self.y) <= self.height / 2


class ChartSpec:
    """Marks in the order of painting, hover regions, axes, legend, and the table behind the chart.

    Attributes:
        theme: where ``theme_colour`` takes colours from.
        marks: what is painted, the first lowest.
        hover_regions: what can be pointed at, in the order in which the arrow keys visit it.
        table_rows: the table behind the chart, its header first, for CSV.
        extra_table_rows: gives further rows where they are too many to be made before somebody exports them.
        legend_entries: the legend.
        axis_labels: labels of the ``left`` and the ``bottom`` axis.
        axis_ticks: ticks of the ``left``, ``bottom`` or ``top`` axis; an axis without an entry gets round
            numbers.
        x_range: the range of x that is shown.
        y_range: the range of y that is shown.
        is_y_upwards: False where y grows downwards.
        draggable_axes: whether dragging and the mouse wheel move along x and along y.
    """

    def __init__(self, theme: Theme = LIGHT) -> None:
        self.theme = theme
        self.marks: list[Mark] = []
        self.hover_regions: list[HoverRegion] = []
        self.table_rows: list[list[Any]] = []
        self.extra_table_rows: Callable[[], list[list[Any]]] = list
        self.legend_entries: list[ChartLegendEntry] = []
        self.axis_labels = {"left": "", "bottom": ""}
        self.axis_ticks: dict[str, Ticks] = {}
        self.x_range: AxisRange = (0.0, 1.0)
        self.y_range: AxisRange = (0.0, 1.0)
        self.is_y_upwards = True
        self.draggable_axes = (True, True)

    def all_table_rows(self) -> list[list[Any]]:
        """The whole table behind the chart, its header first."""
        return [*self.table_rows, *self.extra_table_rows()]

    def set_axis_labels(self, left: str, bottom: str) -> None:
        """Label the axes."""
        self.axis_labels = {"left": left, "bottom": bottom}

    def set_ranges(
        self, x: AxisRange | None = None, y: AxisRange | None = None, padding: float = 0.0
    ) -> None:
        """Show these ranges, wider by a fraction ``padding`` at each end; None keeps the range of an axis."""
        if x is not None:
            self.x_range = _padded_range(x, padding)
        if y is not None:
            self.y_range = _padded_range(y, padding)

    def theme_colour(self, name: str, opacity: float = 1.0) -> PlotColour:
        """The colour of a field of the theme."""
        return PlotColour(getattr(self.theme, name), opacity)

    def add_hover_region(
        self, x: float, y: float, width: float, height: float, text: str, *nodes: str
    ) -> None:
        """Say what the rectangle of a width and height around x, y shows and which nodes it stands for."""
        self.hover_regions.append(HoverRegion(x, y, width, height, text, nodes))

    def add_line(
        self, x: ArrayLike, y: ArrayLike, colour: PlotColour, legend_label: str = "", *,
        width_px: float = 2.0, dashed: bool = False,
    ) -> None:  # fmt: skip
        """Draw one line through points."""
        self.marks.append(LineMark(_columns(x, y)[None], colour, width_px, dashed))
        if legend_label:
            self.add_legend_entry(legend_label, "dash" if dashed else "line", colour)

    def add_rule(
        self,
        colour: PlotColour,
        *,
        x: float | None = None,
        y: float = 0.0,
        width_px: float = 1.0,
        dashed: bool = False,
    ) -> None:
        """Draw a line across the plot at an x or, without one, at a y."""
        self.marks.append(RuleMark(y if x is None else x, x is not None, colour, width_px, dashed))

    def add_points(
        self, x: ArrayLike, y: ArrayLike, colour: PlotColour, legend_label: str = "", *, size_px: float = 8.0,
        symbol: str = "o", outline: PlotColour | None = None, outline_px: float = 1.0,
    ) -> None:  # fmt: skip
        """Draw a symbol at each point."""
        self.marks.append(PointMark(_columns(x, y), colour, size_px, symbol, outline, outline_px))
        if legend_label:
            self.add_legend_entry(legend_label, symbol, colour)

    def add_band(
        self, x: ArrayLike, low: ArrayLike, high: ArrayLike, colour: PlotColour, legend_label: str = ""
    ) -> None:
        """Fill the area between two lines over the same x."""
        self.marks.append(AreaMark(np.concatenate([_columns(x, low), _columns(x, high)[::-1]]), colour))
        if legend_label:
            self.add_legend_entry(legend_label, "band", colour)

    def add_whiskers(
        self, x: Sequence[float], y: Sequence[float],
        low: Sequence[float | None], high: Sequence[float | None],
        *, is_horizontal: bool = False, legend_label: str = "",
    ) -> None:  # fmt: skip
        """Draw the interval of each point that has one, along y or (``is_horizontal``) along x."""
        segments = [
            ((a, y[i]), (b, y[i])) if is_horizontal else ((x[i], a), (x[i], b))
            for i, (a, b) in enumerate(zip(low, high, strict=True))
            if a is not None and b is not None
        ]
        if not segments:
            return
        colour = self.theme_colour("text", 0.7)
        self.marks.append(LineMark(np.array(segments, dtype=float), colour, 1.0))
        if legend_label:
            self.add_legend_entry(legend_label, "line", colour)

    def add_legend_entry(self, label: str, swatch: str, colour: PlotColour) -> None:
        """Explain a mark in the legend, once."""
        entry = ChartLegendEntry(label, swatch, (colour,))
        if entry not in self.legend_entries:
            self.legend_entries.append(entry)

    def add_colour_ramp(self, end_label: str, start_label: str, colours: Sequence[PlotColour]) -> None:
        """Explain a colour scale in the legend, from the least to the greatest value."""
        self.legend_entries.append(ChartLegendEntry(end_label, "ramp", tuple(colours), start_label))

    def add_legend_note(self, text: str) -> None:
        """Add a fact without a swatch to the legend."""
        self.legend_entries.append(ChartLegendEntry(text))


def build_chart(name: str, result: dict[str, Any] | None, theme: Theme = LIGHT) -> ChartSpec:
    """The chart of a result; an empty one where there is no result.

    A measure whose chart is not registered here is drawn as its file or ``default_plot`` describes it.

    Args:
        name: the chart's registered name, mostly a measure's.
        result: the measure's result as its recipe takes it.
        theme: the colours.
    """
    spec = ChartSpec(theme)
    if result is not None and name in charts.names():
        charts.get(name).value(spec, result)
    elif result is not None:
        charts.get("plain").value(spec, {"plot": plot_of_measure(name, result)})
    return spec


def _columns(x: ArrayLike, y: ArrayLike) -> PointArray:
    return np.column_stack([np.asarray(x, float), np.asarray(y, float)])


def _padded_range(value_range: AxisRange, padding: float) -> AxisRange:
    low, high = float(value_range[0]), float(value_range[1])
    if high <= low:
        low, high = low - 0.5, low + 0.5
    extra = padding * (high - low)
    return low - extra, high + extra
