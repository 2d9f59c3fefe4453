"""Rows and columns of named cells, with a number in each and a scale of their colours in the key."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from PySide6.QtGui import QColor

from circuitviz.panels.charts.sketch import Boxes, Sketch, Word
from circuitviz.panels.heat.grid import ink

Cell = tuple[int, int, QColor, str]
"""(row, column, colour, text)"""


def matrix(sketch: Sketch, rows: Sequence[str], columns: Sequence[str], cells: Sequence[Cell]) -> None:
    """Cells with their texts, names at the left and above; nothing can be dragged."""
    if cells:
        sides = np.array([(x + 0.01, y + 0.015, x + 0.99, y + 0.985) for y, x, _, _ in cells])
        sketch.marks.append(Boxes(sides, [colour for _, _, colour, _ in cells]))
    for y, x, colour, text in cells:
        over = QColor(ink(_codes(colour)))
        sketch.marks.append(Word(x + 0.5, y + 0.5, text, over, room=0.98))
    sketch.names = {
        "left": [(i + 0.5, name) for i, name in enumerate(rows)],
        "top": [(i + 0.5, name) for i, name in enumerate(columns)],
    }
    sketch.upright, sketch.moves = False, (False, False)
    sketch.span((0, max(1, len(columns))), (0, max(1, len(rows))))


def shade(sketch: Sketch, value: float) -> QColor:
    """From the negative colour at 0 and below, over the ground, to the positive one at 1."""
    share = float(np.clip(value, 0, 1))
    low, middle, high = (sketch.colour(name) for name in ("negative", "raised", "positive"))
    return between(low, middle, share * 2) if share < 0.5 else between(middle, high, share * 2 - 1)


def between(start: QColor, end: QColor, share: float) -> QColor:
    """``share`` of the way from one colour to another."""
    codes = (a + (b - a) * share for a, b in zip(_codes(start), _codes(end), strict=True))
    return QColor(*(round(code) for code in codes))


def _codes(colour: QColor) -> tuple[int, int, int]:
    return colour.red(), colour.green(), colour.blue()


def scale(sketch: Sketch, unit: str) -> None:
    """The key of ``shade``."""
    sketch.ramp(f"1 and more: {unit}", "0 and less", [shade(sketch, i / 8) for i in range(9)])


def number(value: float | None) -> str:
    """A number in a cell; a dash where there is none."""
    return "–" if value is None else f"{value:.2f}".replace("-0.00", "0.00").replace("-", "−")
