"""What a heat map shows, apart from how it is drawn, and the colours of its numbers."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from circuitviz.number_text import decimal_number, rounded_number
from circuitviz.plots import HeatMapPlot, TableRows
from circuitviz.scene.theme import Theme

ColourArray = NDArray[np.uint8]
STEPS_PER_SIGN = 255  # colours on each side of zero


@dataclass(frozen=True, eq=False)
class HeatGrid:
    """The numbers of a heat map with their names, and what its cells say and stand for.

    Attributes:
        row_names: a name for each row.
        column_names: a name for each column.
        values: numbers [row, column]; NaN where there is no cell.
        unit: what a number is, for the colour scale.
        is_signed: whether colours go from orange below zero to blue above; otherwise from the background to
            blue.
        scale_limit: the number at which colours end; 0 takes the largest.
        cell_texts: what is written into cells, [row][column]; none by default.
        describe_cell: gives the hover text of a row and column; by default names and number.
        cell_nodes: the node that a cell stands for on the canvas, [row][column]; none by default.
        framed_cells: cells (row, column) with a frame.
        build_table: makes the table for CSV, its header first; called only when somebody exports it.
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

    @classmethod
    def from_plot(cls, plot: HeatMapPlot) -> HeatGrid:
        """The heat map of plain data, with numbers in its cells."""
        values = np.array(
            [[math.nan if value is None else value for value in row] for row in plot.values], dtype=float
        ).reshape(len(plot.rows), len(plot.columns))
        return cls(
            plot.rows,
            plot.columns,
            values,
            plot.unit,
            is_signed=bool((values < 0).any()),
            cell_texts=[[rounded_number(value, 3) for value in row] for row in values.tolist()],
            cell_nodes=[[node] * len(plot.columns) for node in plot.nodes],
            build_table=plot.table,
        )

    @property
    def scale_end(self) -> float:
        """The number at the end of the scale."""
        sizes = np.abs(self.values[np.isfinite(self.values)])
        return self.scale_limit or float(sizes.max(initial=0.0)) or 1.0

    def has_cell(self, row: int, column: int) -> bool:
        """Whether there is a number at a row and column."""
        n_rows, n_columns = self.values.shape
        is_inside = 0 <= row < n_rows and 0 <= column < n_columns
        return is_inside and bool(np.isfinite(self.values[row, column]))

    def cell_description(self, row: int, column: int) -> str:
        """A cell's hover text; empty where there is no cell."""
        if not self.has_cell(row, column):
            return ""
        if self.describe_cell is not None:
            return self.describe_cell(row, column)
        value = decimal_number(self.values[row, column], 4)
        return f"{self.row_names[row]}, {self.column_names[column]}: {value}"

    def node_of_cell(self, row: int, column: int) -> str:
        """The node that a cell stands for; empty where it stands for none."""
        return self.cell_nodes[row][column] if self.cell_nodes and self.has_cell(row, column) else ""

    def cell_colours(self, theme: Theme) -> ColourArray:
        """Colours of the cells, [row, column, 3]."""
        return diverging_colours(np.nan_to_num(self.values) / self.scale_end, theme)


def diverging_colours(scale_fractions: NDArray[np.floating[Any]], theme: Theme) -> ColourArray:
    """Colours on a scale from orange at −1 over the background at 0 to blue at 1.

    They are mixed in sRGB, whose steps are near to steps of perceived brightness. Blue and orange differ for
    every kind of colour vision.

    Args:
        scale_fractions: positions on the scale, of any shape; beyond ±1 they are clipped.
        theme: the colours of the ends and of the background.

    Returns:
        sRGB colours [..., 3].
    """
    places = np.rint(np.clip(scale_fractions, -1, 1) * STEPS_PER_SIGN).astype(np.int16) + STEPS_PER_SIGN
    return _colour_ramp(theme)[places]


@lru_cache(maxsize=8)
def _colour_ramp(theme: Theme) -> ColourArray:
    """The colours from −1 to 1, computed once per theme: a layer's heads on a long prompt are many cells."""
    middle, low, high = (hex_to_rgb(code) for code in (theme.window, theme.negative, theme.positive))
    fractions = np.linspace(-1, 1, 2 * STEPS_PER_SIGN + 1)[:, None]
    mixed = middle + (np.where(fractions < 0, low, high) - middle) * np.abs(fractions) ** 0.9
    return np.asarray(np.round(mixed), dtype=np.uint8)


def hex_to_rgb(code: str) -> NDArray[np.float64]:
    """Red, green and blue from 0 to 255 of a colour ``#rrggbb``."""
    return np.array([int(code[i : i + 2], 16) for i in (1, 3, 5)], dtype=float)


def rgb_to_hex(colour: NDArray[np.uint8]) -> str:
    """A colour [3] as ``#rrggbb``."""
    red, green, blue = colour.tolist()
    return f"#{red:02x}{green:02x}{blue:02x}"


def text_colour_on(background: Sequence[int] | NDArray[Any]) -> str:
    """Black or white, whichever has more contrast to a background [3]: at least 4.5 to 1 (WCAG 2, AA)."""
    return "#000000" if is_black_text_clearer(np.asarray(background)) else "#ffffff"


def is_black_text_clearer(backgrounds: NDArray[Any]) -> NDArray[np.bool_]:
    """Whether black has more contrast than white to each of the colours [..., 3]."""
    codes = backgrounds / 255
    linear = np.where(codes <= 0.04045, codes / 12.92, ((codes + 0.055) / 1.055) ** 2.4)
    luminance = linear @ (0.2126, 0.7152, 0.0722) + 0.05
    return np.asarray(luminance / 0.05 > 1.05 / luminance)
