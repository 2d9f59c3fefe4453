"""Gendered pronouns: a small task that models trained on stories can do [mathwin2023gender]."""

from __future__ import annotations

import random

from circuitviz.models import PromptTokenizer
from circuitviz.options import NoOptions
from circuitviz.tasks.pairs import PromptPair
from circuitviz.tasks.registry import draw_pairs, require_words, single_token_words, tasks
from circuitviz.tasks.spans import fill_slots
from circuitviz.tasks.word_lists import FEMALE_NAMES, MALE_NAMES, PLACES

STORY_TEMPLATE = "Once upon a time, there was a little {kind} named {name}. One day,"
PROMPT_TEMPLATES = ("So {name} said that", "{name} went to the {place} because", "{name} is tired, so")


@tasks.register(
    "gender",
    summary="So Mary said that → she, not he; a story about a girl goes on with she",
    reference="Mathwin et al. 2023",
    options=NoOptions,
    metric="logit-diff",
)
def make_gender_pairs(
    tokens: PromptTokenizer, prompts: int, seed: int, options: NoOptions
) -> list[PromptPair]:
    """Pairs whose corrupted prompt is about a person of the other gender."""
    require_words(single_token_words(tokens, ["she", "he"]), 2, "gender", "pronouns")
    lengths: dict[int, tuple[list[str], list[str]]] = {}
    for side, names in enumerate((FEMALE_NAMES, MALE_NAMES)):
        for name in names:
            lengths.setdefault(len(tokens.answer_ids("Then", f" {name}")), ([], []))[side].append(name)
    usable = [sides for sides in lengths.values() if sides[0] and sides[1]]
    require_words([name for sides in usable for name in sides[0]], 1, "gender", "names")

    def make(pick: random.Random) -> PromptPair:
        girls, boys = pick.choice(usable)
        people = [("girl", pick.choice(girls), " she"), ("boy", pick.choice(boys), " he")]
        if pick.random() < 0.5:
            people.reverse()
        form = pick.choice((STORY_TEMPLATE, STORY_TEMPLATE, *PROMPT_TEMPLATES))
        place = pick.choice(PLACES)
        (clean, spans), (corrupted, _) = (
            fill_slots(form, {"kind": k, "name": n, "place": place}.__getitem__) for k, n, _ in people
        )
        return PromptPair(clean, corrupted, (people[0][2],), (people[1][2],), spans)

    return draw_pairs("gender", prompts, seed, tokens, make)
