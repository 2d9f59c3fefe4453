"""What becomes of the spans of a prompt while it is edited, and where they stand in a prompt like it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from difflib import SequenceMatcher

from circuitviz.tasks.spans import CharacterSpan


def follow_edit(before: str, after: str, spans: Iterable[CharacterSpan]) -> tuple[CharacterSpan, ...]:
    """Spans of a prompt after its text was changed in one place.

    A span whose word is replaced stands for the new word; one that is a part of what was replaced is gone.

    >>> follow_edit("So Mary said", "So then Mary said", [("name", 3, 7), ("verb", 8, 12)])
    (('name', 8, 12), ('verb', 13, 17))
    >>> follow_edit("So Mary said", "So Anna said", [("name", 3, 7), ("verb", 8, 12)])
    (('name', 3, 7), ('verb', 8, 12))
    """
    first = _common_length(before, after)
    n_common_end = min(_common_length(before[::-1], after[::-1]), min(len(before), len(after)) - first)
    end, shift = len(before) - n_common_end, len(after) - len(before)
    moved: list[CharacterSpan] = []
    for name, start, stop in spans:
        if stop <= first and not start == stop == first:
            moved.append((name, start, stop))
        elif start >= end:
            moved.append((name, start + shift, stop + shift))
        elif start <= first and end <= stop:
            moved.append((name, start, stop + shift))
    return tuple(span for span in moved if after[span[1] : span[2]].strip())


def find_like_tokens(
    tokens: Sequence[str], others: Sequence[str], first: int, end: int
) -> tuple[int, int] | None:
    """The tokens of another prompt that stand where some of one prompt do.

    Args:
        tokens: Tokens of one prompt.
        others: Tokens of another prompt of the same kind, with other words.
        first: The first token.
        end: The end of the tokens, exclusive.

    Returns:
        First and end in the other prompt; None where nothing stands for them.

    >>> find_like_tokens(["The", " cat", " sat", "."], ["The", " dog", "gy", " sat", "."], 1, 2)
    (1, 3)
    """
    if len(tokens) == len(others):
        return first, end
    places: list[int] = []
    for _, a, a_end, b, b_end in SequenceMatcher(None, tokens, others, autojunk=False).get_opcodes():
        inner, inner_end = max(a, first), min(a_end, end)
        if inner >= inner_end:
            continue
        if a_end - a == b_end - b:
            places += range(b + inner - a, b + inner_end - a)
        else:
            places += range(b, b_end)
    return (min(places), max(places) + 1) if places else None


def _common_length(one: str, other: str) -> int:
    """How many characters two texts begin with in common."""
    return next(
        (i for i, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), min(len(one), len(other))
    )
