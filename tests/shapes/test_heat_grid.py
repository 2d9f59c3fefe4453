"""The heat map apart from what it shows: colours, keys, what it says, what it saves."""

from __future__ import annotations

import numpy as np
import pytest

from circuitviz.scene.theme import THEMES
from circuitviz.shapes.heat_grid import diverging_colours, text_colour_on


def light(colour: np.ndarray) -> float:
    """Relative luminance, WCAG 2."""
    codes = np.asarray(colour, dtype=float) / 255
    linear = np.where(codes <= 0.04045, codes / 12.92, ((codes + 0.055) / 1.055) ** 2.4)
    return float(linear @ (0.2126, 0.7152, 0.0722))


@pytest.mark.parametrize("name", THEMES)
def test_colours_grow_away_from_the_ground_and_carry_readable_text(name: str) -> None:
    theme = THEMES[name]
    ramp = diverging_colours(np.linspace(-1, 1, 101), theme)
    ends = ["#" + "".join(f"{c:02x}" for c in colour) for colour in ramp[[0, 50, 100]]]
    assert ends == [theme.negative, theme.window, theme.positive]
    far = np.abs(ramp.astype(int) - ramp[50]).sum(1)
    assert (np.diff(far[:51]) <= 0).all() and (np.diff(far[50:]) >= 0).all()
    for colour in ramp:
        text = text_colour_on(colour.tolist())
        pair = sorted((light(colour), light([int(text[i : i + 2], 16) for i in (1, 3, 5)])))
        assert (pair[1] + 0.05) / (pair[0] + 0.05) > 4.5


def test_sign_can_be_told_without_red_and_without_green() -> None:
    """Both ends differ in blue by far more than in anything that a dichromat confuses."""
    for theme in THEMES.values():
        low, high = diverging_colours(np.array([-1.0, 1.0]), theme).astype(int)
        assert high[2] - low[2] > 90
