"""What a person chooses of a plot's figure, and the paper around what is plotted: axes, ticks, margins."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from circuitviz.canvas.theme import DARK, LIGHT, Theme
from circuitviz.errors import InputError
from circuitviz.options import option
from circuitviz.pictures.drawing import Drawing, Point, Shape, Text, polyline
from circuitviz.pictures.figure import POINTS_PER_MM, PRESETS, SHIPPED_FONT
from circuitviz.pictures.measure import choose_font, cut, width, wrapped

MARGIN = 3.0
TURN = -50.0  # degrees of names that do not fit side by side
LONGEST = 12.0  # how long turned names may be, in sizes of text
NUMBER = re.compile(r"^-(?=[\d.]+(e[-+]?\d+)?$)")
Ticks = Sequence[tuple[float, str]]


@dataclass(frozen=True)
class PlotFigure:
    """Options of a plot's or a heat map's figure. Sizes are those on paper: mm, and points for text."""

    preset: str = option("icml-column", "a width by its name", choices=tuple(PRESETS))
    width_mm: float = option(0.0, "width in mm; 0 takes the preset's", low=0, high=2000)
    height_mm: float = option(0.0, "height in mm; 0 takes what suits the plot", low=0, high=2000)
    font: str = option(SHIPPED_FONT, "family of all text; the default ships with circuitviz")
    font_size: float = option(7.0, "size of text in points", low=6, high=72)
    legend: bool = option(True, "explain the colours")
    transparent: bool = option(False, "no ground, for slides and posters")
    dark: bool = option(False, "light on dark")
    dpi: int = option(300, "dots per inch of a PNG", low=72, high=1200)

    @property
    def width(self) -> float:
        """Width in points."""
        return _points("--width-mm", self.width_mm, PRESETS[self.preset])

    def height(self, suits: float) -> float:
        """Height in points; ``suits`` is taken where none was chosen."""
        return _points("--height-mm", self.height_mm, suits / POINTS_PER_MM)

    @property
    def theme(self) -> Theme:
        """The colours of paper, or of a dark slide."""
        return DARK if self.dark else LIGHT

    def paper(self) -> Drawing:
        """An empty drawing of the chosen width, ground and font; InputError where there is no such font."""
        ground = self.theme.ground if self.dark else "#ffffff"
        return Drawing(self.width, 0.0, "" if self.transparent else ground, choose_font(self.font))


def printed(text: str) -> str:
    """A number with a minus sign instead of a hyphen; any other text as it is."""
    return NUMBER.sub("\u2212", text) if NUMBER.match(text) else text


def _points(flag: str, chosen: float, otherwise: float) -> float:
    if chosen and chosen < 20:
        raise InputError(f"{flag} was given {chosen:g}; a figure is at least 20 mm wide and high.")
    return (chosen or otherwise) * POINTS_PER_MM


@dataclass
class Axes:
    """The frame of a plot: maps the plot's units onto paper and draws what stands around it.

    ``x`` and ``y`` are the stretches shown, in the plot's units. Ticks of ``left``, ``bottom`` and ``top``
    hold places and names; ``upright`` is false where y grows downwards.
    """

    x: tuple[float, float]
    y: tuple[float, float]
    left: Ticks = ()
    bottom: Ticks = ()
    top: Ticks = ()
    labels: dict[str, str] = field(default_factory=dict)
    upright: bool = True
    grid: bool = True
    beside: float = 0.0  # points to be left free at the right
    over: float = 0.0  # and above
    box: tuple[float, float, float, float] = (0.0, 0.0, 1.0, 1.0)  # left, top, width, height on paper

    def place(self, drawing: Drawing, size: float, high: float) -> None:
        """Find the frame's box on a drawing ``high`` points high, so that all names have room."""
        family = drawing.font
        names = max((width(name, family, size) for _, name in self.left), default=0.0)
        left = MARGIN + min(names, 0.42 * drawing.width) + 0.7 * size
        left += 1.5 * size if self.labels.get("left") else 0.0
        right = MARGIN + 0.8 * size + self.beside
        self.box = (left, 0.0, drawing.width - left - right, 1.0)
        above = MARGIN + self.over + 0.6 * size + (self._above(family, size) if self.top else 0.0)
        below = MARGIN + (1.7 * size if self.bottom else 0.5 * size)
        below += 1.5 * size if self.labels.get("bottom") else 0.0
        self.box = (left, above, drawing.width - left - right, max(2 * size, high - above - below))

    def at(self, x: float, y: float) -> Point:
        """A place of the plot on paper."""
        left, top, wide, high = self.box
        share = (y - self.y[0]) / ((self.y[1] - self.y[0]) or 1.0)
        share = 1 - share if self.upright else share
        return (left + wide * (x - self.x[0]) / ((self.x[1] - self.x[0]) or 1.0), top + high * share)

    def draw(self, theme: Theme, family: str, size: float) -> tuple[list[Shape], list[Shape]]:
        """Lines and words around the frame."""
        left, top, wide, high = self.box
        lines: list[Shape] = []
        words: list[Shape] = []
        corner = [(left, top), (left, top + high), (left + wide, top + high)]
        if self.grid:
            lines.append(polyline("axis", corner, theme.muted, 0.6))
        for value, name in self._below(size):
            y = self.at(self.x[0], value)[1]
            if self.grid:
                lines.append(polyline("axis", [(left, y), (left + 0.4 * size, y)], theme.muted, 0.5))
            room = left - MARGIN - 0.6 * size - (1.5 * size if self.labels.get("left") else 0.0)
            text = cut(name, family, size, room)
            words.append(Text(left - 0.5 * size, y + 0.35 * size, text, size, theme.muted, anchor="end"))
        for value, name in self._apart(self.bottom, family, size):
            x = self.at(value, self.y[0])[0]
            if self.grid:
                ends = [(x, top + high), (x, top + high - 0.4 * size)]
                lines.append(polyline("axis", ends, theme.muted, 0.5))
            words.append(Text(x, top + high + 1.3 * size, name, size, theme.muted, anchor="middle"))
        words += self._names_above(theme, family, size)
        if label := self.labels.get("bottom"):
            text = cut(label, family, size, left + wide - MARGIN)
            half = width(text, family, size) / 2
            x = min(max(left + wide / 2, MARGIN + half), left + wide + size - half)
            y = top + high + (2.9 if self.bottom else 1.5) * size
            words.append(Text(x, y, text, size, theme.text, anchor="middle"))
        if label := self.labels.get("left"):
            text = cut(label, family, size, top + high)
            half = width(text, family, size) / 2
            y = max(top + high / 2, half + MARGIN)
            words.append(Text(MARGIN + 0.85 * size, y, text, size, theme.text, anchor="middle", turn=-90))
        return lines, words

    def _inside(self, ticks: Ticks, axis: int) -> Ticks:
        low, high = sorted((self.x, self.y)[axis])
        slack = 1e-6 * (high - low)
        return [tick for tick in ticks if low - slack <= tick[0] <= high + slack]

    def _apart(self, ticks: Ticks, family: str, size: float) -> Ticks:
        """Those of the bottom's ticks that do not run into the one before."""
        kept: list[tuple[float, str]] = []
        end = -1e9
        for value, name in sorted(self._inside(ticks, 0)):
            half, x = width(name, family, size) / 2, self.at(value, self.y[0])[0]
            if x - half >= end + 0.5 * size:
                kept.append((value, name))
                end = x + half
        return kept

    def _below(self, size: float) -> Ticks:
        """Those of the left's ticks that leave each other a line."""
        kept: list[tuple[float, str]] = []
        end = -1e9
        for y, value, name in sorted((self.at(self.x[0], v)[1], v, n) for v, n in self._inside(self.left, 1)):
            if y >= end + 1.05 * size:
                kept.append((value, name))
                end = y
        return kept

    def _names_above(self, theme: Theme, family: str, size: float) -> list[Shape]:
        """Names above the frame: in one line or two where they fit, else turned, as many as have room."""
        lines, low, words, end = self._lines(family, size), self.box[1] - 0.5 * size, [], -1e9
        for value, name in sorted(self._inside(self.top, 0)):
            x = self.at(value, self.y[0])[0]
            for number, line in enumerate(reversed(lines.get(name, ()))):
                words.append(Text(x, low - 1.15 * number * size, line, size, theme.muted, anchor="middle"))
            if not lines and x >= end + 0.95 * size:
                text = cut(name, family, size, LONGEST * size)
                words.append(Text(x + 0.3 * size, low, text, size, theme.muted, turn=TURN))
                end = x
        return list(words)

    def _lines(self, family: str, size: float) -> dict[str, list[str]]:
        """Each name above in one line or two; empty where some do not fit beside each other."""
        ticks = sorted(self._inside(self.top, 0))
        steps = [self.at(b[0], 0)[0] - self.at(a[0], 0)[0] for a, b in pairwise(ticks)]
        room = min(steps, default=self.box[2]) - 0.4 * size
        broken = {name: wrapped(name, family, size, room) for _, name in ticks}
        fits = all(" ".join(lines).split() == name.split() for name, lines in broken.items())
        return broken if fits and max(map(len, broken.values()), default=0) <= 2 else {}

    def _above(self, family: str, size: float) -> float:
        """Room that the names above take."""
        lines = self._lines(family, size)
        if lines:
            return (1.15 * max(map(len, lines.values())) - 0.1) * size
        longest = max((width(name, family, size) for _, name in self.top), default=0.0)
        return 0.78 * min(longest, LONGEST * size) + 0.7 * size
