"""What can differ in a pronoun prompt: the person's gender, or only the name."""

from __future__ import annotations

import random

from circuitviz.models import Tokens
from circuitviz.options import NoOptions
from circuitviz.tasks.counterfactuals.registry import counterfactuals
from circuitviz.tasks.gender import FORMS
from circuitviz.tasks.pairs import Pair
from circuitviz.tasks.registry import draw, enough, one_token
from circuitviz.tasks.words import BOYS, GIRLS, PLACES


@counterfactuals.register(
    "gender-changed",
    summary="a name of the other gender: the answer moves to the other pronoun",
    task="gender",
    metric="logit-diff",
)
def gender_changed(tokens: Tokens, prompts: int, seed: int, options: NoOptions) -> list[Pair]:
    """So Mary said that → So John said that."""
    return _pairs("gender-changed", tokens, prompts, seed, same=False)


@counterfactuals.register(
    "name-replaced",
    summary="another name of the same gender: the answer stays",
    task="gender",
    metric="logit-diff",
)
def name_replaced(tokens: Tokens, prompts: int, seed: int, options: NoOptions) -> list[Pair]:
    """So Mary said that → So Anna said that: a control, for what carries the gender alone."""
    return _pairs("name-replaced", tokens, prompts, seed, same=True)


def _pairs(name: str, tokens: Tokens, prompts: int, seed: int, same: bool) -> list[Pair]:
    sides = [enough(one_token(tokens, names), 2, "gender", "names") for names in (GIRLS, BOYS)]
    pronouns = (" she", " he")

    def make(pick: random.Random) -> Pair:
        side = pick.randrange(2)
        first, second = pick.sample(sides[side], 2)
        other = second if same else pick.choice(sides[1 - side])
        form, place = pick.choice(FORMS), pick.choice(PLACES)
        clean, changed = (form.format(name=n, place=place) for n in (first, other))
        return Pair(clean, changed, (pronouns[side],), (pronouns[1 - side],))

    return draw(name, prompts, seed, tokens, make)
