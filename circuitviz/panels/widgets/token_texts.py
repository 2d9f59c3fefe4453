"""Tokens as text that can be read: a token of spaces alone would be invisible."""

from __future__ import annotations


def visible_token(token: str) -> str:
    """A token without surrounding spaces; one of white space alone as ␣ and ⏎, an empty one as ∅."""
    return token.strip() or token.replace(" ", "␣").replace("\n", "⏎") or "∅"
