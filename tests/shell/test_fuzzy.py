"""Fuzzy search finds what was meant first, and never what is not there."""

from __future__ import annotations

from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from circuitviz.shell.fuzzy_match import (
    CONSECUTIVE_SCORE,
    FIRST_LETTER_SCORE,
    GAP_PENALTY,
    LETTER_SCORE,
    WORD_START_SCORE,
    fuzzy_match,
)

LETTERS = st.text(alphabet="ab c", max_size=9)


def slowly(query: str, text: str) -> float | None:
    """Every way to find the letters, each weighed by itself."""
    wanted = "".join(query.split())

    def weigh(places: tuple[int, ...]) -> float:
        total, last = -0.02 * len(text), -1
        for at in places:
            if at == 0:
                total += FIRST_LETTER_SCORE
            elif last >= 0 and at == last + 1:
                total += CONSECUTIVE_SCORE
            else:
                total += (LETTER_SCORE if text[at - 1].isalnum() else WORD_START_SCORE) - GAP_PENALTY * (
                    at - last - 1 if last >= 0 else at
                )
            last = at
        return total

    ways = [w for w in combinations(range(len(text)), len(wanted)) if [text[i] for i in w] == list(wanted)]
    return max(map(weigh, ways), default=None)


@given(LETTERS, LETTERS)
def test_the_best_of_all_ways_is_found(query: str, text: str) -> None:
    found, best = fuzzy_match(query, text), slowly(query, text)
    if not query.split():
        assert found is not None and found.score == 0 and found.positions == ()
        return
    assert (found is None) == (best is None)
    if found is not None:
        assert found.score == pytest.approx(best)
        assert [text[i] for i in found.positions] == list("".join(query.split()))


@pytest.mark.parametrize(
    ("query", "wanted"),
    [
        ("sa", "Save as"),
        ("cv", "Class view"),
        ("zo", "Zoom out"),
        ("group", "Group"),
        ("ungr", "Ungroup"),
        ("EXP", "Export"),
    ],
)
def test_what_is_meant_comes_first(query: str, wanted: str) -> None:
    texts = [
        "Save",
        "Save as",
        "Class view",
        "Zoom in",
        "Zoom out",
        "Group",
        "Ungroup",
        "Export",
        "Show everything",
    ]
    found = [(m.score, t) for t in texts if (m := fuzzy_match(query, t)) is not None]
    assert max(found)[1] == wanted
