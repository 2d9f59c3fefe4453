"""A heat map as drawing primitives: for the window, and for every figure file."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from circuitviz.number_text import decimal_number, with_minus_sign
from circuitviz.scene.theme import Theme
from circuitviz.shapes.drawing import BoxShape, Drawing, DrawingShape, TextShape
from circuitviz.shapes.heat_grid import (
    ColourArray,
    HeatGrid,
    diverging_colours,
    is_black_text_clearer,
    rgb_to_hex,
)
from circuitviz.shapes.plot_axes import PlotAxes, PlotFigureOptions
from circuitviz.shapes.text_metrics import elide_text, text_width

SCALE_STEPS = 40
MIN_TEXT_FRACTION = 0.6  # least size of shortened texts in cells, in sizes of the names' text
MIN_FITTING_FRACTION = (
    0.8  # on paper, fewer fitting texts than this are left out: the empty cells would mislead
)


def figure_of_heat_map(grid: HeatGrid, options: PlotFigureOptions, *, square_cells: bool = False) -> Drawing:
    """A heat map on paper, as large and in the font that the options say.

    Raises:
        InputError: the font is not installed, or the size is too small.
    """
    page, size = options.new_drawing(), options.font_size
    n_rows = max(1, len(grid.row_names))

    def height_of(axes: PlotAxes, outer_height: float) -> float:
        if square_cells:
            cell_height = axes.frame[2] / max(1, len(grid.column_names))
        else:
            cell_height = max(min(1.8 * size, 2.2 * page.width / n_rows), 1.0)
        return options.height_pt(outer_height + cell_height * n_rows)

    layout = lay_out_heat_map(
        grid, page, size, height_of, options.theme, square_cells=square_cells, has_scale=options.legend
    )
    lines, names = layout.axes.draw(options.theme, page.font, size)
    page.body = [*layout.cells.boxes(), *page.body, *lines]
    page.words += names
    return page


@dataclass(frozen=True, eq=False)
class CellArray:
    """Coloured cells in rows and columns: one image on the screen, one box a cell in a figure file.

    Attributes:
        colours: sRGB colours [row, column, 3].
        has_value: where there is a cell [row, column].
        bounds: left, top, width and height of all cells in the drawing.
        gap: what is left free at the right and the bottom of each cell, in the drawing's unit.
    """

    colours: ColourArray
    has_value: NDArray[np.bool_]
    bounds: tuple[float, float, float, float]
    gap: float = 0.0

    def boxes(self) -> list[DrawingShape]:
        """A box for each cell."""
        n_rows, n_columns = self.has_value.shape
        left, top, width, height = self.bounds
        shapes: list[DrawingShape] = []
        for i, j in np.argwhere(self.has_value).tolist():
            code = rgb_to_hex(self.colours[i, j])
            x, y = left + j * width / n_columns, top + i * height / n_rows
            size = (width / n_columns - self.gap, height / n_rows - self.gap)
            shapes.append(BoxShape("cell", x, y, *size, code, code, 0.0, "square"))
        return shapes


@dataclass(frozen=True)
class HeatMapLayout:
    """Where a heat map's cells lie in a drawing: ``axes`` maps column and row to the drawing's unit."""

    axes: PlotAxes
    cells: CellArray

    @property
    def cell_width(self) -> float:
        """Width of a cell."""
        return self.axes.frame[2] / max(1, self.cells.has_value.shape[1])

    @property
    def cell_height(self) -> float:
        """Height of a cell."""
        return self.axes.frame[3] / max(1, self.cells.has_value.shape[0])

    def cell_bounds(self, row: int, column: int) -> tuple[float, float, float, float]:
        """Left, top, width and height of a cell."""
        left, top = self.axes.frame[:2]
        return (
            left + column * self.cell_width,
            top + row * self.cell_height,
            self.cell_width,
            self.cell_height,
        )

    def cell_at(self, x: float, y: float) -> tuple[int, int]:
        """Row and column at a place of the drawing; they may lie outside the grid."""
        left, top = self.axes.frame[:2]
        return math.floor((y - top) / self.cell_height), math.floor((x - left) / self.cell_width)


def lay_out_heat_map(
    grid: HeatGrid,
    page: Drawing,
    font_size: float,
    height: float | Callable[[PlotAxes, float], float],
    theme: Theme,
    *,
    square_cells: bool = False,
    max_cell_height: float = math.inf,
    has_scale: bool = True,
    elides_texts: bool = False,
    cell_gap: float = 0.5,
    left_space: float = 0.0,
) -> HeatMapLayout:
    """Draw the frames, texts and scale of a heat map onto an empty drawing.

    The layout that is returned holds the cells, and the axes that draw the names.

    Args:
        grid: the numbers, names and texts.
        page: takes the shapes and, where ``height`` is a function, its height.
        font_size: size of names, in the drawing's unit; cells' texts are at most as large.
        height: the drawing's height, or a function of the axes and of the height that the names take.
        theme: the colours.
        square_cells: whether cells are as wide as high.
        max_cell_height: the greatest height of a cell.
        has_scale: whether the colour scale stands at the right.
        elides_texts: whether texts that do not fit are shortened; otherwise, where many do not fit, none is
            written.
        cell_gap: what is left free between cells that are large enough.
        left_space: least width of the names at the left.
    """
    n_rows, n_columns = grid.values.shape
    axes = PlotAxes(
        (0.0, n_columns), (0.0, n_rows),
        left_ticks=[(i + 0.5, name) for i, name in enumerate(grid.row_names)],
        top_ticks=[(j + 0.5, name) for j, name in enumerate(grid.column_names)],
        y_up=False, draws_lines=False, left_space=left_space,
        right_space=_scale_width(grid, page.font, font_size) if has_scale else 0.0,
    )  # fmt: skip
    if callable(height):
        axes.place_frame(page, font_size, 1e4)
        page.height = height(axes, 1e4 - axes.frame[3])
    else:
        page.height = height
    axes.place_frame(page, font_size, page.height)
    left, top, width, frame_height = axes.frame
    cell_width = width / max(1, n_columns)
    cell_height = min(max_cell_height, frame_height / max(1, n_rows))
    if square_cells:
        cell_width = cell_height = min(cell_width, cell_height)
    axes.frame = (left, top, cell_width * n_columns, cell_height * n_rows)
    gap = 0.0 if min(cell_width, cell_height) <= 5 else cell_gap
    cells = CellArray(grid.cell_colours(theme), np.isfinite(grid.values), axes.frame, gap)
    layout = HeatMapLayout(axes, cells)
    if n_rows and n_columns:
        page.body = _frame_shapes(grid, layout, theme)
        page.words = _cell_text_shapes(grid, layout, page.font, font_size, elides_texts)
    if has_scale:
        page.legend = _scale_shapes(grid, axes, theme, font_size, page.font)
    return layout


def _frame_shapes(grid: HeatGrid, layout: HeatMapLayout, theme: Theme) -> list[DrawingShape]:
    """Frames around the cells that stand out."""
    frames: list[DrawingShape] = []
    for row, column in sorted(grid.framed_cells):
        x, y, width, height = layout.cell_bounds(row, column)
        gap = layout.cells.gap
        frames.append(BoxShape("frame", x, y, width - gap, height - gap, "", theme.text, 0.8, "square"))
    return frames


def _cell_text_shapes(
    grid: HeatGrid, layout: HeatMapLayout, font_family: str, font_size: float, elides_texts: bool
) -> list[DrawingShape]:
    """The texts that fit into their cells, in black or white."""
    text_size = min(font_size, layout.cell_height / 1.1)
    if not grid.cell_texts or text_size < (MIN_TEXT_FRACTION if elides_texts else 1.0) * font_size:
        return []
    gap, colours = layout.cells.gap, layout.cells.colours
    max_width = layout.cell_width - 2 * gap - 1
    if elides_texts and max_width < text_size:
        return []  # there is room for … at most, and shortening thousands of texts to it would take long
    fitting = {
        text: elide_text(with_minus_sign(text), font_family, text_size, max_width)
        for text in {text for row in grid.cell_texts for text in row}
    }
    places = np.argwhere(layout.cells.has_value).tolist()
    if not elides_texts:
        texts = [grid.cell_texts[i][j] for i, j in places]
        n_fitting = sum(fitting[text] == with_minus_sign(text) for text in texts)
        if n_fitting < MIN_FITTING_FRACTION * len(places):
            return []
    is_black = is_black_text_clearer(colours)
    shapes: list[DrawingShape] = []
    for i, j in places:
        text = fitting[grid.cell_texts[i][j]]
        if text in ("", "…"):
            continue
        x, y, width, height = layout.cell_bounds(i, j)
        center_x, baseline = x + (width - gap) / 2, y + height / 2 + 0.35 * text_size
        colour = "#000000" if is_black[i, j] else "#ffffff"
        shapes.append(TextShape(center_x, baseline, text, text_size, colour, anchor="middle"))
    return shapes


def format_scale_number(number: float) -> str:
    """A number beside the colour scale, with few digits."""
    size = abs(number)
    if not size:
        return "0"
    return decimal_number(number, 0 if size >= 10 else 1 if size >= 1 else 2)


def _scale_marks(grid: HeatGrid) -> list[tuple[float, str]]:
    """Positions along the scale, 0 at its top, with their numbers; ≥ and ≤ where values lie beyond it."""
    values = np.nan_to_num(grid.values)
    more = "≥" if values.max(initial=0.0) > 1.001 * grid.scale_end else ""
    less = "≤" if values.min(initial=0.0) < -1.001 * grid.scale_end else ""
    marks = [(0.0, more + format_scale_number(grid.scale_end))]
    if grid.is_signed:
        return [*marks, (0.5, "0"), (1.0, less + format_scale_number(-grid.scale_end))]
    return [*marks, (1.0, "0")]


def _scale_width(grid: HeatGrid, font_family: str, font_size: float) -> float:
    numbers = max(text_width(text, font_family, font_size) for _, text in _scale_marks(grid))
    return 2.6 * font_size + numbers + (1.6 * font_size if grid.unit else 0.0)


def _scale_shapes(
    grid: HeatGrid, axes: PlotAxes, theme: Theme, font_size: float, font_family: str
) -> list[DrawingShape]:
    """A bar from the largest number to the least, with its numbers and its unit."""
    left, top, width, frame_height = axes.frame
    x, height = left + width + 1.4 * font_size, min(frame_height, 16 * font_size)
    fractions = np.linspace(1.0, -1.0 if grid.is_signed else 0.0, SCALE_STEPS)
    shapes: list[DrawingShape] = []
    for step, colour in enumerate(diverging_colours(fractions, theme)):
        code = rgb_to_hex(colour)
        bounds = (x, top + height * step / SCALE_STEPS, 0.8 * font_size, height / SCALE_STEPS + 0.05)
        shapes.append(BoxShape("cell", *bounds, code, code, 0.0, "square"))
    if height < 2.4 * font_size:
        return shapes
    marks = (
        _scale_marks(grid) if height > 3.4 * font_size else [_scale_marks(grid)[0], _scale_marks(grid)[-1]]
    )
    for fraction, text in marks:
        y = top + height * fraction + (0.72 - 0.72 * fraction) * font_size
        shapes.append(TextShape(x + 1.2 * font_size, y, text, font_size, theme.muted))
    if unit := elide_text(grid.unit, font_family, font_size, frame_height):
        x += 2.6 * font_size + max(text_width(text, font_family, font_size) for _, text in marks)
        shapes.append(TextShape(x, top, unit, font_size, theme.muted, anchor="end", rotation_deg=-90))
    return shapes
