"""A heat map on paper: a cell is a shape, a name is text, and the scale is its legend."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from circuitviz.canvas.theme import Theme
from circuitviz.panels.heat.grid import HeatGrid, Shades, ink, shade
from circuitviz.panels.heat.paint import figure as number_of
from circuitviz.pictures.drawing import Box, Drawing, Shape, Text
from circuitviz.pictures.measure import cut, width
from circuitviz.pictures.plots import Axes, PlotFigure, printed

STEPS = 40


def drawing_of(grid: HeatGrid, figure: PlotFigure, square: bool = False) -> Drawing:
    """All cells of a grid with their names, and the scale at the right where a legend is asked for."""
    paper, size, theme = figure.paper(), figure.font_size, figure.theme
    rows, columns = grid.values.shape
    axes = Axes(
        (0.0, columns), (0.0, rows),
        left=[(i + 0.5, name) for i, name in enumerate(grid.rows)],
        top=[(j + 0.5, name) for j, name in enumerate(grid.columns)],
        upright=False, grid=False, beside=_scale_width(grid, paper.font, size) if figure.legend else 0.0,
    )  # fmt: skip
    axes.place(paper, size, 1e4)
    around = 1e4 - axes.box[3]  # what the names take
    wide = axes.box[2] / max(1, columns)
    high = wide if square else max(min(1.8 * size, 2.2 * paper.width / max(1, rows)), 1.0)
    paper.height = figure.height(around + high * rows)
    axes.place(paper, size, paper.height)
    if square and figure.height_mm:  # a square that is too high would be no square
        wide = min(wide, axes.box[3] / max(1, rows))
        axes.box = (*axes.box[:2], wide * columns, wide * rows)
    lines, words = axes.draw(theme, paper.font, size)
    cells, texts = _cells(grid, axes, theme, paper.font, size)
    paper.body, paper.words = [*cells, *lines], [*texts, *words]
    if figure.legend:
        paper.legend = _scale(grid, axes, theme, size, paper.font)
    return paper


def squares(
    shades: Shades, there: NDArray[np.bool_], at: tuple[float, float, float, float], gap: float = 0.0
) -> list[Shape]:
    """A box for each cell [row, column] of ``there``, in a frame on paper (left, top, width, height)."""
    rows, columns = there.shape
    left, top, wide, high = at[0], at[1], at[2] / columns, at[3] / rows
    made: list[Shape] = []
    for i, j in np.argwhere(there).tolist():
        red, green, blue = shades[i, j].tolist()
        colour = f"#{red:02x}{green:02x}{blue:02x}"
        place = (left + j * wide, top + i * high, wide - gap, high - gap)
        made.append(Box("cell", *place, colour, colour, 0.0, "square"))
    return made


def _cells(
    grid: HeatGrid, axes: Axes, theme: Theme, family: str, size: float
) -> tuple[list[Shape], list[Shape]]:
    """Boxes and frames; texts that fit into their cells."""
    rows, columns = grid.values.shape
    if not rows or not columns:
        return [], []
    shades, there = grid.shades(theme), np.isfinite(grid.values)
    left, top, wide, high = axes.box
    wide, high = wide / columns, high / rows
    gap = 0.5 if min(wide, high) > 5 else 0.0
    boxes = squares(shades, there, axes.box, gap)
    for i, j in sorted(grid.strong):
        place = (left + j * wide, top + i * high, wide - gap, high - gap)
        boxes.append(Box("frame", *place, "", theme.text, 0.8, "square"))
    texts: list[Shape] = []
    room = wide - 2 * gap - 1
    for i, j in np.argwhere(there).tolist() if _written(grid, there, (room, high), family, size) else ():
        text = cut(printed(grid.texts[i][j]), family, size, room)
        x, y = left + (j + 0.5) * wide - gap / 2, top + (i + 0.5) * high + 0.35 * size
        if text not in ("", "…"):
            texts.append(Text(x, y, text, size, ink(shades[i, j].tolist()), anchor="middle"))
    return boxes, texts


def _written(
    grid: HeatGrid, there: NDArray[np.bool_], room: tuple[float, float], family: str, size: float
) -> bool:
    """Whether cells are large enough for their texts: a few in a map of empty cells would mislead."""
    if not grid.texts or room[1] < 1.1 * size:
        return False
    fits = [width(grid.texts[i][j], family, size) <= room[0] for i, j in np.argwhere(there).tolist()]
    return sum(fits) >= 0.8 * len(fits)


def _marks(grid: HeatGrid) -> list[tuple[float, str]]:
    """Places on the scale, 0 at the top, with their numbers; ≥ and ≤ where there is more beyond."""
    there = np.nan_to_num(grid.values)
    more = "≥" if there.max(initial=0.0) > 1.001 * grid.most else ""
    less = "≤" if there.min(initial=0.0) < -1.001 * grid.most else ""
    marks = [(0.0, more + number_of(grid.most))]
    if grid.signed:
        return [*marks, (0.5, "0"), (1.0, less + printed(number_of(-grid.most)))]
    return [*marks, (1.0, "0")]


def _scale_width(grid: HeatGrid, family: str, size: float) -> float:
    numbers = max(width(name, family, size) for _, name in _marks(grid))
    return 2.6 * size + numbers + (1.6 * size if grid.unit else 0.0)


def _scale(grid: HeatGrid, axes: Axes, theme: Theme, size: float, family: str) -> list[Shape]:
    """A bar from the largest number to the least, with its numbers and its unit."""
    left, top, wide, whole = axes.box
    x, high = left + wide + 1.4 * size, min(whole, 16 * size)
    made: list[Shape] = []
    for step in range(STEPS):
        share = 1 - step / (STEPS - 1)
        red, green, blue = shade(np.array(2 * share - 1 if grid.signed else share), theme).tolist()
        colour = f"#{red:02x}{green:02x}{blue:02x}"
        place = (x, top + high * step / STEPS, 0.8 * size, high / STEPS + 0.05)
        made.append(Box("cell", *place, colour, colour, 0.0, "square"))
    if high < 2.4 * size:
        return made
    marks = _marks(grid) if high > 3.4 * size else [_marks(grid)[0], _marks(grid)[-1]]
    for share, name in marks:
        y = top + high * share + (0.72 - 0.72 * share) * size
        made.append(Text(x + 1.2 * size, y, name, size, theme.muted))
    if text := cut(grid.unit, family, size, whole):
        x += 2.6 * size + max(width(name, family, size) for _, name in marks)
        made.append(Text(x, top, text, size, theme.muted, anchor="end", turn=-90))
    return made
