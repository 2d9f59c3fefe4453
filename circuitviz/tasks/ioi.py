"""Indirect object identification [wang2023ioi]."""

from __future__ import annotations

import random
from dataclasses import dataclass

from circuitviz.models import PromptTokenizer
from circuitviz.options import option
from circuitviz.tasks.pairs import PromptPair
from circuitviz.tasks.registry import draw_pairs, require_words, single_token_words, tasks
from circuitviz.tasks.spans import check_spans, fill_slots, next_word, rename_spans
from circuitviz.tasks.word_lists import NAMES, OBJECTS, PLACES

PROMPT_TEMPLATES = (
    "When {a} and {b} went to the {place}, {s} gave a {object} to",
    "After {a} and {b} went to the {place}, {s} handed the {object} to",
    "While {a} and {b} were at the {place}, {s} showed a {object} to",
    "Then {a} and {b} went to the {place}. {s} wanted to give a {object} to",
)
CORRUPTIONS = ("third-name", "swap-subject", "random-names")
NAME_ORDERS = ("mixed", "abba", "baba")


@dataclass(frozen=True)
class IoiOptions:
    """How the prompts are made."""

    corruption: str = option(
        "third-name",
        "how prompts are corrupted: the second subject becomes a third name or the other name, or all "
        "names are replaced",
        choices=CORRUPTIONS,
    )
    order: str = option(
        "mixed",
        "which name comes first: the indirect object (abba) or the subject (baba)",
        choices=NAME_ORDERS,
    )


@tasks.register(
    "ioi",
    summary="When Mary and John went to the store, John gave a drink to → Mary, not John",
    reference="Wang et al. 2023",
    options=IoiOptions,
    metric="logit-diff",
)
def make_ioi_pairs(tokens: PromptTokenizer, prompts: int, seed: int, options: IoiOptions) -> list[PromptPair]:
    """Pairs of IOI prompts; the corrupted prompt keeps the positions of all names."""
    names = require_words(single_token_words(tokens, NAMES), 6, "ioi", "names")

    def make(pick: random.Random) -> PromptPair:
        a, b, c, d, e = pick.sample(names, 5)
        abba = pick.random() < 0.5 if options.order == "mixed" else options.order == "abba"
        subject, receiver = (b, a) if abba else (a, b)
        form = pick.choice(PROMPT_TEMPLATES)
        words = {"place": pick.choice(PLACES), "object": pick.choice(OBJECTS)}
        slots = {"a": a, "b": b, "s": subject, **words}
        clean, filled = fill_slots(form, slots.__getitem__)
        io, s1 = "ab" if abba else "ba"
        spans = rename_spans(filled, {io: "IO", s1: "S1", "s": "S2"})
        after_s1 = next(end for name, _, end in spans if name == "S1")
        spans = check_spans(clean, [*spans, next_word(clean, "S1+1", after_s1)])
        if options.corruption == "third-name":
            corrupted = form.format(a=a, b=b, s=c, **words)
        elif options.corruption == "swap-subject":
            corrupted = form.format(a=a, b=b, s=receiver, **words)
        else:
            corrupted = form.format(a=c, b=d, s=e, **words)
        return PromptPair(clean, corrupted, (f" {receiver}",), (f" {subject}",), spans)

    return draw_pairs("ioi", prompts, seed, tokens, make)
