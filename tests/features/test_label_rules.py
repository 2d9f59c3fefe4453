"""Labels by rule: each rule finds what the examples were made to have in common, and nothing where they have nothing."""

from __future__ import annotations

import random

import pytest

from circuitviz.features.explanations import ActiveExample, suggest_labels
from circuitviz.features.explanations.label_rules import RULE_NAMES

WORDS = " alpha bravo charlie delta echo foxtrot golf hotel india juliet kilo lima".split(" ")[1:]


def examples(
    peaks: list[str], before: list[str] | None = None, position: int | None = None
) -> list[ActiveExample]:
    """Examples whose active tokens are given, among words that never repeat in one."""
    draw = random.Random(len(peaks))
    made = []
    for i, peak in enumerate(peaks):
        context = draw.sample(WORDS, 6)
        if before is not None:
            context[3] = before[i]
        made.append(
            ActiveExample([*context[:4], peak, *context[4:]], 4, 20 + i if position is None else position)
        )
    return made


def rules(found: list) -> dict[str, tuple[str, float]]:
    return {one.rule: (one.text, round(one.share, 2)) for one in found}


@pytest.mark.parametrize(
    ("given", "rule", "text", "share"),
    [
        (examples([" the"] * 7 + [" a", " of", " I"]), "token", "‘the’", 0.7),
        (examples([" The", " the", "the", " THE"]), "token", "‘the’", 1.0),
        (examples([" he", " she", " he", " she", " they"]), "tokens", "‘he’, ‘she’", 0.8),
        (
            examples([" govern", " governor", " government", " governed"]),
            "word family",
            "words like ‘govern…’",
            1.0,
        ),
        (examples([" 1914", " 3.5", "20", " 1,000"]), "class", "a number", 1.0),
        (examples([".", " ,", "?", "!"]), "class", "punctuation", 1.0),
        (examples(["x", "y", "z", "w"], [" in"] * 4), "after", "the token after ‘in’", 1.0),
        (examples(["x", "y", "z", "w"], position=0), "position", "the first token", 1.0),
        (examples(["x", "y", "z", "w"], position=7), "position", "position 7", 1.0),
    ],
)
def test_what_examples_have_in_common_is_suggested(given: list, rule: str, text: str, share: float) -> None:
    assert rules(suggest_labels(given))[rule] == (text, share)


def test_repetition_and_induction_are_told_apart() -> None:
    repeated = [ActiveExample(["a", "b", f"w{i}", f"c{i}", f"w{i}", "d"], 4, 9 + i) for i in range(5)]
    assert rules(suggest_labels(repeated)) == {"repeated": ("a token that stood before", 1.0)}
    induction = [ActiveExample([f"w{i}", "b", f"c{i}", f"w{i}", "b"], 3, 9 + i) for i in range(5)]
    found = rules(suggest_labels(induction))
    assert "induction" in found and "repeated" not in found


def test_nothing_is_suggested_where_there_is_nothing() -> None:
    mixed = examples(["x", " 19", ".", "Tom", "\n", "yes"], ["p", "q", "r", "s", "t", "u"])
    assert suggest_labels(mixed, [" red", " dog", " up"]) == []
    assert suggest_labels(examples([" the"] * 3)) == []  # too few to say so
    assert suggest_labels([]) == []


def test_promoted_tokens_are_named_apart() -> None:
    (one,) = suggest_labels([], [" govern", " governor", "Government", " x"])
    assert (one.text, one.rule, one.source) == (
        "says words like ‘govern…’",
        "promotes",
        "rule: promoted tokens",
    )
    (one,) = suggest_labels([], [" Mary", "mary", "MARY"])
    assert one.text == "says ‘mary’"
    assert suggest_labels([], [" Mary", "mary"]) == []


def test_the_surest_comes_first_and_says_what_it_rests_on() -> None:
    given = examples([" the"] * 9 + [" a"], [" in"] * 8 + ["x", "y"])
    found = suggest_labels(given)
    assert [one.rule for one in found] == ["token", "after"]
    assert found[0].source == "rule: token, 90% of 10 examples"
    assert {one.rule for one in found} <= set(RULE_NAMES)
