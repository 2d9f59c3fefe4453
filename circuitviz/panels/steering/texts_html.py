"""Plain and steered texts side by side as rich text, and below them token by token."""

from __future__ import annotations

import math
from html import escape
from itertools import zip_longest

from circuitviz.graph import SteeringResult
from circuitviz.graph.steering import Continuation, GeneratedToken
from circuitviz.number_text import decimal_number, signed_number
from circuitviz.panels.features.dashboard_html import token_background
from circuitviz.panels.widgets.token_texts import visible_token
from circuitviz.scene.theme import Theme

LEAST_NATS, UNLIKELY_NATS = 0.1, 5.0  # of log(p / p plain), from which on a token is shaded, and fully


def texts_html(result: SteeringResult, theme: Theme) -> str:
    """The texts, one column each; a token is shaded by how much likelier steering has made it."""
    texts = result.continuations
    width = f"{100 // len(texts)}%"
    heads = "".join(f'<td width="{width}">{_head(text, theme)}</td>' for text in texts)
    bodies = "".join(f"<td>{_body(text, theme)}</td>" for text in texts)
    rows = zip_longest(*(text.tokens for text in texts))
    tokens = "".join(
        f"<tr>{''.join(f'<td>{_token_line(token, theme)}</td>' for token in row)}</tr>" for row in rows
    )
    note = (
        "Shaded: tokens that steering has made likelier. Below: each token’s probability, and in brackets "
        "that in the plain model after the same text."
    )
    return (
        f'<table width="100%" cellspacing="0" cellpadding="4"><tr valign="top">{heads}</tr>'
        f'<tr valign="top">{bodies}</tr>'
        f'<tr><td colspan="{len(texts)}" style="color:{theme.muted}">{note}</td></tr>{tokens}</table>'
    )


def _head(text: Continuation, theme: Theme) -> str:
    moved = text.mean_log_probability_ratio
    note = "" if moved is None or text.is_plain else f"log p / p plain {signed_number(moved, 2)} a token"
    return f'<b>{escape(text.title)}</b> <span style="color:{theme.muted}">{note}</span>'


def _body(text: Continuation, theme: Theme) -> str:
    pieces = [_shaded(token, escape(token.text).replace("⏎", "⏎<br>"), theme) for token in text.tokens]
    return "".join(pieces) or f'<span style="color:{theme.muted}">…</span>'


def _token_line(token: GeneratedToken | None, theme: Theme) -> str:
    if token is None:
        return ""
    plain = "" if token.plain_probability is None else f" ({decimal_number(token.plain_probability, 3)})"
    numbers = f'<span style="color:{theme.muted}">{decimal_number(token.probability, 3)}{plain}</span>'
    return f"{_shaded(token, escape(visible_token(token.text)), theme)}&nbsp; {numbers}"


def _shaded(token: GeneratedToken, text: str, theme: Theme) -> str:
    if token.plain_probability is None:
        return f"<span>{text}</span>"
    nats = math.log(max(token.probability, 1e-30) / max(token.plain_probability, 1e-30))
    if nats < LEAST_NATS:
        return f"<span>{text}</span>"
    return f'<span style="background:{token_background(theme, nats / UNLIKELY_NATS)}">{text}</span>'
