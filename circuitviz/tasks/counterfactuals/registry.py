"""The registry of counterfactuals: functions that make pairs for a task.

A module holds all counterfactuals of one task.
"""

from __future__ import annotations

from circuitviz.errors import InputError, suggest_name
from circuitviz.models import Model
from circuitviz.registry import Registry
from circuitviz.tasks import Task, load_task, tasks
from circuitviz.tasks.registry import PairGenerator
from circuitviz.tasks.task_files import is_task_file

TASK_PAIRS = "paired"  # the task's own corrupted prompts

counterfactuals: Registry[PairGenerator] = Registry(
    "counterfactual", "circuitviz.tasks.counterfactuals", "circuitviz.counterfactuals"
)
"""Registered with ``task`` (the task it belongs to) and ``metric``. In its pairs ``clean`` stays what the
task would ask, ``corrupted`` is the counterfactual, ``correct`` answers the clean prompt, and
``incorrect`` is the answer that the counterfactual calls for, or, where that is the same, the rival."""


def list_counterfactuals(task: str) -> list[str]:
    """The names of counterfactuals of a task, its own corrupted prompts first."""
    return [TASK_PAIRS, *(e.name for e in counterfactuals.entries() if e.extra["task"] == task)]


def list_other_task_pairs(task: str) -> list[str]:
    """Pairs of other tasks that features can be tested on: those tasks and their counterfactuals."""
    others = [name for name in tasks.names() if name != task]
    return [*others, *(e.name for e in counterfactuals.entries() if e.extra["task"] != task)]


def counterfactual_task(name: str, model: Model, task: Task, prompts: int = 64, seed: int = 0) -> Task:
    """The pairs of a counterfactual.

    Args:
        name: ``paired`` for the task's own corrupted prompts, a registered name, or the path of a task file.
        model: The model whose tokenizer encodes the prompts.
        task: The task that the counterfactual belongs to.
        prompts: Number of pairs.
        seed: Seed of the draw.

    Raises:
        InputError: There is no such counterfactual, or it belongs to another task.
    """
    if name == TASK_PAIRS:
        return task.subset(range(min(prompts, len(task))))
    if is_task_file(name):
        return load_task(name, model, prompts, seed, task.bos)
    known = list_counterfactuals(task.name)
    if name not in known:
        raise InputError(
            f"There is no counterfactual '{name}' for the task '{task.name}'; there is {', '.join(known)}, "
            "or a CSV or JSONL file with clean, corrupted, correct, incorrect." + suggest_name(name, known)
        )
    entry = counterfactuals.get(name)
    pairs = entry.value(model.tokens, prompts, seed, entry.options())
    pairs_task = Task.from_pairs(
        name, pairs, model.tokens, metric=entry.extra["metric"], seed=seed, bos=task.bos
    )
    return pairs_task.to(model.device)
