"""Finding a command by a few of its letters, as editors do; free of Qt."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

FIRST_LETTER_SCORE, WORD_START_SCORE, CONSECUTIVE_SCORE, LETTER_SCORE, GAP_PENALTY = 12, 9, 7, 1, 0.15


@dataclass(frozen=True)
class FuzzyMatch:
    """How well a text fits, the higher the better, and which of its letters were found."""

    score: float
    positions: tuple[int, ...]


def fuzzy_match(query: str, text: str) -> FuzzyMatch | None:
    """The best way to find the query's letters in order in a text; None where they are not there.

    Spaces of the query only separate. Letters that begin words and letters that follow each other
    count more, gaps and long texts a little less.

    >>> fuzzy_match("go", "Group…").positions
    (0, 2)
    >>> fuzzy_match("xyz", "Group…") is None
    True
    """
    wanted = "".join(query.lower().split())
    if not wanted:
        return FuzzyMatch(0.0, ())
    there = text.lower()
    if len(there) != len(text):  # a letter that grows in lower case would shift all places
        there = text

    @cache
    def best(letter: int, start: int, last: int) -> tuple[float, tuple[int, ...]] | None:
        if letter == len(wanted):
            return 0.0, ()
        found: tuple[float, tuple[int, ...]] | None = None
        at = there.find(wanted[letter], start)
        while at >= 0:
            rest = best(letter + 1, at + 1, at)
            if rest is None:
                break  # further to the right there is even less
            gain = _letter_score(there, at, last) + rest[0]
            if found is None or gain > found[0]:
                found = gain, (at, *rest[1])
            at = there.find(wanted[letter], at + 1)
        return found

    whole = best(0, 0, -1)
    return None if whole is None else FuzzyMatch(whole[0] - 0.02 * len(text), whole[1])


def _letter_score(text: str, position: int, previous: int) -> float:
    if position == 0:
        return FIRST_LETTER_SCORE
    if previous >= 0 and position == previous + 1:
        return CONSECUTIVE_SCORE
    start = not text[position - 1].isalnum()
    return (WORD_START_SCORE if start else LETTER_SCORE) - GAP_PENALTY * (
        position - previous - 1 if previous >= 0 else position
    )
