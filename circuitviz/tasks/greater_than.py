"""Greater-Than: a span of years ends after it began [hanna2023greater]."""

from __future__ import annotations

import random

from circuitviz.models import PromptTokenizer
from circuitviz.options import NoOptions
from circuitviz.tasks.pairs import Pair
from circuitviz.tasks.registry import draw_pairs, require_words, single_token_words, tasks
from circuitviz.tasks.word_lists import CENTURIES, EVENTS, YEARS

PROMPT_TEMPLATE = "The {event} lasted from the year {century}{year} to the year {century}"


@tasks.register(
    "greater-than",
    summary="The war lasted from the year 1741 to the year 17 → 42 and later, not 41 and earlier",
    reference="Hanna et al. 2023",
    options=NoOptions,
    metric="prob-diff",
)
def make_greater_than_pairs(
    tokens: PromptTokenizer, prompts: int, seed: int, options: NoOptions
) -> list[Pair]:
    """Pairs whose corrupted prompt begins in the year 01, so that every later year is correct."""
    years = single_token_years(tokens)
    centuries = require_words(list(years), 1, "greater-than", "centuries, each with years,")

    def make(pick: random.Random) -> Pair:
        century = pick.choice(centuries)
        century_years = years[century]
        year = pick.choice([y for y in century_years if "02" <= y <= "98"])
        event = pick.choice(EVENTS)
        clean = PROMPT_TEMPLATE.format(event=event, century=century, year=year)
        corrupted = PROMPT_TEMPLATE.format(event=event, century=century, year="01")
        later = tuple(y for y in century_years if y > year)
        return Pair(clean, corrupted, later, tuple(y for y in century_years if y <= year))

    return draw_pairs("greater-than", prompts, seed, tokens, make)


def single_token_years(tokens: PromptTokenizer) -> dict[str, list[str]]:
    """By century, the two-digit years that are one token after it."""
    years_of_century = {}
    for century in CENTURIES:
        prompt = PROMPT_TEMPLATE.format(event=EVENTS[0], century=century, year="01")
        years = [y for y in YEARS if len(tokens.answer_ids(prompt, y)) == 1]
        if "01" in years and "99" in years and single_token_words(tokens, [century]):
            years_of_century[century] = years
    return years_of_century
