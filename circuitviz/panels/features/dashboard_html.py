"""Rich text of the dashboard: examples shaded by activation, token effects and neighbouring features."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from typing import TYPE_CHECKING

from PySide6.QtGui import QColor

from circuitviz.number_text import decimal_number, signed_number
from circuitviz.panels.widgets.token_texts import visible_token
from circuitviz.scene.theme import Theme

if TYPE_CHECKING:
    from circuitviz.features.dashboards import NeighbourFeature, TokenEffect
    from circuitviz.features.explanations import Explanation
    from circuitviz.workbench.requests.feature_dashboards import FeatureDashboard

MAX_SHADE_FRACTION = 0.62  # of the shade: text stays readable on it
TOKENS_BEFORE_PEAK, TOKENS_AFTER_PEAK = 24, 10  # tokens around the strongest one


def token_background(theme: Theme, activation_fraction: float) -> str:
    """Background colour of a token.

    Args:
        theme: Colours of the window.
        activation_fraction: Activation divided by the feature's maximum, 0 to 1.

    Returns:
        A colour like ``#8b5cf6``.
    """
    ground = QColor(theme.panel)
    ink = QColor(theme.positive)
    shade_fraction = MAX_SHADE_FRACTION * min(1.0, max(0.0, activation_fraction))
    pairs = ((ground.red(), ink.red()), (ground.green(), ink.green()), (ground.blue(), ink.blue()))
    return QColor(*(round(a + (b - a) * shade_fraction) for a, b in pairs)).name()


def examples_html(dashboard: FeatureDashboard, theme: Theme) -> str:
    """The examples, strongest first: the activation as a link to the circuit, then the shaded tokens."""
    if dashboard.statistics is None:
        return _muted_html(
            theme, "No text is indexed. Choose Files → “Index a text…” to find activating examples."
        )
    if not dashboard.statistics.examples:
        return _muted_html(theme, f"Not active on any of these {dashboard.statistics.tokens:,} tokens.")
    greatest = dashboard.statistics.row.greatest
    rows = []
    for number, (example, words) in enumerate(
        zip(dashboard.statistics.examples, dashboard.example_tokens, strict=True)
    ):
        peak = example.position - example.first
        first, end = max(0, peak - TOKENS_BEFORE_PEAK), peak + TOKENS_AFTER_PEAK + 1
        spans = ["…" if example.first + first > 0 else ""]
        for i in range(first, min(end, len(words))):
            spans.append(_token_html(words[i], example.activations[i] / greatest, i == peak, theme))
        spans.append("…" if end < len(words) else "")
        link = f'style="color:{theme.accent}; text-decoration:none" href="circuit:{number}"'
        activation = decimal_number(example.activation, 2)
        rows.append(
            f'<tr><td align="right" style="padding-right:6px"><a {link}>{activation}</a></td>'
            f'<td style="white-space:pre-wrap; padding-bottom:4px">{"".join(spans)}</td></tr>'
        )
    return f'<table cellspacing="0" cellpadding="1" width="100%">{"".join(rows)}</table>'


def effects_html(
    dashboard: FeatureDashboard,
    captions: Mapping[int, Explanation],
    circuit_nodes: Sequence[str],
    theme: Theme,
) -> str:
    """Tokens that the feature promotes, suppresses and reads, its neighbours, and its nodes."""
    reads = "Reads through the heads of its layer" if dashboard.site[0] == "a" else "Reads from the embedding"
    parts = []
    if circuit_nodes:
        links = ", ".join(f'<a href="select:{escape(name)}">{escape(name)}</a>' for name in circuit_nodes)
        parts += [_heading_html("In the circuit", theme), f"<p>{links}</p>"]
    parts += [
        _heading_html("Promotes", theme),
        _token_effects_html(dashboard.promoted_tokens, theme),
        _heading_html("Suppresses", theme),
        _token_effects_html(dashboard.suppressed_tokens, theme),
        _heading_html(reads, theme),
        _token_effects_html(dashboard.read_tokens, theme),
        _heading_html("Nearest decoder directions", theme),
        _neighbours_html(dashboard.decoder_neighbours, captions, dashboard.site, theme),
        _heading_html("Nearest encoder directions", theme),
        _neighbours_html(dashboard.encoder_neighbours, captions, dashboard.site, theme),
    ]
    style = f"<style>p {{ margin:0 }} a {{ color:{theme.accent}; text-decoration:none }}</style>"
    return style + "".join(parts)


def _token_html(token: str, activation_fraction: float, is_peak: bool, theme: Theme) -> str:
    text = escape(token)
    if is_peak:
        text = f"<b>{text}</b>"
    return (
        f'<span style="background-color:{token_background(theme, activation_fraction)}">{text}</span>'
        if activation_fraction > 0
        else text
    )


def _token_effects_html(effects: Sequence[TokenEffect], theme: Theme) -> str:
    """Tokens with their values, wrapped to the width of the view."""
    words = (
        f"{escape(visible_token(effect.token)).replace(' ', '&nbsp;')}&nbsp;"
        f'<span style="color:{theme.muted}">{signed_number(effect.value, 2)}</span>&nbsp;&nbsp;'
        for effect in effects
    )
    return f"<p>{' '.join(words)}</p>"


def _neighbours_html(
    neighbours: Sequence[NeighbourFeature], captions: Mapping[int, Explanation], site: str, theme: Theme
) -> str:
    rows = []
    for neighbour in neighbours:
        caption = captions.get(neighbour.number)
        label = "" if caption is None else escape(caption.text)
        rows.append(
            f'<tr><td width="26%"><a href="feature:{site}.f{neighbour.number}">f{neighbour.number}</a></td>'
            f'<td width="20%" align="right" style="color:{theme.muted}; padding-right:10px">'
            f"{decimal_number(neighbour.cosine, 2)}</td><td>{label}</td></tr>"
        )
    return f'<table cellspacing="0" cellpadding="0" width="100%">{"".join(rows)}</table>'


def _heading_html(text: str, theme: Theme) -> str:
    return f'<p style="color:{theme.muted}; margin-top:8px; margin-bottom:1px">{escape(text)}</p>'


def _muted_html(theme: Theme, text: str) -> str:
    return f'<p style="color:{theme.muted}">{escape(text)}</p>'
