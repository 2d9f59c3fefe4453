"""A heat map on paper: a cell is a shape, a name is text, and the scale is its legend."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from circuitviz.panels.heat.heat_grid import ColourArray, HeatGrid, diverging_colours, text_colour_on
from circuitviz.panels.heat.heat_painter import format_scale_number as number_of
from circuitviz.scene.theme import Theme
from circuitviz.shapes.drawing import BoxShape, Drawing, DrawingShape, TextShape
from circuitviz.shapes.plot_axes import Axes, PlotFigureOptions, with_minus_sign
from circuitviz.shapes.text_metrics import elide_text, text_width

SCALE_STEPS = 40


def heat_map_drawing(grid: HeatGrid, figure: PlotFigureOptions, square_cells: bool = False) -> Drawing:
    """All cells of a grid with their names, and the scale at the right where a legend is asked for."""
    paper, size, theme = figure.new_drawing(), figure.font_size, figure.theme
    rows, columns = grid.values.shape
    axes = Axes(
        (0.0, columns), (0.0, rows),
        left_ticks=[(i + 0.5, name) for i, name in enumerate(grid.row_names)],
        top_ticks=[(j + 0.5, name) for j, name in enumerate(grid.column_names)],
        y_up=False, draws_lines=False, right_space=_scale_width(grid, paper.font, size) if figure.legend else 0.0,
    )  # fmt: skip
    axes.place_frame(paper, size, 1e4)
    around = 1e4 - axes.frame[3]  # what the names take
    wide = axes.frame[2] / max(1, columns)
    high = wide if square_cells else max(min(1.8 * size, 2.2 * paper.width / max(1, rows)), 1.0)
    paper.height = figure.height_pt(around + high * rows)
    axes.place_frame(paper, size, paper.height)
    if square_cells and figure.height_mm:  # a square that is too high would be no square
        wide = min(wide, axes.frame[3] / max(1, rows))
        axes.frame = (*axes.frame[:2], wide * columns, wide * rows)
    lines, words = axes.draw(theme, paper.font, size)
    cells, texts = _cell_shapes(grid, axes, theme, paper.font, size)
    paper.body, paper.words = [*cells, *lines], [*texts, *words]
    if figure.legend:
        paper.legend = _scale_shapes(grid, axes, theme, size, paper.font)
    return paper


def cell_boxes(
    colours: ColourArray,
    has_value: NDArray[np.bool_],
    bounds: tuple[float, float, float, float],
    gap: float = 0.0,
) -> list[DrawingShape]:
    """A box for each cell [row, column] of ``has_value``, in a frame on paper (left, top, width, height)."""
    rows, columns = has_value.shape
    left, top, wide, high = bounds[0], bounds[1], bounds[2] / columns, bounds[3] / rows
    made: list[DrawingShape] = []
    for i, j in np.argwhere(has_value).tolist():
        red, green, blue = colours[i, j].tolist()
        colour = f"#{red:02x}{green:02x}{blue:02x}"
        place = (left + j * wide, top + i * high, wide - gap, high - gap)
        made.append(BoxShape("cell", *place, colour, colour, 0.0, "square"))
    return made


def _cell_shapes(
    grid: HeatGrid, axes: Axes, theme: Theme, family: str, size: float
) -> tuple[list[DrawingShape], list[DrawingShape]]:
    """Boxes and frames; texts that fit into their cells."""
    rows, columns = grid.values.shape
    if not rows or not columns:
        return [], []
    shades, there = grid.cell_colours(theme), np.isfinite(grid.values)
    left, top, wide, high = axes.frame
    wide, high = wide / columns, high / rows
    gap = 0.5 if min(wide, high) > 5 else 0.0
    boxes = cell_boxes(shades, there, axes.frame, gap)
    for i, j in sorted(grid.framed_cells):
        place = (left + j * wide, top + i * high, wide - gap, high - gap)
        boxes.append(BoxShape("frame", *place, "", theme.text, 0.8, "square"))
    texts: list[DrawingShape] = []
    room = wide - 2 * gap - 1
    for i, j in (
        np.argwhere(there).tolist() if _fits_cell_texts(grid, there, (room, high), family, size) else ()
    ):
        text = elide_text(with_minus_sign(grid.cell_texts[i][j]), family, size, room)
        x, y = left + (j + 0.5) * wide - gap / 2, top + (i + 0.5) * high + 0.35 * size
        if text not in ("", "…"):
            texts.append(TextShape(x, y, text, size, text_colour_on(shades[i, j].tolist()), anchor="middle"))
    return boxes, texts


def _fits_cell_texts(
    grid: HeatGrid, there: NDArray[np.bool_], room: tuple[float, float], family: str, size: float
) -> bool:
    """Whether cells are large enough for their texts: a few in a map of empty cells would mislead."""
    if not grid.cell_texts or room[1] < 1.1 * size:
        return False
    fits = [
        text_width(grid.cell_texts[i][j], family, size) <= room[0] for i, j in np.argwhere(there).tolist()
    ]
    return sum(fits) >= 0.8 * len(fits)


def _scale_marks(grid: HeatGrid) -> list[tuple[float, str]]:
    """Places on the scale, 0 at the top, with their numbers; ≥ and ≤ where there is more beyond."""
    there = np.nan_to_num(grid.values)
    more = "≥" if there.max(initial=0.0) > 1.001 * grid.scale_end else ""
    less = "≤" if there.min(initial=0.0) < -1.001 * grid.scale_end else ""
    marks = [(0.0, more + number_of(grid.scale_end))]
    if grid.is_signed:
        return [*marks, (0.5, "0"), (1.0, less + with_minus_sign(number_of(-grid.scale_end)))]
    return [*marks, (1.0, "0")]


def _scale_width(grid: HeatGrid, family: str, size: float) -> float:
    numbers = max(text_width(name, family, size) for _, name in _scale_marks(grid))
    return 2.6 * size + numbers + (1.6 * size if grid.unit else 0.0)


def _scale_shapes(grid: HeatGrid, axes: Axes, theme: Theme, size: float, family: str) -> list[DrawingShape]:
    """A bar from the largest number to the least, with its numbers and its unit."""
    left, top, wide, whole = axes.frame
    x, high = left + wide + 1.4 * size, min(whole, 16 * size)
    made: list[DrawingShape] = []
    for step in range(SCALE_STEPS):
        share = 1 - step / (SCALE_STEPS - 1)
        red, green, blue = diverging_colours(
            np.array(2 * share - 1 if grid.is_signed else share), theme
        ).tolist()
        colour = f"#{red:02x}{green:02x}{blue:02x}"
        place = (x, top + high * step / SCALE_STEPS, 0.8 * size, high / SCALE_STEPS + 0.05)
        made.append(BoxShape("cell", *place, colour, colour, 0.0, "square"))
    if high < 2.4 * size:
        return made
    marks = _scale_marks(grid) if high > 3.4 * size else [_scale_marks(grid)[0], _scale_marks(grid)[-1]]
    for share, name in marks:
        y = top + high * share + (0.72 - 0.72 * share) * size
        made.append(TextShape(x + 1.2 * size, y, name, size, theme.muted))
    if text := elide_text(grid.unit, family, size, whole):
        x += 2.6 * size + max(text_width(name, family, size) for _, name in marks)
        made.append(TextShape(x, top, text, size, theme.muted, anchor="end", rotation_deg=-90))
    return made
