"""The shipped font is loaded and measured here, so that a figure is the same on every machine."""

from __future__ import annotations

from functools import lru_cache
from threading import get_ident

from PySide6.QtGui import QFont, QFontDatabase, QFontMetricsF

from circuitviz.errors import InputError, suggest
from circuitviz.pictures.figure import SHIPPED_FONT
from circuitviz.resources import resource

FINE = 200.0  # metrics are taken at this size: at 7 points hinting would round them


def choose_font(family: str) -> str:
    """Make a family usable; InputError where it is not installed."""
    load_shipped()
    if family != SHIPPED_FONT and family not in (known := QFontDatabase.families()):
        raise InputError(
            f"--font was given '{family}', which is not installed; '{SHIPPED_FONT}' ships with "
            "circuitviz." + suggest(family, known)
        )
    return family


def font(family: str, size: float, bold: bool = False) -> QFont:
    """A font of a size in points, unhinted, for painters whose unit is the point."""
    load_shipped()
    made = QFont([family])
    made.setPointSizeF(size)
    made.setBold(bold)
    made.setHintingPreference(QFont.HintingPreference.PreferNoHinting)
    made.setStyleStrategy(QFont.StyleStrategy.NoFontMerging | QFont.StyleStrategy.PreferOutline)
    return made


def width(text: str, family: str, size: float, bold: bool = False) -> float:
    """Width of a line of text in points."""
    return _metrics(family, bold, get_ident()).horizontalAdvance(text) * size / FINE


def wrapped(text: str, family: str, size: float, room: float, bold: bool = False) -> list[str]:
    """Break a text into lines no wider than ``room`` points, at spaces where there are some."""
    lines: list[str] = []
    for word in text.split():
        whole = f"{lines[-1]} {word}" if lines else word
        if lines and width(whole, family, size, bold) <= room:
            lines[-1] = whole
        else:
            lines.append(word)
    return [cut(line, family, size, room, bold) for line in lines]


def cut(text: str, family: str, size: float, room: float, bold: bool = False) -> str:
    """A text that fits into ``room`` points, with … where it was longer."""
    if width(text, family, size, bold) <= room:
        return text
    while text and width(text + "…", family, size, bold) > room:
        text = text[:-1]
    return text.rstrip() + "…"


@lru_cache(maxsize=32)
def _metrics(family: str, bold: bool, _thread: int) -> QFontMetricsF:
    """Each thread's own: Qt's engines of fonts belong to the thread that first used them."""
    made = QFont(font(family, 12, bold))
    made.setPixelSize(round(FINE))
    return QFontMetricsF(made)


@lru_cache(maxsize=1)
def load_shipped() -> bool:
    """Make the font known that ships; in the thread of the application first, which hears of new fonts."""
    for name in ("LiberationSans-Regular.ttf", "LiberationSans-Bold.ttf"):
        if QFontDatabase.addApplicationFont(str(resource("fonts", name))) < 0:
            raise InputError(f"The font {name} that ships with circuitviz could not be read.")
    return True
