"""What a figure is drawn with: colours, font, and the size of text, by which lengths are measured."""

from __future__ import annotations

from dataclasses import dataclass, replace

from circuitviz.scene.theme import DARK, LIGHT, Theme, with_edge_colours
from circuitviz.shapes.figure_options import FigureOptions
from circuitviz.shapes.text_metrics import require_font

TEXT_SIZE, MIN_TEXT_SIZE_PT = 14.0, 6.0  # scene units of a figure's text; points that no text is smaller than


@dataclass(frozen=True, slots=True)
class PageStyle:
    """A figure is laid out in scene units, so that lines, marks and margins grow with its text.

    Attributes:
        theme: the colours.
        font: family of all text.
        unit: the length of a scene unit in points.
        size: of text, in scene units.
    """

    theme: Theme
    font: str
    unit: float
    size: float = TEXT_SIZE

    @staticmethod
    def of_figure(figure: FigureOptions) -> PageStyle:
        """The style of a figure's options, on white unless it is dark; InputError without such a font."""
        theme = DARK if figure.dark else replace(LIGHT, ground="#ffffff")
        theme = with_edge_colours(theme, figure.edge_colours)
        return PageStyle(theme, require_font(figure.font), figure.font_size / TEXT_SIZE)

    @property
    def small_size(self) -> float:
        """Size of names of groups and inputs, in scene units."""
        return max(MIN_TEXT_SIZE_PT / self.unit, 0.86 * self.size)
