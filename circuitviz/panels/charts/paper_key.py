"""The key of a chart on paper: rows of swatches and names above the frame."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from PySide6.QtGui import QColor

from circuitviz.canvas.theme import Theme
from circuitviz.panels.charts.paper_ink import PaperInk
from circuitviz.panels.charts.sketch import Dots, Entry
from circuitviz.pictures.drawing import Box, Drawing, Shape, Text, polyline
from circuitviz.pictures.measure import cut, width
from circuitviz.pictures.plots import MARGIN, printed

ROW, SWATCH, RAMP, APART = 1.5, 1.6, 5.0, 1.2  # in sizes of text
STEPS = 30


class PaperKey:
    """Places entries on paper as wide as it is; ``height`` is the room that they take, in points."""

    def __init__(self, entries: Sequence[Entry], paper: Drawing, size: float) -> None:
        self.size, self.family = size, paper.font
        self.places: list[tuple[Entry, str, float, int]] = []
        left, row, end = MARGIN, 0, paper.width - MARGIN
        for entry in entries:
            before = self._before(entry)
            name = cut(printed(entry.name), self.family, size, end - MARGIN - before)
            wide = before + width(name, self.family, size)
            if left > MARGIN and left + wide > end:
                left, row = MARGIN, row + 1
            self.places.append((entry, name, left, row))
            left += wide + APART * size
        self.height = ROW * size * (row + 1) if self.places else 0.0

    def shapes(self, theme: Theme, ink: PaperInk) -> list[Shape]:
        """Swatches and names."""
        made: list[Shape] = []
        for entry, name, left, row in self.places:
            middle = MARGIN + (ROW * row + 0.55) * self.size
            base = middle + 0.35 * self.size
            start = left + self._before(entry)
            if entry.least:
                made.append(Text(left, base, printed(entry.least), self.size, theme.muted))
                left += width(printed(entry.least), self.family, self.size) + 0.5 * self.size
            made += self._swatch(entry, left, middle, ink, theme)
            made.append(Text(start, base, name, self.size, theme.muted))
        return made

    def _before(self, entry: Entry) -> float:
        """How far an entry's name starts from its left end."""
        least = width(printed(entry.least), self.family, self.size) + 0.5 * self.size if entry.least else 0.0
        swatch = {"": 0.0, "ramp": RAMP + 0.5}.get(entry.look, SWATCH)
        return least + swatch * self.size

    def _swatch(self, entry: Entry, left: float, middle: float, ink: PaperInk, theme: Theme) -> list[Shape]:
        size = self.size
        if not entry.look:
            return []
        if entry.look == "ramp":
            return self._ramp(entry, left, middle)
        colour = QColor(entry.colours[0])
        colour.setAlphaF(entry.alpha)
        role, code, opacity = ink.colour(colour)
        right = left + (SWATCH - 0.4) * size
        if entry.look in ("line", "dash"):
            ends, dash = [(left, middle), (right, middle)], "dashed" if entry.look == "dash" else ""
            return [polyline(role, ends, code, max(0.5, 2 * ink.scale), opacity=opacity, dash=dash)]
        if entry.look == "band":
            place = (left, middle - 0.4 * size, right - left, 0.8 * size)
            return [Box(f"{role} area", *place, code, code, 0.0, "square", opacity=opacity)]
        hollow, nothing = entry.look == "ring", np.zeros((0, 2))
        inside = QColor(theme.panel) if hollow else colour
        symbol, outline = ("o", colour) if hollow else (entry.look, None)
        dot = Dots(nothing, inside, 8.0, symbol, outline, 1.5)
        return [ink.dot(((left + right) / 2, middle), dot)]

    def _ramp(self, entry: Entry, left: float, middle: float) -> list[Shape]:
        codes = [[QColor(code).red(), QColor(code).green(), QColor(code).blue()] for code in entry.colours]
        at = np.linspace(0, len(codes) - 1, STEPS)
        mixed = np.stack([np.interp(at, np.arange(len(codes)), side) for side in np.array(codes).T], 1)
        step, high = RAMP * self.size / STEPS, 0.7 * self.size
        made: list[Shape] = []
        for i, (red, green, blue) in enumerate(np.rint(mixed).astype(int).tolist()):
            code = f"#{red:02x}{green:02x}{blue:02x}"
            place = (left + i * step, middle - high / 2, step + 0.05, high)
            made.append(Box("cell", *place, code, code, 0.0, "square"))
        return made
