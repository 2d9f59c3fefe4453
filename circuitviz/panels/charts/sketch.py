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

from circuitviz.canvas.theme import LIGHT, Theme
from circuitviz.registry import Registry

Points = NDArray[np.float64]
Spot = tuple[QRectF, str, tuple[str, ...]]
Ticks = Sequence[tuple[float, str]]
Range = tuple[float, float]

Draw = Callable[["Sketch", dict[str, Any]], None]
"""(sketch, a measure's result as a dict): puts the result's marks onto an empty sketch."""

charts: Registry[Draw] = Registry("chart", "circuitviz.panels.charts", "circuitviz.charts")


@dataclass(frozen=True, eq=False)
class Strokes:
    """Lines through ``points`` [line, point, 2], each apart from the next; ``width`` in pixels."""

    points: Points
    colour: QColor
    width: float = 2.0
    dashed: bool = False


@dataclass(frozen=True, eq=False)
class Rule:
    """A line across the whole plot where x (``upright``) or y is ``at``."""

    at: float
    upright: bool
    colour: QColor
    width: float = 1.0
    dashed: bool = False


@dataclass(frozen=True, eq=False)
class Area:
    """A filled stretch with ``corners`` [corner, 2]."""

    corners: Points
    colour: QColor


@dataclass(frozen=True, eq=False)
class Boxes:
    """Boxes ``sides`` [box, 4]: left, bottom, right, top; a colour each. ``gap``: pixels left free."""

    sides: Points
    colours: Sequence[QColor]
    gap: float = 0.0


@dataclass(frozen=True, eq=False)
class Dots:
    """Marks of ``size`` pixels at ``points`` [dot, 2]; ``symbol``: o round, s square, d diamond.

    With an ``outline`` they are drawn around, ``thick`` pixels wide.
    """

    points: Points
    colour: QColor
    size: float = 8.0
    symbol: str = "o"
    outline: QColor | None = None
    thick: float = 1.0


@dataclass(frozen=True, eq=False)
class Word:
    """A text at x, y; ``across`` and ``down`` say which part of it lies there, 0 its left or upper end.

    It is left out where it is wider than ``room``, in units of x.
    """

    x: float
    y: float
    text: str
    colour: QColor
    across: float = 0.5
    down: float = 0.5
    room: float = math.inf


Mark = Strokes | Rule | Area | Boxes | Dots | Word


@dataclass(frozen=True)
class Entry:
    """A line of the key. ``look``: line, dash, band, ramp (its ``colours`` from the least to the most),
    o, s, d or ring as the marks are, or nothing for a fact that is only said.
    """

    name: str
    look: str = ""
    colours: tuple[str, ...] = ()
    least: str = ""  # what the ramp's first colour stands for; its name follows the last one
    alpha: float = 1.0


class Sketch:
    """Marks in the order of painting, what places say, axes, and the table behind the picture.

    ``x`` and ``y``: the stretches shown; ``moves``: whether the mouse may drag along x and y; ``names``:
    ticks by side where an axis is not to choose its own; ``upright`` is false where y grows downwards.
    """

    def __init__(self, theme: Theme = LIGHT) -> None:
        self.theme = theme
        self.marks: list[Mark] = []
        self.spots: list[Spot] = []
        self.rows: list[list[Any]] = []
        self.more: Callable[[], list[list[Any]]] = list  # further rows, where they are many: only for a file
        self.key: list[Entry] = []
        self.labels = {"left": "", "bottom": ""}
        self.names: dict[str, Ticks] = {}
        self.x: Range = (0.0, 1.0)
        self.y: Range = (0.0, 1.0)
        self.upright = True
        self.moves = (True, True)

    def axes(self, left: str, bottom: str) -> None:
        """Name the axes."""
        self.labels = {"left": left, "bottom": bottom}

    def span(self, x: Range | None = None, y: Range | None = None, padding: float = 0.0) -> None:
        """Show these stretches, and ``padding`` of them more at each end."""
        self.x, self.y = (
            old if new is None else _padded(new, padding) for new, old in ((x, self.x), (y, self.y))
        )

    def colour(self, name: str, alpha: float = 1.0) -> QColor:
        """A colour of the theme by its field's name."""
        colour = QColor(getattr(self.theme, name))
        colour.setAlphaF(alpha)
        return colour

    def spot(self, x: float, y: float, width: float, height: float, text: str, *nodes: str) -> None:
        """What a place in the plot says and stands for; centre and size in the plot's units."""
        self.spots.append((QRectF(x - width / 2, y - height / 2, width, height), text, nodes))

    def line(self, x: ArrayLike, y: ArrayLike, colour: QColor, name: str = "", **how: Any) -> None:
        """A line through points; ``how`` as of Strokes."""
        points = np.column_stack([np.asarray(x, float), np.asarray(y, float)])
        self.marks.append(Strokes(points[None], colour, **how))
        if name:
            self.explain(name, "dash" if how.get("dashed") else "line", colour)

    def rule(self, colour: QColor, *, x: float | None = None, y: float = 0.0, **how: Any) -> None:
        """A line across the plot at an x or a y; ``how`` as of Rule."""
        self.marks.append(Rule(y if x is None else x, x is not None, colour, **how))

    def dots(self, x: ArrayLike, y: ArrayLike, colour: QColor, name: str = "", **how: Any) -> None:
        """Marks at points; ``how`` as of Dots."""
        points = np.column_stack([np.asarray(x, float), np.asarray(y, float)])
        self.marks.append(Dots(points, colour, **how))
        if name:
            self.explain(name, how.get("symbol", "o"), colour)

    def band(self, x: ArrayLike, low: ArrayLike, high: ArrayLike, colour: QColor, name: str = "") -> None:
        """The stretch between two lines over the same x."""
        ends = (np.column_stack([np.asarray(x, float), np.asarray(side, float)]) for side in (low, high))
        there, back = ends
        self.marks.append(Area(np.concatenate([there, back[::-1]]), colour))
        if name:
            self.explain(name, "band", colour)

    def whiskers(
        self, x: Sequence[float], y: Sequence[float], low: Sequence[Any], high: Sequence[Any],
        across: bool = False, name: str = "",
    ) -> None:  # fmt: skip
        """Intervals of points that have one; ``across`` for horizontal ones."""
        at = [i for i in range(len(x)) if low[i] is not None and high[i] is not None]
        if not at:
            return
        if across:
            ends = [((low[i], y[i]), (high[i], y[i])) for i in at]
        else:
            ends = [((x[i], low[i]), (x[i], high[i])) for i in at]
        self.marks.append(Strokes(np.array(ends, dtype=float), self.colour("text", 0.7), 1.0))
        if name:
            self.explain(name, "line", self.colour("text", 0.7))

    def explain(self, name: str, look: str, colour: QColor) -> None:
        """A line of the key, once."""
        entry = Entry(name, look, (colour.name(),), alpha=round(colour.alphaF(), 3))
        if entry not in self.key:
            self.key.append(entry)

    def ramp(self, name: str, least: str, colours: Sequence[QColor]) -> None:
        """A scale of colours in the key: from ``least`` to ``name``, which says the unit, too."""
        self.key.append(Entry(name, "ramp", tuple(colour.name() for colour in colours), least))

    def say(self, fact: str) -> None:
        """A fact beside the key."""
        self.key.append(Entry(fact))


def _padded(ends: Range, share: float) -> Range:
    low, high = float(ends[0]), float(ends[1])
    if high <= low:
        low, high = low - 0.5, low + 0.5
    more = share * (high - low)
    return low - more, high + more
