"""The shipped font is loaded and measured here, so that a figure is the same on every machine."""

from __future__ import annotations

from functools import lru_cache
from threading import get_ident

from PySide6.QtGui import QFont, QFontDatabase, QFontMetricsF

from circuitviz.errors import InputError, suggest_name
from circuitviz.resources import resource_path
from circuitviz.shapes.figure_options import SHIPPED_FONT

SCREEN_FONT = "screen"  # stands for the application's own fonts, which show every script
SCREEN_FONT_FAMILIES = ("Inter", "Noto Sans", "Segoe UI", "Helvetica Neue", "DejaVu Sans")
METRICS_SIZE_PX = 200.0  # metrics are taken at this size: at 7 points hinting would round them


def require_font(family: str) -> str:
    """Make a family usable; InputError where it is not installed."""
    load_shipped_fonts()
    if family != SHIPPED_FONT and family not in (known := QFontDatabase.families()):
        raise InputError(
            f"--font was given '{family}', which is not installed; '{SHIPPED_FONT}' ships with "
            "circuitviz." + suggest_name(family, known)
        )
    return family


def figure_font(family: str, size: float, bold: bool = False) -> QFont:
    """A font of a size in points, unhinted, for painters whose unit is the point.

    ``SCREEN_FONT`` is the window's.
    """
    load_shipped_fonts()
    made = QFont(list(SCREEN_FONT_FAMILIES) if family == SCREEN_FONT else [family])
    made.setPointSizeF(size)
    made.setBold(bold)
    made.setHintingPreference(QFont.HintingPreference.PreferNoHinting)
    strategy = QFont.StyleStrategy.PreferOutline
    made.setStyleStrategy(strategy if family == SCREEN_FONT else strategy | QFont.StyleStrategy.NoFontMerging)
    return made


def text_width(text: str, family: str, size: float, bold: bool = False) -> float:
    """Width of a line of text in points."""
    return _advance_px(text, family, bold, get_ident()) * size / METRICS_SIZE_PX


def wrap_text(text: str, family: str, size: float, max_width: float, bold: bool = False) -> list[str]:
    """Break a text into lines no wider than ``max_width`` points, at spaces where there are some."""
    lines: list[str] = []
    for word in text.split():
        whole = f"{lines[-1]} {word}" if lines else word
        if lines and text_width(whole, family, size, bold) <= max_width:
            lines[-1] = whole
        else:
            lines.append(word)
    return [elide_text(line, family, size, max_width, bold) for line in lines]


def elide_text(text: str, family: str, size: float, max_width: float, bold: bool = False) -> str:
    """A text that fits into ``max_width`` points, with … where it was longer."""
    if text_width(text, family, size, bold) <= max_width:
        return text
    while text and text_width(text + "…", family, size, bold) > max_width:
        text = text[:-1]
    return text.rstrip() + "…"


@lru_cache(maxsize=1 << 14)
def _advance_px(text: str, family: str, bold: bool, thread: int) -> float:
    """Width at the size of the metrics; a chart asks for that of each of its texts several times."""
    return _metrics(family, bold, thread).horizontalAdvance(text)


@lru_cache(maxsize=32)
def _metrics(family: str, bold: bool, _thread: int) -> QFontMetricsF:
    """Each thread's own: Qt's engines of fonts belong to the thread that first used them."""
    made = QFont(figure_font(family, 12, bold))
    made.setPixelSize(round(METRICS_SIZE_PX))
    return QFontMetricsF(made)


@lru_cache(maxsize=1)
def load_shipped_fonts() -> bool:
    """Make the font known that ships; in the thread of the application first, which hears of new fonts."""
    for name in ("LiberationSans-Regular.ttf", "LiberationSans-Bold.ttf"):
        if QFontDatabase.addApplicationFont(str(resource_path("fonts", name))) < 0:
            raise InputError(f"The font {name} that ships with circuitviz could not be read.")
    return True
