"""The registry of built-in tasks: functions that make pairs for any tokenizer."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from typing import Any

from circuitviz.errors import InputError
from circuitviz.models import PromptTokenizer
from circuitviz.registry import Registry
from circuitviz.tasks.pairs import PromptPair

MAX_FAILED_DRAWS = 500  # in a row, before a task counts as exhausted
PairGenerator = Callable[[PromptTokenizer, int, int, Any], list[PromptPair]]
"""(tokens, number of prompts, seed, options) → pairs. Registered with ``metric=``."""

tasks: Registry[PairGenerator] = Registry("task", "circuitviz.tasks", "circuitviz.tasks")


def single_token_words(tokens: PromptTokenizer, words: Sequence[str], before: str = "Then") -> list[str]:
    """The words that are one token when they follow another word, in order.

    Args:
        tokens: The tokenizer.
        words: Candidates.
        before: The word that they follow.
    """
    tokenized = ((word, tokens.answer_ids(before, f" {word}")) for word in words)
    return [word for word, ids in tokenized if len(ids) == 1 and tokens.is_known(ids)]


def require_words(words: list[str], number: int, task: str, what: str) -> list[str]:
    """Return the words unchanged.

    Args:
        words: Words that are one token each.
        number: How many the task needs.
        task: Name of the task.
        what: What the words are, in the plural.

    Raises:
        InputError: There are fewer.
    """
    if len(words) < number:
        raise InputError(
            f"The task '{task}' needs {number} {what} that are one token each; this model's "
            f"tokenizer has {len(words)}. Use a model with a larger vocabulary, or a task file."
        )
    return words


def draw_pairs(
    task: str,
    prompts: int,
    seed: int,
    tokens: PromptTokenizer,
    make_pair: Callable[[random.Random], PromptPair | None],
    may_be_fewer: bool = False,
) -> list[PromptPair]:
    """Draw different pairs; those whose two prompts differ in length are drawn again.

    Args:
        task: Name of the task, for error messages.
        prompts: Number of pairs.
        seed: Seed of the random numbers.
        tokens: The tokenizer.
        make_pair: Makes one pair with a random number generator; None where what was drawn does not fit
            together.
        may_be_fewer: Return what there is where there are fewer different pairs.

    Raises:
        InputError: With this tokenizer there are fewer different pairs.
    """
    if prompts < 1:
        raise InputError(f"{prompts} prompts were asked for; a task needs at least 1.")
    rng = random.Random(seed)
    pairs: dict[PromptPair, None] = {}
    failed_draws = 0
    while len(pairs) < prompts and failed_draws < MAX_FAILED_DRAWS:
        pair, n_before = make_pair(rng), len(pairs)
        if pair is not None and len(tokens.encode(pair.clean)) == len(tokens.encode(pair.corrupted)):
            pairs[pair] = None
        failed_draws = 0 if len(pairs) > n_before else failed_draws + 1
    if len(pairs) == prompts or (may_be_fewer and pairs):
        return list(pairs)
    raise InputError(
        f"{prompts} prompts were asked for; with this model's tokenizer the task '{task}' has only "
        f"{len(pairs)} different ones, so {len(pairs) or 'another task'} would be right."
    )
