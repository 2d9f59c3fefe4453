"""What a chart shows, as plain data: the window paints it with one item, paper writes it as shapes."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from PySide6.QtCore import QRectF
from PySide6.QtGui import QColor

from circuitviz.registry import Registry
from circuitviz.scene.theme import LIGHT, Theme

PointArray = NDArray[np.float64]
HoverRegion = tuple[QRectF, str, tuple[str, ...]]
AxisTicks = Sequence[tuple[float, str]]
AxisRange = tuple[float, float]

ChartRecipe = Callable[["ChartSpec", dict[str, Any]], None]
"""(sketch, a measure's result as a dict): puts the result's marks onto an empty sketch."""

charts: Registry[ChartRecipe] = Registry("chart", "circuitviz.panels.charts", "circuitviz.charts")


@dataclass(frozen=True, eq=False)
class LineMark:
    """Lines through ``points`` [line, point, 2], each apart from the next; ``width`` in pixels."""

    points: PointArray
    colour: QColor
    width: float = 2.0
    dashed: bool = False


@dataclass(frozen=True, eq=False)
class RuleMark:
    """A line across the whole plot where x (``is_vertical``) or y is ``position``."""

    position: float
    is_vertical: bool
    colour: QColor
    width: float = 1.0
    dashed: bool = False


@dataclass(frozen=True, eq=False)
class AreaMark:
    """A filled stretch with ``vertices`` [corner, 2]."""

    vertices: PointArray
    colour: QColor


@dataclass(frozen=True, eq=False)
class RectMark:
    """Boxes ``bounds`` [box, 4]: left, bottom, right, top; a colour each. ``gap_px``: pixels left free."""

    bounds: PointArray
    colours: Sequence[QColor]
    gap_px: float = 0.0


@dataclass(frozen=True, eq=False)
class PointMark:
    """Marks of ``size`` pixels at ``points`` [dot, 2]; ``symbol``: o round, s square, d diamond.

    With an ``outline`` they are drawn around, ``thick`` pixels wide.
    """

    points: PointArray
    colour: QColor
    size: float = 8.0
    symbol: str = "o"
    outline: QColor | None = None
    thick: float = 1.0


@dataclass(frozen=True, eq=False)
class TextMark:
    """A text at x, y; ``x_anchor`` and ``y_anchor`` say which part of it lies there, 0 its left or upper end.

    It is left out where it is wider than ``max_width``, in units of x.
    """

    x: float
    y: float
    text: str
    colour: QColor
    x_anchor: float = 0.5
    y_anchor: float = 0.5
    max_width: float = math.inf


Mark = LineMark | RuleMark | AreaMark | RectMark | PointMark | TextMark


@dataclass(frozen=True)
class LegendEntry:
    """A line of the key. ``swatch``: line, dash, band, ramp (its ``colours`` from the least to the most),
    o, s, d or ring as the marks are, or nothing for a fact that is only said.
    """

    label: str
    swatch: str = ""
    colours: tuple[str, ...] = ()
    ramp_start_label: str = ""  # what the ramp's first colour stands for; its name follows the last one
    alpha: float = 1.0


class ChartSpec:
    """Marks in the order of painting, what places say, axes, and the table behind the picture.

    ``x_range`` and ``y_range``: the stretches shown; ``draggable_axes``: whether the mouse may drag along x and y; ``axis_ticks``:
    ticks by side where an axis is not to choose its own; ``is_y_upwards`` is false where y grows downwards.
    """

    def __init__(self, theme: Theme = LIGHT) -> None:
        self.theme = theme
        self.marks: list[Mark] = []
        self.hover_regions: list[HoverRegion] = []
        self.table_rows: list[list[Any]] = []
        self.extra_table_rows: Callable[[], list[list[Any]]] = (
            list  # further rows, where they are many: only for a file
        )
        self.legend_entries: list[LegendEntry] = []
        self.axis_labels = {"left": "", "bottom": ""}
        self.axis_ticks: dict[str, AxisTicks] = {}
        self.x_range: AxisRange = (0.0, 1.0)
        self.y_range: AxisRange = (0.0, 1.0)
        self.is_y_upwards = True
        self.draggable_axes = (True, True)

    def set_axis_labels(self, left: str, bottom: str) -> None:
        """Name the axes."""
        self.axis_labels = {"left": left, "bottom": bottom}

    def set_ranges(
        self, x: AxisRange | None = None, y: AxisRange | None = None, padding: float = 0.0
    ) -> None:
        """Show these stretches, and ``padding`` of them more at each end."""
        self.x_range, self.y_range = (
            old if new is None else _padded_range(new, padding)
            for new, old in ((x, self.x_range), (y, self.y_range))
        )

    def theme_colour(self, name: str, alpha: float = 1.0) -> QColor:
        """A colour of the theme by its field's name."""
        colour = QColor(getattr(self.theme, name))
        colour.setAlphaF(alpha)
        return colour

    def add_hover_region(
        self, x: float, y: float, width: float, height: float, text: str, *nodes: str
    ) -> None:
        """What a place in the plot says and stands for; centre and size in the plot's units."""
        self.hover_regions.append((QRectF(x - width / 2, y - height / 2, width, height), text, nodes))

    def add_line(
        self, x: ArrayLike, y: ArrayLike, colour: QColor, legend_label: str = "", **how: Any
    ) -> None:
        """A line through points; ``how`` as of Strokes."""
        points = np.column_stack([np.asarray(x, float), np.asarray(y, float)])
        self.marks.append(LineMark(points[None], colour, **how))
        if legend_label:
            self.add_legend_entry(legend_label, "dash" if how.get("dashed") else "line", colour)

    def add_rule(self, colour: QColor, *, x: float | None = None, y: float = 0.0, **how: Any) -> None:
        """A line across the plot at an x or a y; ``how`` as of Rule."""
        self.marks.append(RuleMark(y if x is None else x, x is not None, colour, **how))

    def add_points(
        self, x: ArrayLike, y: ArrayLike, colour: QColor, legend_label: str = "", **how: Any
    ) -> None:
        """Marks at points; ``how`` as of Dots."""
        points = np.column_stack([np.asarray(x, float), np.asarray(y, float)])
        self.marks.append(PointMark(points, colour, **how))
        if legend_label:
            self.add_legend_entry(legend_label, how.get("symbol", "o"), colour)

    def add_band(
        self, x: ArrayLike, low: ArrayLike, high: ArrayLike, colour: QColor, legend_label: str = ""
    ) -> None:
        """The stretch between two lines over the same x."""
        ends = (np.column_stack([np.asarray(x, float), np.asarray(side, float)]) for side in (low, high))
        there, back = ends
        self.marks.append(AreaMark(np.concatenate([there, back[::-1]]), colour))
        if legend_label:
            self.add_legend_entry(legend_label, "band", colour)

    def add_whiskers(
        self, x: Sequence[float], y: Sequence[float], low: Sequence[Any], high: Sequence[Any],
        is_horizontal: bool = False, legend_label: str = "",
    ) -> None:  # fmt: skip
        """Intervals of points that have one; ``is_horizontal`` for horizontal ones."""
        at = [i for i in range(len(x)) if low[i] is not None and high[i] is not None]
        if not at:
            return
        if is_horizontal:
            ends = [((low[i], y[i]), (high[i], y[i])) for i in at]
        else:
            ends = [((x[i], low[i]), (x[i], high[i])) for i in at]
        self.marks.append(LineMark(np.array(ends, dtype=float), self.theme_colour("text", 0.7), 1.0))
        if legend_label:
            self.add_legend_entry(legend_label, "line", self.theme_colour("text", 0.7))

    def add_legend_entry(self, label: str, swatch: str, colour: QColor) -> None:
        """A line of the key, once."""
        entry = LegendEntry(label, swatch, (colour.name(),), alpha=round(colour.alphaF(), 3))
        if entry not in self.legend_entries:
            self.legend_entries.append(entry)

    def add_colour_ramp(self, end_label: str, start_label: str, colours: Sequence[QColor]) -> None:
        """A scale of colours in the key: from ``start_label`` to ``end_label``, which says the unit, too."""
        self.legend_entries.append(
            LegendEntry(end_label, "ramp", tuple(colour.name() for colour in colours), start_label)
        )

    def add_legend_note(self, fact: str) -> None:
        """A fact beside the key."""
        self.legend_entries.append(LegendEntry(fact))


def _padded_range(value_range: AxisRange, padding: float) -> AxisRange:
    low, high = float(value_range[0]), float(value_range[1])
    if high <= low:
        low, high = low - 0.5, low + 0.5
    more = padding * (high - low)
    return low - more, high + more
