"""Counterfactuals of the IOI task: which names there are, their order, and which is repeated."""

from __future__ import annotations

import random
from collections.abc import Callable

from circuitviz.models import PromptTokenizer
from circuitviz.options import NoOptions
from circuitviz.tasks.counterfactuals.registry import counterfactuals
from circuitviz.tasks.ioi import PROMPT_TEMPLATES
from circuitviz.tasks.pairs import PromptPair
from circuitviz.tasks.registry import draw_pairs, require_words, single_token_words
from circuitviz.tasks.word_lists import NAMES, OBJECTS, PLACES

PromptWriter = Callable[[str, str, str], str]  # first name, second name, subject → text
CounterfactualWriter = Callable[[PromptWriter, list[str], bool], tuple[str, str]]  # → its text and answer


def _draw_ioi_pairs(
    name: str, tokens: PromptTokenizer, prompts: int, seed: int, write_counterfactual: CounterfactualWriter
) -> list[PromptPair]:
    names = require_words(single_token_words(tokens, NAMES), 6, "ioi", "names")

    def make(pick: random.Random) -> PromptPair:
        chosen = pick.sample(names, 4)
        a, b, abba = *chosen[:2], pick.random() < 0.5
        subject, receiver = (b, a) if abba else (a, b)
        form, place, thing = pick.choice(PROMPT_TEMPLATES), pick.choice(PLACES), pick.choice(OBJECTS)

        def say(first: str, second: str, again: str) -> str:
            return form.format(a=first, b=second, s=again, place=place, object=thing)

        other, answer = write_counterfactual(say, chosen, abba)
        return PromptPair(say(a, b, subject), other, (f" {receiver}",), (f" {answer}",))

    return draw_pairs(name, prompts, seed, tokens, make)


@counterfactuals.register(
    "name-swapped",
    summary="the second subject is the other name: the answer moves to the other name",
    task="ioi",
    metric="logit-diff",
)
def name_swapped(tokens: PromptTokenizer, prompts: int, seed: int, options: NoOptions) -> list[PromptPair]:
    """A and B …, A gave → A and B …, B gave."""

    def change(say: PromptWriter, names: list[str], abba: bool) -> tuple[str, str]:
        a, b = names[:2]
        return (say(a, b, a), b) if abba else (say(a, b, b), a)

    return _draw_ioi_pairs("name-swapped", tokens, prompts, seed, change)


@counterfactuals.register(
    "order-swapped",
    summary="the first two names change places: the answer stays, positional cues are reversed",
    task="ioi",
    metric="logit-diff",
)
def order_swapped(tokens: PromptTokenizer, prompts: int, seed: int, options: NoOptions) -> list[PromptPair]:
    """A and B …, A gave → B and A …, A gave. The incorrect answer is the subject."""

    def change(say: PromptWriter, names: list[str], abba: bool) -> tuple[str, str]:
        a, b = names[:2]
        return say(b, a, b if abba else a), b if abba else a

    return _draw_ioi_pairs("order-swapped", tokens, prompts, seed, change)


@counterfactuals.register(
    "third-name",
    summary="the second subject is a third name: nobody is named twice",
    task="ioi",
    metric="logit-diff",
)
def third_name(tokens: PromptTokenizer, prompts: int, seed: int, options: NoOptions) -> list[PromptPair]:
    """A and B …, A gave → A and B …, C gave. The incorrect answer is the subject."""

    def change(say: PromptWriter, names: list[str], abba: bool) -> tuple[str, str]:
        a, b, c = names[:3]
        return say(a, b, c), b if abba else a

    return _draw_ioi_pairs("third-name", tokens, prompts, seed, change)


@counterfactuals.register(
    "names-replaced",
    summary="both names become others in the same places: the answer moves to a name that was not there",
    task="ioi",
    metric="logit-diff",
)
def names_replaced(tokens: PromptTokenizer, prompts: int, seed: int, options: NoOptions) -> list[PromptPair]:
    """A and B …, A gave → C and D …, C gave."""

    def change(say: PromptWriter, names: list[str], abba: bool) -> tuple[str, str]:
        _, _, c, d = names
        return (say(c, d, d), c) if abba else (say(c, d, c), d)

    return _draw_ioi_pairs("names-replaced", tokens, prompts, seed, change)
