"""Fuzzy matching of a query against the names of commands; free of Qt."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

FIRST_LETTER_SCORE, WORD_START_SCORE, CONSECUTIVE_SCORE, LETTER_SCORE, GAP_PENALTY = 12, 9, 7, 1, 0.15


@dataclass(frozen=True)
class FuzzyMatch:
    """How well a text fits, the higher the better, and the positions of the letters that match."""

    score: float
    positions: tuple[int, ...]


def fuzzy_match(query: str, text: str) -> FuzzyMatch | None:
    """The best way to find the query's letters in order in a text; None where they are not in it.

    Spaces of the query only separate. Letters that begin words and letters that follow each other
    count more, gaps and long texts a little less.

    >>> fuzzy_match("go", "Group…").positions
    (0, 2)
    >>> fuzzy_match("xyz", "Group…") is None
    True
    """
    letters = "".join(query.lower().split())
    if not letters:
        return FuzzyMatch(0.0, ())
    lowered = text.lower()
    if len(lowered) != len(text):  # a letter that grows in lower case would shift all places
        lowered = text

    @cache
    def best(letter: int, start: int, last: int) -> tuple[float, tuple[int, ...]] | None:
        if letter == len(letters):
            return 0.0, ()
        best_rest: tuple[float, tuple[int, ...]] | None = None
        position = lowered.find(letters[letter], start)
        while position >= 0:
            rest = best(letter + 1, position + 1, position)
            if rest is None:
                break  # further to the right there is no match either
            gain = _letter_score(lowered, position, last) + rest[0]
            if best_rest is None or gain > best_rest[0]:
                best_rest = gain, (position, *rest[1])
            position = lowered.find(letters[letter], position + 1)
        return best_rest

    best_match = best(0, 0, -1)
    return None if best_match is None else FuzzyMatch(best_match[0] - 0.02 * len(text), best_match[1])


def _letter_score(text: str, position: int, previous: int) -> float:
    if position == 0:
        return FIRST_LETTER_SCORE
    if previous >= 0 and position == previous + 1:
        return CONSECUTIVE_SCORE
    start = not text[position - 1].isalnum()
    return (WORD_START_SCORE if start else LETTER_SCORE) - GAP_PENALTY * (
        position - previous - 1 if previous >= 0 else position
    )
