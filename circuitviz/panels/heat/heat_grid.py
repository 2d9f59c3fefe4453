"""What a heat map shows, apart from how it is drawn: numbers, names, texts, and what they stand for."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from circuitviz.scene.theme import Theme

ColourArray = NDArray[np.uint8]
TableRows = list[list[Any]]
STEPS_PER_SIGN = 255  # colours on each side of nothing


@dataclass(frozen=True, eq=False)
class HeatGrid:
    """Numbers [row, column] with their names; NaN where there is no cell.

    ``unit``: what a number is, for the scale. ``is_signed``: blue above zero, orange below; otherwise from
    nothing to blue. ``scale_limit``: where colours end, by default the largest number. ``cell_texts``: what is
    written into cells, [row][column]; ``told(row, column)``: what hovering says; ``cell_nodes``: what a cell
    stands for on the canvas. ``framed_cells``: cells to be framed. ``build_table()``: the rows that CSV gets. Both
    are asked for one cell, or once, and so cost nothing where a grid is only looked at.
    """

    row_names: Sequence[str]
    column_names: Sequence[str]
    values: NDArray[np.floating[Any]]
    unit: str = ""
    is_signed: bool = True
    scale_limit: float = 0.0
    cell_texts: Sequence[Sequence[str]] = ()
    describe_cell: Callable[[int, int], str] | None = None
    cell_nodes: Sequence[Sequence[str]] = ()
    framed_cells: frozenset[tuple[int, int]] = frozenset()
    build_table: Callable[[], TableRows] = list

    @property
    def scale_end(self) -> float:
        """The number at the end of the scale."""
        there = np.abs(self.values[np.isfinite(self.values)])
        return self.scale_limit or float(there.max(initial=0.0)) or 1.0

    def has_cell(self, row: int, column: int) -> bool:
        """Whether there is such a cell."""
        rows, columns = self.values.shape
        inside = 0 <= row < rows and 0 <= column < columns
        return inside and bool(np.isfinite(self.values[row, column]))

    def cell_description(self, row: int, column: int) -> str:
        """What a cell says when it is pointed at."""
        if not self.has_cell(row, column):
            return ""
        if self.describe_cell is not None:
            return self.describe_cell(row, column)
        return f"{self.row_names[row]}, {self.column_names[column]}: {self.values[row, column]:.4f}"

    def node_of_cell(self, row: int, column: int) -> str:
        """The node that a cell stands for, or nothing."""
        return self.cell_nodes[row][column] if self.cell_nodes and self.has_cell(row, column) else ""

    def cell_colours(self, theme: Theme) -> ColourArray:
        """Colours of the cells, [row, column, 3]."""
        return diverging_colours(np.nan_to_num(self.values) / self.scale_end, theme)


def diverging_colours(scale_fractions: NDArray[np.floating[Any]], theme: Theme) -> ColourArray:
    """Colours [..., 3] of shares [...] of the scale: −1 orange, 0 the ground, 1 blue.

    Mixed in sRGB's codes, whose steps are near to steps of brightness as it is seen. Blue and orange
    differ for every kind of colour vision.
    """
    places = np.rint(np.clip(scale_fractions, -1, 1) * STEPS_PER_SIGN).astype(np.int16) + STEPS_PER_SIGN
    return _colour_ramp(theme)[places]


@lru_cache(maxsize=8)
def _colour_ramp(theme: Theme) -> ColourArray:
    """The colours from −1 to 1: a table, because a layer's heads on a long prompt are many cells."""
    middle, low, high = (_rgb(c) for c in (theme.window, theme.negative, theme.positive))
    shares = np.linspace(-1, 1, 2 * STEPS_PER_SIGN + 1)[:, None]
    mixed = middle + (np.where(shares < 0, low, high) - middle) * np.abs(shares) ** 0.9
    return np.asarray(np.round(mixed), dtype=np.uint8)


def _rgb(colour: str) -> NDArray[np.float64]:
    return np.array([int(colour[i : i + 2], 16) for i in (1, 3, 5)], dtype=float)


def text_colour_on(background: Sequence[int]) -> str:
    """Black or white, whichever stands out more from a ground: at least 4.5 to 1 (WCAG 2, AA)."""
    return "#000000" if is_black_text_clearer(np.asarray(background)) else "#ffffff"


def is_black_text_clearer(backgrounds: NDArray[Any]) -> NDArray[np.bool_]:
    """Whether black stands out more than white from colours [..., 3]."""
    codes = backgrounds / 255
    linear = np.where(codes <= 0.04045, codes / 12.92, ((codes + 0.055) / 1.055) ** 2.4)
    light = linear @ (0.2126, 0.7152, 0.0722) + 0.05
    return np.asarray(light / 0.05 > 1.05 / light)
