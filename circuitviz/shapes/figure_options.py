"""What a person chooses of a figure: one set of options makes the dialog, the flags and the picture."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from circuitviz.errors import InputError
from circuitviz.options import describe_options, option
from circuitviz.scene.theme import EDGE_COLOURS

# Widths in mm that the authors' kits set: ICML 3.25 and 6.75 in, NeurIPS 5.5 in, ACL 7.7 and 16 cm.
WIDTH_PRESETS_MM: dict[str, float] = {
    "icml-column": 82.55,
    "icml-page": 171.45,
    "neurips-page": 139.7,
    "acl-column": 77.0,
    "acl-page": 160.0,
    "slide": 254.0,
    "poster": 420.0,
}
SHIPPED_FONT = "Liberation Sans"
FIGURE_VIEWS = ("head", "class")
POINTS_PER_MM = 72 / 25.4


@dataclass(frozen=True)
class FigureOptions:
    """Options of a figure. Sizes are those on paper: mm for widths, points for text."""

    view: str = option("head", "every head and MLP, or one box per class of heads", choices=FIGURE_VIEWS)
    preset: str = option("icml-page", "a width by its name", choices=tuple(WIDTH_PRESETS_MM))
    width_mm: float = option(0.0, "width in mm; 0 takes the preset's", low=0, high=2000)
    font: str = option(SHIPPED_FONT, "family of all text; the default ships with circuitviz")
    font_size: float = option(7.0, "size of text in points", low=6, high=72)
    legend: bool = option(True, "explain every colour, dash and width that is drawn")
    caption: bool = option(False, "method, metric, faithfulness and number of edges below")
    transparent: bool = option(False, "no ground, for slides and posters")
    dark: bool = option(False, "light on dark")
    edge_colours: str = option(
        EDGE_COLOURS[0], "what edges are coloured by: a pair for the sign, or the input", choices=EDGE_COLOURS
    )
    layout: str = option("layered", "how heads are placed in the head view")
    most_edges: int = option(2000, "draw at most so many edges, the strongest", low=1)
    least: float = option(
        0.05, "class view: leave out arrows below this share of the strongest", low=0, high=1
    )
    dpi: int = option(300, "dots per inch of a PNG", low=72, high=1200)

    @property
    def width_pt(self) -> float:
        """Width in points."""
        if self.width_mm and self.width_mm < 20:
            raise InputError(f"--width-mm was given {self.width_mm:g}; a figure is at least 20 mm wide.")
        return (self.width_mm or WIDTH_PRESETS_MM[self.preset]) * POINTS_PER_MM

    def to_flags(self) -> str:
        """What differs from the defaults, as it is given to ``circuitviz export``."""
        return options_to_flags(self)


def options_to_flags(figure: Any) -> str:
    """What of a figure's options differs from the defaults, as flags."""
    words = []
    for entry in describe_options(type(figure)):
        value = getattr(figure, entry.name)
        if value == entry.default:
            continue
        if entry.kind is bool:
            words.append(entry.flag if value else f"--no-{entry.flag[2:]}")
        else:
            text = f"{value:g}" if isinstance(value, float) else str(value)
            words.append(f"{entry.flag} '{text}'" if " " in text else f"{entry.flag} {text}")
    return " ".join(words)
