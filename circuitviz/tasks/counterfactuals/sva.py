"""Counterfactuals of the agreement task: the number of the subject, or of the second noun."""

from __future__ import annotations

import random

from circuitviz.models import PromptTokenizer
from circuitviz.options import NoOptions
from circuitviz.tasks.counterfactuals.registry import counterfactuals
from circuitviz.tasks.pairs import PromptPair
from circuitviz.tasks.registry import draw_pairs, require_words, single_token_words
from circuitviz.tasks.word_lists import NOUNS, PREPOSITIONS, VERBS


@counterfactuals.register(
    "number-changed",
    summary="the subject's number changes: the answer moves to the other form of the verb",
    task="sva",
    metric="prob-diff",
)
def number_changed(tokens: PromptTokenizer, prompts: int, seed: int, options: NoOptions) -> list[PromptPair]:
    """The keys on the cabinet → The key on the cabinet."""
    return _draw_agreement_pairs("number-changed", tokens, prompts, seed, subject_changes=True)


@counterfactuals.register(
    "distractor-changed",
    summary="the second noun's number changes: the answer stays",
    task="sva",
    metric="prob-diff",
)
def distractor_changed(
    tokens: PromptTokenizer, prompts: int, seed: int, options: NoOptions
) -> list[PromptPair]:
    """The keys on the cabinet → The keys on the cabinets.

    A control for components that carry the subject alone.
    """
    return _draw_agreement_pairs("distractor-changed", tokens, prompts, seed, subject_changes=False)


def _draw_agreement_pairs(
    name: str, tokens: PromptTokenizer, prompts: int, seed: int, subject_changes: bool
) -> list[PromptPair]:
    nouns = [n for n in NOUNS if len(single_token_words(tokens, n)) == 2]
    require_words([n[0] for n in nouns], 4, "sva", "nouns, singular and plural,")
    verbs = [v for v in VERBS if len(single_token_words(tokens, v)) == 2]
    require_words([v[0] for v in verbs], 1, "sva", "verbs, singular and plural,")

    def make(pick: random.Random) -> PromptPair:
        subject, second = pick.sample(nouns, 2)
        plural, second_number = pick.randrange(2), pick.randrange(2)
        preposition = pick.choice(PREPOSITIONS)
        other = (1 - plural, second_number) if subject_changes else (plural, 1 - second_number)
        return PromptPair(
            f"The {subject[plural]} {preposition} the {second[second_number]}",
            f"The {subject[other[0]]} {preposition} the {second[other[1]]}",
            tuple(f" {verb[plural]}" for verb in verbs),
            tuple(f" {verb[1 - plural]}" for verb in verbs),
        )

    return draw_pairs(name, prompts, seed, tokens, make)
