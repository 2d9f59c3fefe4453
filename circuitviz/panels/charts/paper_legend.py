"""The key of a chart on paper: rows of swatches and names above the frame."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from PySide6.QtGui import QColor

from circuitviz.panels.charts.chart_spec import LegendEntry, PointMark
from circuitviz.panels.charts.paper_marks import PaperMarks
from circuitviz.scene.theme import Theme
from circuitviz.shapes.drawing import BoxShape, Drawing, DrawingShape, TextShape, polyline
from circuitviz.shapes.plot_axes import PLOT_MARGIN_PT, with_minus_sign
from circuitviz.shapes.text_metrics import elide_text, text_width

LEGEND_ROW_EM, SWATCH_WIDTH_EM, RAMP_WIDTH_EM, ENTRY_GAP_EM = 1.5, 1.6, 5.0, 1.2  # in sizes of text
RAMP_STEPS = 30


class PaperLegend:
    """Places entries on paper as wide as it is; ``height`` is the room that they take, in points."""

    def __init__(self, entries: Sequence[LegendEntry], paper: Drawing, font_size: float) -> None:
        self.font_size, self.font_family = font_size, paper.font
        self.placed_entries: list[tuple[LegendEntry, str, float, int]] = []
        left, row, end = PLOT_MARGIN_PT, 0, paper.width - PLOT_MARGIN_PT
        for entry in entries:
            before = self._label_offset(entry)
            name = elide_text(
                with_minus_sign(entry.label), self.font_family, font_size, end - PLOT_MARGIN_PT - before
            )
            wide = before + text_width(name, self.font_family, font_size)
            if left > PLOT_MARGIN_PT and left + wide > end:
                left, row = PLOT_MARGIN_PT, row + 1
            self.placed_entries.append((entry, name, left, row))
            left += wide + ENTRY_GAP_EM * font_size
        self.height = LEGEND_ROW_EM * font_size * (row + 1) if self.placed_entries else 0.0

    def shapes(self, theme: Theme, paper_marks: PaperMarks) -> list[DrawingShape]:
        """Swatches and names."""
        made: list[DrawingShape] = []
        for entry, name, left, row in self.placed_entries:
            middle = PLOT_MARGIN_PT + (LEGEND_ROW_EM * row + 0.55) * self.font_size
            base = middle + 0.35 * self.font_size
            start = left + self._label_offset(entry)
            if entry.ramp_start_label:
                made.append(
                    TextShape(
                        left, base, with_minus_sign(entry.ramp_start_label), self.font_size, theme.muted
                    )
                )
                left += (
                    text_width(with_minus_sign(entry.ramp_start_label), self.font_family, self.font_size)
                    + 0.5 * self.font_size
                )
            made += self._swatch_shapes(entry, left, middle, paper_marks, theme)
            made.append(TextShape(start, base, name, self.font_size, theme.muted))
        return made

    def _label_offset(self, entry: LegendEntry) -> float:
        """How far an entry's name starts from its left end."""
        least = (
            text_width(with_minus_sign(entry.ramp_start_label), self.font_family, self.font_size)
            + 0.5 * self.font_size
            if entry.ramp_start_label
            else 0.0
        )
        swatch = {"": 0.0, "ramp": RAMP_WIDTH_EM + 0.5}.get(entry.swatch, SWATCH_WIDTH_EM)
        return least + swatch * self.font_size

    def _swatch_shapes(
        self, entry: LegendEntry, left: float, middle: float, paper_marks: PaperMarks, theme: Theme
    ) -> list[DrawingShape]:
        size = self.font_size
        if not entry.swatch:
            return []
        if entry.swatch == "ramp":
            return self._ramp_shapes(entry, left, middle)
        colour = QColor(entry.colours[0])
        colour.setAlphaF(entry.alpha)
        role, code, opacity = paper_marks.role_and_colour(colour)
        right = left + (SWATCH_WIDTH_EM - 0.4) * size
        if entry.swatch in ("line", "dash"):
            ends, dash = [(left, middle), (right, middle)], "dashed" if entry.swatch == "dash" else ""
            return [
                polyline(
                    role, ends, code, max(0.5, 2 * paper_marks.points_per_px), opacity=opacity, dash=dash
                )
            ]
        if entry.swatch == "band":
            place = (left, middle - 0.4 * size, right - left, 0.8 * size)
            return [BoxShape(f"{role} area", *place, code, code, 0.0, "square", opacity=opacity)]
        hollow, nothing = entry.swatch == "ring", np.zeros((0, 2))
        inside = QColor(theme.panel) if hollow else colour
        symbol, outline = ("o", colour) if hollow else (entry.swatch, None)
        dot = PointMark(nothing, inside, 8.0, symbol, outline, 1.5)
        return [paper_marks.point_shape(((left + right) / 2, middle), dot)]

    def _ramp_shapes(self, entry: LegendEntry, left: float, middle: float) -> list[DrawingShape]:
        codes = [[QColor(code).red(), QColor(code).green(), QColor(code).blue()] for code in entry.colours]
        at = np.linspace(0, len(codes) - 1, RAMP_STEPS)
        mixed = np.stack([np.interp(at, np.arange(len(codes)), side) for side in np.array(codes).T], 1)
        step, high = RAMP_WIDTH_EM * self.font_size / RAMP_STEPS, 0.7 * self.font_size
        made: list[DrawingShape] = []
        for i, (red, green, blue) in enumerate(np.rint(mixed).astype(int).tolist()):
            code = f"#{red:02x}{green:02x}{blue:02x}"
            place = (left + i * step, middle - high / 2, step + 0.05, high)
            made.append(BoxShape("cell", *place, code, code, 0.0, "square"))
        return made
