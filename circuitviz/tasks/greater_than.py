"""Greater-Than: a span of years ends after it began [hanna2023greater]."""

from __future__ import annotations

import random

from circuitviz.errors import InputError
from circuitviz.models import PromptTokenizer
from circuitviz.options import NoOptions
from circuitviz.tasks.pairs import PromptPair
from circuitviz.tasks.registry import draw_pairs, single_token_words, tasks
from circuitviz.tasks.spans import fill_slots, rename_spans
from circuitviz.tasks.word_lists import CENTURIES, EVENTS, YEARS

PROMPT_TEMPLATE = "The {event} lasted from the year {century}{year} to the year {century}"
SPAN_NAMES = {"event": "event", "century": "XX1", "year": "YY", "century-2": "XX2"}
DIGITS = "0123456789"


@tasks.register(
    "greater-than",
    summary="The war lasted from the year 1741 to the year 17 → 42 and later, not 41 and earlier",
    reference="Hanna et al. 2023",
    options=NoOptions,
    metric="prob-diff",
)
def make_greater_than_pairs(
    tokens: PromptTokenizer, prompts: int, seed: int, options: NoOptions
) -> list[PromptPair]:
    """Pairs whose corrupted prompt begins in the year 01, so that every later year is correct."""
    endings_of_century = require_year_endings(tokens)
    centuries = list(endings_of_century)

    def make(pick: random.Random) -> PromptPair:
        century = pick.choice(centuries)
        endings = endings_of_century[century]
        year = pick.choice(first_years(endings))
        event = pick.choice(EVENTS)
        words = {"event": event, "century": century, "year": year}
        clean, filled = fill_slots(PROMPT_TEMPLATE, words.__getitem__)
        spans = rename_spans(filled, SPAN_NAMES)
        corrupted = PROMPT_TEMPLATE.format(event=event, century=century, year="01")
        return PromptPair(clean, corrupted, *split_endings(endings, year), spans)

    return draw_pairs("greater-than", prompts, seed, tokens, make)


def require_year_endings(tokens: PromptTokenizer) -> dict[str, list[str]]:
    """By century, what can go on after it as one token: two-digit years, or single digits.

    Raises:
        InputError: The tokenizer has neither for any century.
    """
    endings_of_century = {}
    for century in CENTURIES:
        prompt = PROMPT_TEMPLATE.format(event=EVENTS[0], century=century, year="01")
        years = [y for y in YEARS if len(tokens.answer_ids(prompt, y)) == 1]
        if "01" in years and "99" in years and single_token_words(tokens, [century]):
            endings_of_century[century] = years
        elif not years and all(_is_digit_by_digit(tokens, prompt, digit) for digit in DIGITS):
            endings_of_century[century] = list(DIGITS)
    if not endings_of_century:
        raise InputError(
            "The task 'greater-than' needs two-digit years that are one token each after a century of one "
            "token (17|41), or numbers of which each digit is a token (1|7|4|1); this model's tokenizer has "
            "neither. Use a model whose tokenizer has, or a task file."
        )
    return endings_of_century


def first_years(endings: list[str]) -> list[str]:
    """The years, as two digits, in which a span can begin: some endings are later, and some are not.

    Args:
        endings: What can go on after the century.
    """
    if len(endings[0]) == 1:
        return [year for year in YEARS if "10" <= year <= "89"]
    return [year for year in endings if "02" <= year <= "98"]


def split_endings(endings: list[str], year: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The endings that are later than a year, and those that are not.

    A single digit that equals the year's first begins years on both sides, and is in neither.

    Args:
        endings: What can go on after the century.
        year: The year, as two digits.
    """
    start = year[: len(endings[0])]
    later = tuple(ending for ending in endings if ending > start)
    return later, tuple(ending for ending in endings if ending < start or ending == year)


def _is_digit_by_digit(tokens: PromptTokenizer, prompt: str, digit: str) -> bool:
    """Whether a digit after a prompt is one token, and stays one when another digit follows."""
    ids = tokens.answer_ids(prompt, digit)
    return len(ids) == 1 and tokens.is_known(ids) and tokens.answer_ids(prompt, f"{digit}0")[:-1] == ids
