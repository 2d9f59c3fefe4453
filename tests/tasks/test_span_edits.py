"""Spans stay on their words while a prompt is edited, and are found in prompts like it."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from circuitviz.tasks.prompt_sets import PromptRow
from circuitviz.tasks.span_edits import find_like_tokens, follow_edit

WORDS = st.lists(st.text("abcde", min_size=1, max_size=4), min_size=2, max_size=7, unique=True)


@given(words=WORDS, number=st.integers(0, 99), edited=st.integers(0, 99), new=st.text("xyz ", max_size=6))
def test_a_span_stays_on_its_word_when_another_word_is_replaced(
    words: list[str], number: int, edited: int, new: str
) -> None:
    number, edited = number % len(words), edited % len(words)
    before = " ".join(words)
    start = len(" ".join([*words[:number], ""]))
    spans = follow_edit(
        before,
        " ".join([*words[:edited], new, *words[edited + 1 :]]),
        [("name", start, start + len(words[number]))],
    )
    after = " ".join([*words[:edited], new, *words[edited + 1 :]])
    if edited != number:
        assert [after[a:b] for _, a, b in spans] == [words[number]]
    else:
        assert all(after[a:b].strip() == new.strip() for _, a, b in spans)
        assert bool(spans) == bool(new.strip())


def test_what_is_a_part_of_a_replaced_text_loses_its_span() -> None:
    assert follow_edit("So Mary said", "xx", [("name", 3, 7)]) == ()
    row = PromptRow("So Mary said", "b", " c", " d", (("name", 3, 7),))
    assert row.with_texts(correct=" x").spans == row.spans
    assert row.with_texts(clean="And So Mary said").spans == (("name", 7, 11),)
    assert (
        row.without_spans == PromptRow("So Mary said", "b", " c", " d")
        and row.with_texts(clean="").spans == ()
    )


def test_tokens_are_found_between_the_same_words() -> None:
    one = ["When", " Mary", " and", " John", " went", ",", " John", " gave"]
    longer = ["When", " Mar", "ianne", " and", " John", " went", ",", " John", " gave"]
    assert find_like_tokens(one, longer, 1, 2) == (1, 3)
    assert find_like_tokens(one, longer, 6, 7) == (7, 8) and find_like_tokens(one, longer, 1, 4) == (1, 5)
    assert find_like_tokens(one, [*one[:-1], " took"], 3, 4) == (3, 4)
    assert find_like_tokens(["a", "b", "c"], ["a", "c"], 1, 2) is None
