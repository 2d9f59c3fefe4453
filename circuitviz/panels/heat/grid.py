"""What a heat map shows, apart from how it is drawn: numbers, names, texts, and what they stand for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from circuitviz.canvas.theme import Theme

Shades = NDArray[np.uint8]


@dataclass(frozen=True, eq=False)
class HeatGrid:
    """Numbers [row, column] with their names; NaN where there is no cell.

    ``unit``: what a number is, for the scale. ``signed``: blue above zero, orange below; otherwise from
    nothing to blue. ``limit``: where colours end, by default the largest number. ``texts``: what is
    written into cells, [row][column]; ``told``: what hovering says; ``nodes``: what a cell stands for on
    the canvas. ``strong``: cells to be framed. ``table``: the rows that CSV gets.
    """

    rows: Sequence[str]
    columns: Sequence[str]
    values: NDArray[np.floating[Any]]
    unit: str = ""
    signed: bool = True
    limit: float = 0.0
    texts: Sequence[Sequence[str]] = ()
    told: Sequence[Sequence[str]] = ()
    nodes: Sequence[Sequence[str]] = ()
    strong: frozenset[tuple[int, int]] = frozenset()
    table: Sequence[Sequence[Any]] = field(default_factory=list)

    @property
    def most(self) -> float:
        """The number at the end of the scale."""
        there = np.abs(self.values[np.isfinite(self.values)])
        return self.limit or float(there.max(initial=0.0)) or 1.0

    def has(self, row: int, column: int) -> bool:
        """Whether there is such a cell."""
        rows, columns = self.values.shape
        inside = 0 <= row < rows and 0 <= column < columns
        return inside and bool(np.isfinite(self.values[row, column]))

    def say(self, row: int, column: int) -> str:
        """What a cell says when it is pointed at."""
        if not self.has(row, column):
            return ""
        if self.told:
            return self.told[row][column]
        return f"{self.rows[row]}, {self.columns[column]}: {self.values[row, column]:.4f}"

    def node(self, row: int, column: int) -> str:
        """The node that a cell stands for, or nothing."""
        return self.nodes[row][column] if self.nodes and self.has(row, column) else ""

    def shades(self, theme: Theme) -> Shades:
        """Colours of the cells, [row, column, 3]."""
        return shade(np.nan_to_num(self.values) / self.most, theme)


def shade(shares: NDArray[np.floating[Any]], theme: Theme) -> Shades:
    """Colours [..., 3] of shares [...] of the scale: −1 orange, 0 the ground, 1 blue.

    Mixed in linear light, so that equal steps of a number are equal steps of brightness more nearly
    than mixed codes are; both arms grow away from the ground, so sign shows without colour vision in
    hover and text, size in brightness.
    """
    middle, low, high = (_linear(c) for c in (theme.window, theme.negative, theme.positive))
    part = np.abs(np.clip(shares, -1, 1))[..., None] ** 0.85
    ends = np.where(np.asarray(shares)[..., None] < 0, low, high)
    mixed = middle + (ends - middle) * part
    return np.asarray(np.round(255 * np.clip(mixed, 0, 1) ** (1 / 2.2)), dtype=np.uint8)


def _linear(colour: str) -> NDArray[np.float64]:
    codes = [int(colour[i : i + 2], 16) for i in (1, 3, 5)]
    return (np.array(codes) / 255.0) ** 2.2


def ink(colour: Sequence[int]) -> str:
    """The text colour, near black or white, that stands out more from a ground."""
    light = float(np.dot((np.asarray(colour) / 255.0) ** 2.2, (0.2126, 0.7152, 0.0722)))
    return "#10141c" if (light + 0.05) / 0.056 > 1.05 / (light + 0.05) else "#ffffff"
