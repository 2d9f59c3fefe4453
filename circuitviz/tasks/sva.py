"""Subject-verb agreement across a noun that may mislead."""

from __future__ import annotations

import random
from dataclasses import dataclass

from circuitviz.models import PromptTokenizer
from circuitviz.options import option
from circuitviz.tasks.pairs import PromptPair
from circuitviz.tasks.registry import draw_pairs, require_words, single_token_words, tasks
from circuitviz.tasks.spans import fill_slots
from circuitviz.tasks.word_lists import NOUNS, PREPOSITIONS, VERBS

PROMPT_TEMPLATE = "The {subject} {preposition} the {attractor}"


@dataclass(frozen=True)
class AgreementOptions:
    """How the prompts are made."""

    misleading: bool = option(False, "the second noun always has the other number")


@tasks.register(
    "sva",
    summary="The keys on the cabinet → are, was not is, was: the verb agrees with the subject",
    options=AgreementOptions,
    metric="prob-diff",
)
def make_agreement_pairs(
    tokens: PromptTokenizer, prompts: int, seed: int, options: AgreementOptions
) -> list[PromptPair]:
    """Pairs whose corrupted prompt has the subject in its other number."""
    nouns = [n for n in NOUNS if len(single_token_words(tokens, n)) == 2]
    require_words([n[0] for n in nouns], 4, "sva", "nouns, singular and plural,")
    verbs = [v for v in VERBS if len(single_token_words(tokens, v)) == 2]
    require_words([v[0] for v in verbs], 1, "sva", "verbs, singular and plural,")

    def make(pick: random.Random) -> PromptPair:
        subject, other = pick.sample(nouns, 2)
        plural = pick.randrange(2)
        second = other[1 - plural if options.misleading else pick.randrange(2)]
        words = {"subject": subject[plural], "preposition": pick.choice(PREPOSITIONS), "attractor": second}
        clean, spans = fill_slots(PROMPT_TEMPLATE, words.__getitem__)
        return PromptPair(
            clean,
            PROMPT_TEMPLATE.format_map(words | {"subject": subject[1 - plural]}),
            tuple(f" {verb[plural]}" for verb in verbs),
            tuple(f" {verb[1 - plural]}" for verb in verbs),
            spans,
        )

    return draw_pairs("sva", prompts, seed, tokens, make)
