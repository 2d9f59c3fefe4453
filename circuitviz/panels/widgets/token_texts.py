"""Tokens as text: a space at a token's end would be invisible."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from circuitviz.lens import TokenLogit

ANSWER_MARKS = {"correct": " ✓", "incorrect": " ✗"}


def visible_token(token: str) -> str:
    r"""A token with the spaces at its ends as ·, line breaks as ⏎ and tabs as ⇥; an empty one as ∅.

    >>> visible_token(" Mary"), visible_token("  "), visible_token("\n"), visible_token("")
    ('·Mary', '··', '⏎', '∅')
    """
    text = token.replace("\n", "⏎").replace("\t", "⇥")
    inner = text.strip(" ")
    if not inner:
        return "·" * len(text) or "∅"
    before, _, after = text.partition(inner)
    return "·" * len(before) + inner + "·" * len(after)


def ranked_token(token: TokenLogit) -> str:
    """A token of a reading; a correct answer of the prompt has ✓ behind it, an incorrect one ✗."""
    return visible_token(token.token) + ANSWER_MARKS.get(token.answer, "")
