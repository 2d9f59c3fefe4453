"""A table on paper, as papers set them: names at the left, numbers at the right, three rules."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from circuitviz.pictures.drawing import Drawing, Text, polyline
from circuitviz.pictures.measure import cut, width
from circuitviz.pictures.plots import MARGIN, PlotFigure, printed

MOST = 40  # rows: a longer table is one for a spreadsheet


def table_drawing(cells: Sequence[Sequence[Any]], figure: PlotFigure) -> Drawing:
    """``cells``: rows, the head first. The first ``MOST`` are set; the widest column gives way."""
    paper, size, theme = figure.paper(), figure.font_size, figure.theme
    rows = [[_shown(cell) for cell in row] for row in cells[: MOST + 1]]
    columns = range(len(rows[0]))
    numbers = [all(isinstance(row[c], int | float) for row in cells[1:]) for c in columns]
    wide = [max(width(row[c], paper.font, size, i == 0) for i, row in enumerate(rows)) for c in columns]
    room, gap = paper.width - 2 * MARGIN, 1.6 * size
    over = sum(wide) + gap * (len(wide) - 1) - room
    if over > 0:
        widest = wide.index(max(wide))
        wide[widest] = max(3 * size, wide[widest] - over)
    line, left = 1.45 * size, MARGIN
    for c, column in enumerate(wide):
        for i, row in enumerate(rows):
            text = cut(row[c], paper.font, size, column, i == 0)
            x, anchor = (left + column, "end") if numbers[c] else (left, "start")
            y = MARGIN + (i + 1) * line + (0.4 * size if i else 0.0)
            paper.words.append(Text(x, y, text, size, theme.text, i == 0, anchor))
        left += column + gap
    bottom = MARGIN + len(rows) * line + 0.9 * size
    for y, thick in ((MARGIN, 0.9), (MARGIN + line + 0.45 * size, 0.5), (bottom, 0.9)):
        paper.body.append(polyline("rule", [(MARGIN, y), (left - gap, y)], theme.muted, thick))
    paper.height = bottom + MARGIN
    return paper


def _shown(cell: Any) -> str:
    return printed(f"{cell:.4g}" if isinstance(cell, float) else str(cell))
