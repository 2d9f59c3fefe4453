"""Tasks of the models whose circuits are known exactly, for any tokenizer that has the words."""

from __future__ import annotations

import random

from circuitviz.models import PromptTokenizer
from circuitviz.options import NoOptions
from circuitviz.tasks.pairs import PromptPair
from circuitviz.tasks.registry import draw_pairs, require_words, single_token_words, tasks

LETTERS = "abcdef"


def _require_letters(tokens: PromptTokenizer, letters: str, task: str) -> list[str]:
    return require_words(
        single_token_words(tokens, list(letters), before="a"), len(letters), task, "letters and signs"
    )


@tasks.register(
    "reverse",
    summary="a b c | c b → a; the letters before the bar are repeated in reverse order",
    reference="Weiss et al. 2021; Lindner et al. 2023",
    options=NoOptions,
    metric="logit-diff",
)
def make_reverse_pairs(
    tokens: PromptTokenizer, prompts: int, seed: int, options: NoOptions
) -> list[PromptPair]:
    """Pairs of the task to reverse a list.

    The corrupted prompt has another letter where the answer comes from, or the bar moved by one.
    """
    letters = _require_letters(tokens, "abcde|", "reverse")[:5]

    def write_prompt(words: list[str], length: int) -> str:
        return " ".join([*words, "|", *reversed(words)][:length])

    def make(pick: random.Random) -> PromptPair:
        words = pick.sample(letters, pick.choice((3, 4)))
        length = len(words) + 1 + pick.randrange(1, len(words))
        answer = 2 * len(words) - length
        if pick.random() < 0.5:
            other = [*words]
            other[answer] = pick.choice([w for w in letters if w not in words])
            wrong, corrupted = other[answer], write_prompt(other, length)
        else:
            longer = [*words, pick.choice([w for w in letters if w not in words])]
            wrong, corrupted = longer[2 * len(longer) - length], write_prompt(longer, length)
        return PromptPair(write_prompt(words, length), corrupted, (f" {words[answer]}",), (f" {wrong}",))

    return draw_pairs("reverse", prompts, seed, tokens, make)


@tasks.register(
    "x-proportion",
    summary="a x b x → the proportion of x among the words so far",
    reference="Lindner et al. 2023",
    options=NoOptions,
    metric="logit-diff",
)
def make_x_proportion_pairs(
    tokens: PromptTokenizer, prompts: int, seed: int, options: NoOptions
) -> list[PromptPair]:
    """Pairs of the task to count the proportion of x.

    The corrupted prompt has fewer x; the incorrect answer is a, whose logit is constant.
    """
    others = [w for w in _require_letters(tokens, "abcx", "x-proportion") if w != "x"]

    def make(pick: random.Random) -> PromptPair:
        words = [pick.choice(["x", pick.choice(others)]) for _ in range(pick.randrange(4, 9))]
        words[pick.randrange(len(words))] = "x"
        x_positions = [i for i, w in enumerate(words) if w == "x"]
        fewer = [*words]
        for i in pick.sample(x_positions, pick.randrange(1, len(x_positions) + 1)):
            fewer[i] = pick.choice(others)
        return PromptPair(" ".join(words), " ".join(fewer), (" x",), (" a",))

    return draw_pairs("x-proportion", prompts, seed, tokens, make)


@tasks.register(
    "backup",
    summary="a b * c d → c; the word after the mark",
    reference="made for this application; backup heads: Wang et al. 2022",
    options=NoOptions,
    metric="logit-diff",
)
def make_backup_pairs(
    tokens: PromptTokenizer, prompts: int, seed: int, options: NoOptions
) -> list[PromptPair]:
    """Pairs of the task to name the word after the mark.

    The corrupted prompt has another word after the mark, or the mark elsewhere.
    """
    letters = _require_letters(tokens, LETTERS + "*", "backup")[: len(LETTERS)]

    def make(pick: random.Random) -> PromptPair:
        words = pick.sample(letters, pick.randrange(3, len(letters)))
        mark, other_mark = pick.sample(range(len(words)), 2)
        clean = [*words[:mark], "*", *words[mark:]]
        if pick.random() < 0.5:
            wrong = pick.choice([w for w in letters if w not in words])
            corrupted = [*clean[: mark + 1], wrong, *clean[mark + 2 :]]
        else:
            wrong, corrupted = words[other_mark], [*words[:other_mark], "*", *words[other_mark:]]
        return PromptPair(" ".join(clean), " ".join(corrupted), (f" {words[mark]}",), (f" {wrong}",))

    return draw_pairs("backup", prompts, seed, tokens, make)
