"""What can differ in a Greater-Than prompt: the year that it begins in, or what it speaks of."""

from __future__ import annotations

import random

from circuitviz.models import Tokens
from circuitviz.options import NoOptions
from circuitviz.tasks.counterfactuals.registry import counterfactuals
from circuitviz.tasks.greater_than import FORM, years_known
from circuitviz.tasks.pairs import Pair
from circuitviz.tasks.registry import draw, enough, one_token
from circuitviz.tasks.words import EVENTS

SHIFT = 10  # years at least


@counterfactuals.register(
    "year-shifted",
    summary="it begins at least ten years earlier in the same century: years in between become possible",
    task="greater-than",
    metric="prob-diff",
)
def year_shifted(tokens: Tokens, prompts: int, seed: int, options: NoOptions) -> list[Pair]:
    """1741 → 1722: correct are the years after the clean prompt's, incorrect those up to it."""
    return _pairs("year-shifted", tokens, prompts, seed, shift=True)


@counterfactuals.register(
    "event-changed",
    summary="another event in the same years: the answer stays",
    task="greater-than",
    metric="prob-diff",
)
def event_changed(tokens: Tokens, prompts: int, seed: int, options: NoOptions) -> list[Pair]:
    """The war → the voyage: a control, for parts that carry the year alone."""
    return _pairs("event-changed", tokens, prompts, seed, shift=False)


def _pairs(name: str, tokens: Tokens, prompts: int, seed: int, shift: bool) -> list[Pair]:
    years = years_known(tokens)
    centuries = enough(list(years), 1, "greater-than", "centuries, each with years,")
    events = enough(one_token(tokens, EVENTS, "The"), 2, "greater-than", "events")

    def make(pick: random.Random) -> Pair:
        century = pick.choice(centuries)
        known = years[century]
        year = pick.choice([y for y in known if f"{SHIFT + 2:02d}" <= y <= "98"])
        earlier = pick.choice([y for y in known if y >= "02" and int(y) <= int(year) - SHIFT])
        event, other = pick.sample(events, 2)
        clean = FORM.format(event=event, century=century, year=year)
        changed = FORM.format(
            event=event if shift else other, century=century, year=earlier if shift else year
        )
        later = tuple(y for y in known if y > year)
        return Pair(clean, changed, later, tuple(y for y in known if y <= year))

    return draw(name, prompts, seed, tokens, make)
