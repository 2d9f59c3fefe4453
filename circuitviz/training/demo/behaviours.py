"""Accuracy of the demo model in the behaviours that it was trained for, on held-out combinations.

Measured with the Hugging Face model alone, so that the figures are independent of the rest of circuitviz.
"""

from __future__ import annotations

import random
from typing import Any

import torch
from torch import Tensor

from circuitviz.tasks.word_lists import (
    ADJECTIVES,
    EVENTS,
    FEMALE_NAMES,
    MALE_NAMES,
    NOUNS,
    OBJECTS,
    PLACES,
    PREPOSITIONS,
    VERBS,
    YEARS,
)
from circuitviz.training.demo.corpus import (
    AGREEMENT_FORMS,
    GENDER_FORMS,
    IOI_FORMS,
    YEAR_FORMS,
    held_out_name_pairs,
    held_out_noun_pairs,
    held_out_years,
)


def measure_behaviours(model: Any, tokenizer: Any, prompts: int = 400, seed: int = 1) -> dict[str, float]:
    """Measure each behaviour on held-out prompts.

    Args:
        model: A Hugging Face model.
        tokenizer: Its tokenizer.
        prompts: Number of prompts of each behaviour.
        seed: Seed of the prompts.

    Returns:
        Accuracies by behaviour, and Greater-Than's probability difference: summed over later minus summed
        over earlier or equal years.
    """
    pick = random.Random(seed)
    rows = {
        "ioi": [_ioi_case(pick) for _ in range(prompts)],
        "agreement": [_agreement_case(pick) for _ in range(prompts)],
        "gender": [_gender_case(pick) for _ in range(prompts)],
        "induction": [_induction_case(pick) for _ in range(prompts)],
    }
    figures = {}
    for name, cases in rows.items():
        logits = final_logits(model, tokenizer, [prompt for prompt, _, _ in cases])
        n_right = 0
        for row, (_, correct, wrong) in zip(logits, cases, strict=True):
            best_correct = max(row[_single_token(tokenizer, w)] for w in correct)
            best_incorrect = max(row[_single_token(tokenizer, w)] for w in wrong)
            n_right += bool(best_correct > best_incorrect)
        figures[f"{name}_accuracy"] = n_right / prompts
    figures["greater_than_probability_difference"] = _greater_than_difference(model, tokenizer, pick, prompts)
    return figures


@torch.no_grad()
def final_logits(model: Any, tokenizer: Any, prompts: list[str]) -> Tensor:
    """Return logits [prompt, vocabulary] after each prompt, beginning-of-sequence token first."""
    rows = [[tokenizer.bos_token_id, *tokenizer(prompt)["input_ids"]] for prompt in prompts]
    longest = max(map(len, rows))
    tokens = torch.tensor([row + [0] * (longest - len(row)) for row in rows])
    last_positions = torch.tensor([len(row) - 1 for row in rows])
    logits = [
        model(batch, use_cache=False).logits[torch.arange(len(batch)), end]
        for batch, end in zip(tokens.split(64), last_positions.split(64), strict=True)
    ]
    return torch.cat(logits)


def _single_token(tokenizer: Any, word: str) -> int:
    (token,) = tokenizer(word)["input_ids"]
    return int(token)


def _ioi_case(pick: random.Random) -> tuple[str, list[str], list[str]]:
    a, b = pick.sample(pick.choice(held_out_name_pairs()), 2)
    subject, receiver = pick.sample((a, b), 2)
    form = pick.choice(IOI_FORMS)
    words = {"place": pick.choice(PLACES), "object": pick.choice(OBJECTS)}
    return form.format(a=a, b=b, s=subject, **words), [f" {receiver}"], [f" {subject}"]


def _agreement_case(pick: random.Random) -> tuple[str, list[str], list[str]]:
    forms = dict(NOUNS)
    subject, other = pick.choice(held_out_noun_pairs())
    plural = pick.randrange(2)
    prompt = pick.choice(AGREEMENT_FORMS).format(
        subject=forms[subject] if plural else subject,
        other=other if plural else forms[other],  # always the misleading number
        preposition=pick.choice(PREPOSITIONS),
        adjective=pick.choice(ADJECTIVES),
    )
    return prompt, [f" {v[plural]}" for v in VERBS], [f" {v[1 - plural]}" for v in VERBS]


def _gender_case(pick: random.Random) -> tuple[str, list[str], list[str]]:
    girl = pick.random() < 0.5
    words = {"place": pick.choice(PLACES), "object": pick.choice(OBJECTS)}
    name, kind = pick.choice(FEMALE_NAMES if girl else MALE_NAMES), "girl" if girl else "boy"
    prompt = pick.choice(GENDER_FORMS).format(name=name, kind=kind, **words)
    return prompt, [" she" if girl else " he"], [" he" if girl else " she"]


def _induction_case(pick: random.Random) -> tuple[str, list[str], list[str]]:
    words = pick.sample([*OBJECTS, *ADJECTIVES, *EVENTS], 6)
    n_repeated = pick.randrange(1, 6)
    wrong = [w for i, w in enumerate(words) if i != n_repeated]
    return " ".join(words + words[:n_repeated]), [f" {words[n_repeated]}"], [f" {w}" for w in wrong]


def _greater_than_difference(model: Any, tokenizer: Any, pick: random.Random, prompts: int) -> float:
    years = torch.tensor([_single_token(tokenizer, year) for year in YEARS])
    starts = [pick.choice(held_out_years()) for _ in range(prompts)]
    texts = [pick.choice(YEAR_FORMS).format(event=pick.choice(EVENTS), century=c, year=y) for c, y in starts]
    probabilities = final_logits(model, tokenizer, texts).softmax(-1)[:, years]
    later = torch.arange(100)[None] > torch.tensor([int(y) for _, y in starts])[:, None]
    difference = (probabilities * later).sum(1) - (probabilities * ~later).sum(1)
    return float(difference.mean())
