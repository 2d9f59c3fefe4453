"""Counterfactuals of the pronoun task: the person's gender, or only the name."""

from __future__ import annotations

import random

from circuitviz.models import PromptTokenizer
from circuitviz.options import NoOptions
from circuitviz.tasks.counterfactuals.registry import counterfactuals
from circuitviz.tasks.gender import PROMPT_TEMPLATES
from circuitviz.tasks.pairs import PromptPair
from circuitviz.tasks.registry import draw_pairs, require_words, single_token_words
from circuitviz.tasks.word_lists import FEMALE_NAMES, MALE_NAMES, PLACES


@counterfactuals.register(
    "gender-changed",
    summary="a name of the other gender: the answer moves to the other pronoun",
    task="gender",
    metric="logit-diff",
)
def gender_changed(tokens: PromptTokenizer, prompts: int, seed: int, options: NoOptions) -> list[PromptPair]:
    """So Mary said that → So John said that."""
    return _draw_gender_pairs("gender-changed", tokens, prompts, seed, same_gender=False)


@counterfactuals.register(
    "name-replaced",
    summary="another name of the same gender: the answer stays",
    task="gender",
    metric="logit-diff",
)
def name_replaced(tokens: PromptTokenizer, prompts: int, seed: int, options: NoOptions) -> list[PromptPair]:
    """So Mary said that → So Anna said that: a control for components that carry the gender alone."""
    return _draw_gender_pairs("name-replaced", tokens, prompts, seed, same_gender=True)


def _draw_gender_pairs(
    name: str, tokens: PromptTokenizer, prompts: int, seed: int, same_gender: bool
) -> list[PromptPair]:
    sides = [
        require_words(single_token_words(tokens, names), 2, "gender", "names")
        for names in (FEMALE_NAMES, MALE_NAMES)
    ]
    pronouns = (" she", " he")

    def make(pick: random.Random) -> PromptPair:
        side = pick.randrange(2)
        first, second = pick.sample(sides[side], 2)
        other = second if same_gender else pick.choice(sides[1 - side])
        form, place = pick.choice(PROMPT_TEMPLATES), pick.choice(PLACES)
        clean, changed = (form.format(name=n, place=place) for n in (first, other))
        return PromptPair(clean, changed, (pronouns[side],), (pronouns[1 - side],))

    return draw_pairs(name, prompts, seed, tokens, make)
