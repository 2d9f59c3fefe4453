"""Counterfactuals of the Greater-Than task: the first year, or the event."""

from __future__ import annotations

import random

from circuitviz.models import PromptTokenizer
from circuitviz.options import NoOptions
from circuitviz.tasks.counterfactuals.registry import counterfactuals
from circuitviz.tasks.greater_than import (
    PROMPT_TEMPLATE,
    first_years,
    require_year_endings,
    split_endings,
)
from circuitviz.tasks.pairs import PromptPair
from circuitviz.tasks.registry import draw_pairs, require_words, single_token_words
from circuitviz.tasks.word_lists import EVENTS

MIN_SHIFT_YEARS = 10


@counterfactuals.register(
    "year-shifted",
    summary="it begins at least ten years earlier in the same century: years in between become possible",
    task="greater-than",
    metric="prob-diff",
)
def year_shifted(tokens: PromptTokenizer, prompts: int, seed: int, options: NoOptions) -> list[PromptPair]:
    """1741 → 1722: correct are the years after the clean prompt's, incorrect the others."""
    return _draw_year_pairs("year-shifted", tokens, prompts, seed, shift_year=True)


@counterfactuals.register(
    "event-changed",
    summary="another event in the same years: the answer stays",
    task="greater-than",
    metric="prob-diff",
)
def event_changed(tokens: PromptTokenizer, prompts: int, seed: int, options: NoOptions) -> list[PromptPair]:
    """The war → the voyage: a control for components that carry the year alone."""
    return _draw_year_pairs("event-changed", tokens, prompts, seed, shift_year=False)


def _draw_year_pairs(
    name: str, tokens: PromptTokenizer, prompts: int, seed: int, shift_year: bool
) -> list[PromptPair]:
    endings_of_century = require_year_endings(tokens)
    centuries = list(endings_of_century)
    events = require_words(single_token_words(tokens, EVENTS, "The"), 2, "greater-than", "events")

    def make(pick: random.Random) -> PromptPair:
        century = pick.choice(centuries)
        endings = endings_of_century[century]
        years = first_years(endings)
        year = pick.choice([y for y in years if int(y) >= int(years[0]) + MIN_SHIFT_YEARS])
        earlier = pick.choice([y for y in years if int(y) <= int(year) - MIN_SHIFT_YEARS])
        event, other = pick.sample(events, 2)
        clean = PROMPT_TEMPLATE.format(event=event, century=century, year=year)
        changed = PROMPT_TEMPLATE.format(
            event=event if shift_year else other, century=century, year=earlier if shift_year else year
        )
        return PromptPair(clean, changed, *split_endings(endings, year))

    return draw_pairs(name, prompts, seed, tokens, make)
