"""What a person chooses of a plot's figure, and the paper around what is plotted: axes, ticks, margins."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from circuitviz.errors import InputError
from circuitviz.number_text import with_minus_sign
from circuitviz.options import option
from circuitviz.scene.theme import DARK, LIGHT, Theme
from circuitviz.shapes.drawing import Drawing, DrawingShape, Point, TextShape, polyline
from circuitviz.shapes.figure_options import POINTS_PER_MM, SHIPPED_FONT, WIDTH_PRESETS_MM
from circuitviz.shapes.text_metrics import elide_text, require_font, text_width, wrap_text

PLOT_MARGIN_PT = 3.0
TURNED_NAME_DEG = -50.0  # degrees of names that do not fit side by side
MAX_TURNED_NAME_EM = 12.0  # how long turned names may be, in sizes of text
Ticks = Sequence[tuple[float, str]]
MIN_TICK_INTERVALS = 2.25  # between round ticks, at least


@dataclass(frozen=True)
class PlotFigureOptions:
    """Options of a plot's or a heat map's figure. Sizes are those on paper: mm, and points for text."""

    preset: str = option("icml-column", "a width by its name", choices=tuple(WIDTH_PRESETS_MM))
    width_mm: float = option(0.0, "width in mm; 0 takes the preset's", low=0, high=2000)
    height_mm: float = option(0.0, "height in mm; 0 takes what suits the plot", low=0, high=2000)
    font: str = option(SHIPPED_FONT, "family of all text; the default ships with circuitviz")
    font_size: float = option(7.0, "size of text in points", low=6, high=72)
    legend: bool = option(True, "explain the colours")
    transparent: bool = option(False, "no ground, for slides and posters")
    dark: bool = option(False, "light on dark")
    dpi: int = option(300, "dots per inch of a PNG", low=72, high=1200)

    @property
    def width_pt(self) -> float:
        """Width in points."""
        return _size_in_points("--width-mm", self.width_mm, WIDTH_PRESETS_MM[self.preset])

    def height_pt(self, default: float) -> float:
        """Height in points; ``default`` is taken where none was chosen."""
        return _size_in_points("--height-mm", self.height_mm, default / POINTS_PER_MM)

    @property
    def theme(self) -> Theme:
        """The colours of paper, or of a dark slide."""
        return DARK if self.dark else LIGHT

    def new_drawing(self) -> Drawing:
        """An empty drawing of the chosen width, ground and font; InputError where there is no such font."""
        ground = self.theme.ground if self.dark else "#ffffff"
        return Drawing(self.width_pt, 0.0, "" if self.transparent else ground, require_font(self.font))


def _with_minus_signs(ticks: Ticks) -> Ticks:
    return [(value, with_minus_sign(text)) for value, text in ticks]


def round_ticks(start: float, end: float) -> Ticks:
    """Three to six ticks at round numbers: at multiples of 1, 2 or 5 times a power of ten.

    >>> [text for value, text in round_ticks(0.0, 1.05)]
    ['0', '0.2', '0.4', '0.6', '0.8', '1.0']
    """
    low, high = sorted((start, end))
    if high <= low:
        return []
    max_spacing = (high - low) / MIN_TICK_INTERVALS
    unit = 10.0 ** math.floor(math.log10(max_spacing))
    factor = max(factor for factor in (1, 2, 5) if factor == 1 or factor * unit <= max_spacing)
    ticks = _multiples(factor * unit, low, high)
    if len(ticks) < 3:
        between = _multiples(unit / 2 if factor == 1 else unit, low, high)
        ticks += [tick for tick in between if all(abs(tick[0] - value) > unit / 100 for value, _ in ticks)]
    return ticks


def _multiples(spacing: float, low: float, high: float) -> list[tuple[float, str]]:
    first, decimals = math.ceil(low / spacing), max(0, math.ceil(-math.log10(spacing)))
    last = first + int((high - first * spacing) / spacing)
    values = (i * spacing for i in range(first, last + 1))
    return [
        (value, f"{value:g}" if abs(value) < 0.001 or abs(value) >= 10_000 else f"{value:.{decimals}f}")
        for value in values
    ]


def _size_in_points(flag: str, chosen: float, otherwise: float) -> float:
    if chosen and chosen < 20:
        raise InputError(f"{flag} was given {chosen:g}; a figure is at least 20 mm wide and high.")
    return (chosen or otherwise) * POINTS_PER_MM


@dataclass
class PlotAxes:
    """The frame of a plot: maps the plot's units onto paper and draws what stands around it.

    ``x_range`` and ``y_range`` are the stretches shown, in the plot's units. Ticks of ``left_ticks``,
    ``bottom_ticks`` and ``top_ticks`` hold places and names; ``y_up`` is false where y grows downwards.
    """

    x_range: tuple[float, float]
    y_range: tuple[float, float]
    left_ticks: Ticks = ()
    bottom_ticks: Ticks = ()
    top_ticks: Ticks = ()
    axis_labels: dict[str, str] = field(default_factory=dict)
    y_up: bool = True
    draws_lines: bool = True
    left_space: float = 0.0  # least room at the left of the frame
    right_space: float = 0.0  # points to be left free at the right
    top_space: float = 0.0  # and above
    frame: tuple[float, float, float, float] = (0.0, 0.0, 1.0, 1.0)  # left, top, width, height on paper

    def place_frame(self, drawing: Drawing, size: float, high: float) -> None:
        """Find the frame's box on a drawing ``high`` points high, so that all names have room."""
        family = drawing.font
        names = max((text_width(name, family, size) for _, name in self.left_ticks), default=0.0)
        left = PLOT_MARGIN_PT + min(names, 0.42 * drawing.width) + 0.7 * size
        left = max(left + (1.5 * size if self.axis_labels.get("left") else 0.0), self.left_space)
        right = PLOT_MARGIN_PT + 0.8 * size + self.right_space
        self.frame = (left, 0.0, drawing.width - left - right, 1.0)
        above = (
            PLOT_MARGIN_PT
            + self.top_space
            + 0.6 * size
            + (self._top_tick_height(family, size) if self.top_ticks else 0.0)
        )
        below = PLOT_MARGIN_PT + (1.7 * size if self.bottom_ticks else 0.5 * size)
        below += 1.5 * size if self.axis_labels.get("bottom") else 0.0
        self.frame = (left, above, drawing.width - left - right, max(2 * size, high - above - below))

    def to_paper(self, x: float, y: float) -> Point:
        """A place of the plot on paper."""
        left, top, wide, high = self.frame
        share = (y - self.y_range[0]) / ((self.y_range[1] - self.y_range[0]) or 1.0)
        share = 1 - share if self.y_up else share
        return (
            left + wide * (x - self.x_range[0]) / ((self.x_range[1] - self.x_range[0]) or 1.0),
            top + high * share,
        )

    def from_paper(self, left: float, top: float) -> Point:
        """The plot's units at a place on paper."""
        frame_left, frame_top, width, height = self.frame
        down = (top - frame_top) / height
        y_fraction = 1 - down if self.y_up else down
        (x0, x1), (y0, y1) = self.x_range, self.y_range
        return x0 + (x1 - x0) * (left - frame_left) / width, y0 + (y1 - y0) * y_fraction

    def set_ticks(self, named: Mapping[str, Ticks]) -> None:
        """Take named ticks by side (left, bottom, top); left and bottom without names get round numbers.

        With names above the frame there are none below it, and no lines: the cells of a matrix are their own
        frame.
        """
        self.left_ticks = named["left"] if "left" in named else round_ticks(*self.y_range)
        if "top" in named:
            self.top_ticks, self.draws_lines = _with_minus_signs(named["top"]), False
        else:
            self.bottom_ticks = named["bottom"] if "bottom" in named else round_ticks(*self.x_range)
        self.left_ticks = _with_minus_signs(self.left_ticks)
        self.bottom_ticks = _with_minus_signs(self.bottom_ticks)

    def draw(
        self, theme: Theme, family: str, size: float, row_colours: Mapping[float, str] | None = None
    ) -> tuple[list[DrawingShape], list[DrawingShape]]:
        """Lines and words around the frame; ``row_colours``: colours of names at the left, by position."""
        row_colours = row_colours or {}
        left, top, wide, high = self.frame
        lines: list[DrawingShape] = []
        words: list[DrawingShape] = []
        corner = [(left, top), (left, top + high), (left + wide, top + high)]
        if self.draws_lines:
            lines.append(polyline("axis", corner, theme.muted, 0.6))
        for value, name in self._spaced_left_ticks(size):
            y = self.to_paper(self.x_range[0], value)[1]
            if self.draws_lines:
                lines.append(polyline("axis", [(left, y), (left + 0.4 * size, y)], theme.muted, 0.5))
            room = left - PLOT_MARGIN_PT - 0.6 * size - (1.5 * size if self.axis_labels.get("left") else 0.0)
            text = elide_text(name, family, size, room)
            colour = row_colours.get(value, theme.muted)
            words.append(TextShape(left - 0.5 * size, y + 0.35 * size, text, size, colour, anchor="end"))
        for value, name in self._spaced_bottom_ticks(self.bottom_ticks, family, size):
            x = self.to_paper(value, self.y_range[0])[0]
            if self.draws_lines:
                ends = [(x, top + high), (x, top + high - 0.4 * size)]
                lines.append(polyline("axis", ends, theme.muted, 0.5))
            words.append(TextShape(x, top + high + 1.3 * size, name, size, theme.muted, anchor="middle"))
        words += self._top_tick_texts(theme, family, size)
        if label := self.axis_labels.get("bottom"):
            text = elide_text(label, family, size, left + wide - PLOT_MARGIN_PT)
            half = text_width(text, family, size) / 2
            x = min(max(left + wide / 2, PLOT_MARGIN_PT + half), left + wide + size - half)
            y = top + high + (2.9 if self.bottom_ticks else 1.5) * size
            words.append(TextShape(x, y, text, size, theme.text, anchor="middle"))
        if label := self.axis_labels.get("left"):
            text = elide_text(label, family, size, top + high)
            half = text_width(text, family, size) / 2
            y = max(top + high / 2, half + PLOT_MARGIN_PT)
            words.append(
                TextShape(
                    PLOT_MARGIN_PT + 0.85 * size, y, text, size, theme.text, anchor="middle", rotation_deg=-90
                )
            )
        return lines, words

    def _visible_ticks(self, ticks: Ticks, axis: int) -> Ticks:
        low, high = sorted((self.x_range, self.y_range)[axis])
        slack = 1e-6 * (high - low)
        return [tick for tick in ticks if low - slack <= tick[0] <= high + slack]

    def _spaced_bottom_ticks(self, ticks: Ticks, family: str, size: float) -> Ticks:
        """Those of the bottom's ticks that do not run into the one before."""
        kept: list[tuple[float, str]] = []
        end = -1e9
        for value, name in sorted(self._visible_ticks(ticks, 0)):
            half, x = text_width(name, family, size) / 2, self.to_paper(value, self.y_range[0])[0]
            if x - half >= end + 0.5 * size:
                kept.append((value, name))
                end = x + half
        return kept

    def _spaced_left_ticks(self, size: float) -> Ticks:
        """Those of the left's ticks that leave each other a line."""
        kept: list[tuple[float, str]] = []
        end = -1e9
        for y, value, name in sorted(
            (self.to_paper(self.x_range[0], v)[1], v, n) for v, n in self._visible_ticks(self.left_ticks, 1)
        ):
            if y >= end + 1.05 * size:
                kept.append((value, name))
                end = y
        return kept

    def _top_tick_texts(self, theme: Theme, family: str, size: float) -> list[DrawingShape]:
        """Names above the frame: in one line or two where they fit, else turned, as many as have room."""
        lines, low, words, end = self._top_tick_lines(family, size), self.frame[1] - 0.5 * size, [], -1e9
        for value, name in sorted(self._visible_ticks(self.top_ticks, 0)):
            x = self.to_paper(value, self.y_range[0])[0]
            for number, line in enumerate(reversed(lines.get(name, ()))):
                words.append(
                    TextShape(x, low - 1.15 * number * size, line, size, theme.muted, anchor="middle")
                )
            if not lines and x >= end + 0.95 * size:
                text = elide_text(name, family, size, MAX_TURNED_NAME_EM * size)
                words.append(
                    TextShape(x + 0.3 * size, low, text, size, theme.muted, rotation_deg=TURNED_NAME_DEG)
                )
                end = x
        return list(words)

    def _top_tick_lines(self, family: str, size: float) -> dict[str, list[str]]:
        """Each name above in one line or two; empty where some do not fit beside each other."""
        ticks = sorted(self._visible_ticks(self.top_ticks, 0))
        steps = [self.to_paper(b[0], 0)[0] - self.to_paper(a[0], 0)[0] for a, b in pairwise(ticks)]
        room = min(steps, default=self.frame[2]) - 0.4 * size
        broken = {name: wrap_text(name, family, size, room) for _, name in ticks}
        fits = all(" ".join(lines).split() == name.split() for name, lines in broken.items())
        return broken if fits and max(map(len, broken.values()), default=0) <= 2 else {}

    def _top_tick_height(self, family: str, size: float) -> float:
        """Room that the names above take."""
        lines = self._top_tick_lines(family, size)
        if lines:
            return (1.15 * max(map(len, lines.values())) - 0.1) * size
        longest = max((text_width(name, family, size) for _, name in self.top_ticks), default=0.0)
        return 0.78 * min(longest, MAX_TURNED_NAME_EM * size) + 0.7 * size
