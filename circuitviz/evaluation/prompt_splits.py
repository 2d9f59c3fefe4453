"""Two parts of a task's prompts: one to find a circuit on, the other to judge it on."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from circuitviz.errors import InputError
from circuitviz.tasks import Task

Halves = tuple[list[int], list[int]]
MIN_SHARED_WORDS = 0.5  # of two prompts of one template, at the same positions


def split_at_random(task: Task, seed: int = 0) -> Halves | None:
    """Draw two halves; None where there is only one prompt."""
    order = np.random.default_rng(seed).permutation(len(task)).tolist()
    half = len(task) // 2
    return (sorted(order[:half]), sorted(order[half:])) if half else None


def split_by_template(task: Task, seed: int = 0) -> Halves | None:
    """Divide by the form of the clean prompt; None where all have the same.

    Two prompts have one form where they have the same number of words and at least half of those are equal,
    position by position.
    """
    forms: list[tuple[list[str], list[int]]] = []
    for row, pair in enumerate(task.pairs):
        words = pair.clean.split()
        for representative, rows in forms:
            if _has_same_form(words, representative):
                rows.append(row)
                break
        else:
            forms.append((words, [row]))
    return _balance([rows for _, rows in forms])


def split_by_answers(task: Task, seed: int = 0) -> Halves | None:
    """Divide by answers, so that no answer of one part occurs in the other; None where that is impossible.

    Prompts whose answers are of both parts are in neither.
    """
    answers = [{str(answer) for answer in (*pair.correct, *pair.incorrect)} for pair in task.pairs]
    words = sorted(set().union(*answers))
    first = set(np.random.default_rng(seed).permutation(words)[: len(words) // 2].tolist())
    halves = (
        [row for row, own in enumerate(answers) if own <= first],
        [row for row, own in enumerate(answers) if not own & first],
    )
    return halves if min(map(len, halves)) else None


def split_by_length(task: Task, seed: int = 0) -> Halves | None:
    """Divide into shorter and longer prompts, in tokens; None where all have the same number."""
    lengths = np.asarray(task.on_host.lengths)
    borders = sorted(set(lengths.tolist()))[1:]
    if not borders:
        return None
    border = min(borders, key=lambda length: abs(int((lengths < length).sum()) - len(lengths) / 2))
    return np.flatnonzero(lengths < border).tolist(), np.flatnonzero(lengths >= border).tolist()


SPLITS: dict[str, tuple[str, Callable[[Task, int], Halves | None]]] = {
    "prompts": ("other prompts", split_at_random),
    "template": ("other templates", split_by_template),
    "answers": ("other answers", split_by_answers),
    "length": ("other lengths", split_by_length),
}
"""By name, what the second part has that the first has not, and the split."""


def split_prompts(task: Task, in_sample: bool = False) -> tuple[Task, Task]:
    """Return the prompts for a search and those for its evaluation: two random halves, or twice all of them.

    Halves share nothing, constants of optimal ablation neither.

    Raises:
        InputError: There is only one prompt to divide.
    """
    if in_sample:
        return task, task
    halves = split_at_random(task, task.seed)
    if halves is None:
        raise InputError(
            f"The prompts of '{task.name}' were to be divided between search and evaluation, and there is "
            "only one; 2 or more would be right, or an evaluation in-sample."
        )
    return task.split_off(halves[0]), task.split_off(halves[1])


def _has_same_form(words: Sequence[str], others: Sequence[str]) -> bool:
    if len(words) != len(others):
        return False
    return sum(a == b for a, b in zip(words, others, strict=True)) >= MIN_SHARED_WORDS * len(words)


def _balance(groups: Sequence[list[int]]) -> Halves | None:
    """Put whole groups into two parts of similar size; None where there is one group."""
    if len(groups) < 2:
        return None
    halves: Halves = ([], [])
    for group in sorted(groups, key=len, reverse=True):
        min(halves, key=len).extend(group)
    return sorted(halves[0]), sorted(halves[1])
