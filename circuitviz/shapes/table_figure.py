"""A table on paper, as papers set them: names at the left, numbers at the right, three rules."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from circuitviz.number_text import rounded_number, with_minus_sign
from circuitviz.shapes.drawing import Drawing, TextShape, polyline
from circuitviz.shapes.plot_axes import PLOT_MARGIN_PT, PlotFigureOptions
from circuitviz.shapes.text_metrics import elide_text, text_width

MAX_ROWS = 40  # rows: a longer table is one for a spreadsheet


def draw_table(cells: Sequence[Sequence[Any]], figure: PlotFigureOptions) -> Drawing:
    """``cells``: rows, the head first. The first ``MAX_ROWS`` are set; the widest column gives way."""
    paper, size, theme = figure.new_drawing(), figure.font_size, figure.theme
    rows = [[_cell_text(cell) for cell in row] for row in cells[: MAX_ROWS + 1]]
    columns = range(len(rows[0]))
    numbers = [all(isinstance(row[c], int | float) for row in cells[1:]) for c in columns]
    wide = [max(text_width(row[c], paper.font, size, i == 0) for i, row in enumerate(rows)) for c in columns]
    room, gap = paper.width - 2 * PLOT_MARGIN_PT, 1.6 * size
    over = sum(wide) + gap * (len(wide) - 1) - room
    if over > 0:
        widest = wide.index(max(wide))
        wide[widest] = max(3 * size, wide[widest] - over)
    line, left = 1.45 * size, PLOT_MARGIN_PT
    for c, column in enumerate(wide):
        for i, row in enumerate(rows):
            text = elide_text(row[c], paper.font, size, column, i == 0)
            x, anchor = (left + column, "end") if numbers[c] else (left, "start")
            y = PLOT_MARGIN_PT + (i + 1) * line + (0.4 * size if i else 0.0)
            paper.words.append(TextShape(x, y, text, size, theme.text, i == 0, anchor))
        left += column + gap
    bottom = PLOT_MARGIN_PT + len(rows) * line + 0.9 * size
    for y, thick in ((PLOT_MARGIN_PT, 0.9), (PLOT_MARGIN_PT + line + 0.45 * size, 0.5), (bottom, 0.9)):
        paper.body.append(polyline("rule", [(PLOT_MARGIN_PT, y), (left - gap, y)], theme.muted, thick))
    paper.height = bottom + PLOT_MARGIN_PT
    return paper


def _cell_text(cell: Any) -> str:
    return with_minus_sign(rounded_number(cell, 4) if isinstance(cell, float) else str(cell))
