"""A dashboard's text: tokens shaded by activation, and lists of tokens and features, as rich text."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from typing import TYPE_CHECKING

from PySide6.QtGui import QColor

from circuitviz.canvas.theme import Theme
from circuitviz.panels.heat.paint import shown

if TYPE_CHECKING:
    from circuitviz.features.dashboards import Neighbour, TokenEffect
    from circuitviz.features.explanations import Explanation
    from circuitviz.jobs.features import Dashboard

STRONGEST = 0.62  # of the shade: text stays readable on it
SHOWN_BEFORE, SHOWN_AFTER = 24, 10  # tokens around the strongest one


def shade(theme: Theme, share: float) -> str:
    """The ground of a token at a share (0 to 1) of the feature's greatest activation."""
    ground, ink, part = QColor(theme.panel), QColor(theme.positive), STRONGEST * min(1.0, max(0.0, share))
    pairs = ((ground.red(), ink.red()), (ground.green(), ink.green()), (ground.blue(), ink.blue()))
    return QColor(*(round(a + (b - a) * part) for a, b in pairs)).name()


def examples(found: Dashboard, theme: Theme) -> str:
    """The examples, strongest first: the activation, a link to its circuit, then the tokens, shaded."""
    if found.statistics is None:
        return _muted(theme, "No text is indexed yet: Files → “Index a text…” shows where it fires.")
    if not found.statistics.examples:
        return _muted(theme, f"It never fires in these {found.statistics.tokens:,} tokens.")
    greatest = found.statistics.row.greatest
    rows = []
    for number, (one, words) in enumerate(zip(found.statistics.examples, found.words, strict=True)):
        at = one.position - one.first
        first, end = max(0, at - SHOWN_BEFORE), at + SHOWN_AFTER + 1
        spans = ["…" if one.first + first > 0 else ""]
        for i in range(first, min(end, len(words))):
            spans.append(_token(words[i], one.activations[i] / greatest, i == at, theme))
        spans.append("…" if end < len(words) else "")
        link = f'style="color:{theme.accent}; text-decoration:none" href="circuit:{number}"'
        rows.append(
            f'<tr><td align="right" style="padding-right:6px"><a {link}>{one.activation:.2f}</a></td>'
            f'<td style="white-space:pre-wrap; padding-bottom:4px">{"".join(spans)}</td></tr>'
        )
    return f'<table cellspacing="0" cellpadding="1" width="100%">{"".join(rows)}</table>'


def facts(
    found: Dashboard, captions: Mapping[int, Explanation], standing: Sequence[str], theme: Theme
) -> str:
    """Tokens that it promotes, suppresses and reads; its neighbours; where it stands in the circuit."""
    reads = "Reads, through its layer’s heads" if found.site[0] == "a" else "Reads from the embedding"
    parts = []
    if standing:
        links = ", ".join(f'<a href="select:{escape(name)}">{escape(name)}</a>' for name in standing)
        parts += [_heading("In the circuit", theme), f"<p>{links}</p>"]
    parts += [
        _heading("Promotes", theme),
        _tokens(found.promotes, theme),
        _heading("Suppresses", theme),
        _tokens(found.suppresses, theme),
        _heading(reads, theme),
        _tokens(found.reads, theme),
        _heading("Nearest by what they write", theme),
        _neighbours(found.near_decoder, captions, found.site, theme),
        _heading("Nearest by what they read", theme),
        _neighbours(found.near_encoder, captions, found.site, theme),
    ]
    style = f"<style>p {{ margin:0 }} a {{ color:{theme.accent}; text-decoration:none }}</style>"
    return style + "".join(parts)


def _token(word: str, share: float, peak: bool, theme: Theme) -> str:
    text = escape(word)
    if peak:
        text = f"<b>{text}</b>"
    return f'<span style="background-color:{shade(theme, share)}">{text}</span>' if share > 0 else text


def _tokens(found: Sequence[TokenEffect], theme: Theme) -> str:
    """Tokens with their numbers, flowing to whatever width there is."""
    words = (
        f"{escape(shown(one.token)).replace(' ', '&nbsp;')}&nbsp;"
        f'<span style="color:{theme.muted}">{one.value:+.2f}</span>&nbsp;&nbsp;'
        for one in found
    )
    return f"<p>{' '.join(words)}</p>"


def _neighbours(
    found: Sequence[Neighbour], captions: Mapping[int, Explanation], site: str, theme: Theme
) -> str:
    rows = []
    for one in found:
        caption = captions.get(one.number)
        said = "" if caption is None else escape(caption.text)
        rows.append(
            f'<tr><td width="26%"><a href="feature:{site}.f{one.number}">f{one.number}</a></td>'
            f'<td width="20%" align="right" style="color:{theme.muted}; padding-right:10px">'
            f"{one.cosine:.2f}</td><td>{said}</td></tr>"
        )
    return f'<table cellspacing="0" cellpadding="0" width="100%">{"".join(rows)}</table>'


def _heading(text: str, theme: Theme) -> str:
    return f'<p style="color:{theme.muted}; margin-top:8px; margin-bottom:1px">{escape(text)}</p>'


def _muted(theme: Theme, text: str) -> str:
    return f'<p style="color:{theme.muted}">{escape(text)}</p>'
