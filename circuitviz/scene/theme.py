"""Every colour of the application in one place, light and dark, readable without colour vision."""

from __future__ import annotations

from dataclasses import dataclass, replace

MIN_CONTRAST = 3.0  # of lines that carry meaning, with what lies below them (WCAG 2.2, 1.4.11)


@dataclass(frozen=True)
class Theme:
    """Colours as ``#rrggbb``. Positive edges are blue, negative ones orange, at any brightness.

    ``has_edges_by_input``: edges into q, k and v have the colours of these instead, and negative ones dashes
    alone.
    """

    name: str
    window: str
    panel: str
    raised: str
    line: str
    text: str
    muted: str
    accent: str
    on_accent: str
    ground: str
    head: str
    head_line: str
    mlp: str
    mlp_line: str
    end: str
    end_line: str
    positive: str
    negative: str
    query: str
    key: str
    value: str
    selection: str
    warning: str
    has_edges_by_input: bool = False

    @property
    def is_dark(self) -> bool:
        """Whether the ground is dark."""
        return self.name == "dark"


LIGHT = Theme(
    name="light",
    window="#f4f5f7",
    panel="#ffffff",
    raised="#ffffff",
    line="#d9dde3",
    text="#1a2230",
    muted="#5a6577",
    accent="#2457d6",
    on_accent="#ffffff",
    ground="#fbfbfc",
    head="#eaf0fe",
    head_line="#5b7fd9",
    mlp="#e6f5ef",
    mlp_line="#3f9678",
    end="#edeff3",
    end_line="#7b8698",
    positive="#2f6fe0",
    negative="#d9661f",
    query="#8b3fd1",
    key="#0a8579",
    value="#566173",
    selection="#1a2230",
    warning="#b3401a",
)
DARK = Theme(
    name="dark",
    window="#14171d",
    panel="#1b1f27",
    raised="#252a34",
    line="#343b48",
    text="#e8ebf1",
    muted="#9ba6b8",
    accent="#6f9bff",
    on_accent="#0d1220",
    ground="#171a21",
    head="#23304d",
    head_line="#7096ea",
    mlp="#1d3a33",
    mlp_line="#52b394",
    end="#2a303b",
    end_line="#8d98aa",
    positive="#6a9dff",
    negative="#f0904a",
    query="#c08bf5",
    key="#3fc4b4",
    value="#a6b1c2",
    selection="#ffffff",
    warning="#ff9a70",
)
THEMES = {"light": LIGHT, "dark": DARK}


# Pairs that stay apart with any kind of colour vision; light and dark, positive and negative.
SIGN_COLOURS = {
    "blue and orange": {"light": ("#2f6fe0", "#d9661f"), "dark": ("#6a9dff", "#f0904a")},
    "teal and brown": {"light": ("#0a8f86", "#8a5a12"), "dark": ("#35c9bd", "#d9a24a")},
    "purple and green": {"light": ("#7b3fb5", "#3f8f2f"), "dark": ("#c39bf0", "#6fd060")},
    "one ink, sign by dash alone": {"light": ("#3a4354", "#3a4354"), "dark": ("#c3cad6", "#c3cad6")},
}

EDGES_BY_INPUT = "by input"
EDGE_COLOURS = (*SIGN_COLOURS, EDGES_BY_INPUT)
"""What edges are coloured by: the sign of their scores, in one of these pairs, or query, key and value."""


def with_edge_colours(theme: Theme, name: str) -> Theme:
    """The theme with another of ``EDGE_COLOURS``; unknown names leave it as it is."""
    if name == EDGES_BY_INPUT:
        return replace(theme, has_edges_by_input=True)
    pair = SIGN_COLOURS.get(name, {}).get(theme.name)
    return theme if pair is None else replace(theme, positive=pair[0], negative=pair[1])


def contrast(one: str, other: str) -> float:
    """The contrast ratio of two colours, 1 to 21, as WCAG 2.2 defines it.

    >>> round(contrast("#ffffff", "#000000"))
    21
    """
    dark, bright = sorted(map(_relative_luminance, (one, other)))
    return (bright + 0.05) / (dark + 0.05)


def with_contrast(colour: str, theme: Theme, least: float = MIN_CONTRAST) -> str:
    """A colour of the same hue that stands out from a theme's grounds: itself where it does."""
    grounds = (theme.ground, theme.panel)
    shares = (number / 20 for number in range(20, -1, -1))
    mixed = (blend_hex(colour, "#ffffff" if theme.is_dark else "#000000", share) for share in shares)
    return next(code for code in mixed if all(contrast(code, ground) >= least for ground in grounds))


def _relative_luminance(colour: str) -> float:
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def blend_hex(colour: str, ground: str, share: float) -> str:
    """``share`` of a colour on a ground, both ``#rrggbb``."""
    pairs = [(int(colour[i : i + 2], 16), int(ground[i : i + 2], 16)) for i in (1, 3, 5)]
    return "#" + "".join(f"{round(share * a + (1 - share) * b):02x}" for a, b in pairs)
