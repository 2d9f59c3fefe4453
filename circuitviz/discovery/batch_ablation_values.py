"""Ablation values of every sender on a task, computed once for all batches."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cache

from torch import Tensor

from circuitviz.discovery.optimal_ablation import optimal_activations
from circuitviz.models import (
    OPTIMAL_ABLATION,
    Activations,
    Model,
    mean_activations,
    record_activations,
    zero_activations,
)
from circuitviz.models.batching import split_batches
from circuitviz.models.earlier_outputs import keep_earlier_outputs
from circuitviz.tasks import Task

AblationValues = Callable[[Task], Activations]


def ablation_values(model: Model, task: Task, ablation: str, keeps_earlier: bool = False) -> AblationValues:
    """A function from a batch of the task to the senders' ablation values on it (methods.md, Ablation).

    ``corrupted`` runs the batch's own corrupted prompts; means are taken once, over all clean prompts of the
    task; constants of ``optimal`` are the task's (``learn_missing_constants_steps`` learns them). Nothing is
    computed before the function's first call.

    Args:
        model: The model.
        task: The whole task.
        ablation: One of ``ABLATIONS``.
        keeps_earlier: Whether ``Activations.earlier_outputs`` are wanted.
    """
    if ablation == "corrupted":
        return lambda subtask: _corrupted_activations(model, subtask, keeps_earlier)

    @cache
    def shared_values() -> Activations:
        if ablation == OPTIMAL_ABLATION:
            return optimal_activations(model, task)
        if ablation == "zero":
            return zero_activations(model, model.empty_stream)
        is_positional = ablation == "mean-positional"
        return mean_activations(model, _prompt_batches(model, task), positional=is_positional)

    return lambda subtask: shared_values()


def _corrupted_activations(model: Model, subtask: Task, keeps_earlier: bool) -> Activations:
    """The corrupted run, with the first position at which a corrupted token differs."""
    first_position, kept = subtask.first_changed_position, dict[tuple[int, str], Tensor]()
    is_kept = keeps_earlier and first_position > 0
    overrides = keep_earlier_outputs(model, first_position, kept) if is_kept else None
    outputs = record_activations(model, subtask.corrupted, subtask.lengths - 1, overrides)
    outputs.first_changed_position, outputs.earlier_outputs = first_position, kept
    return outputs


def _prompt_batches(model: Model, task: Task) -> Iterator[tuple[Tensor, Tensor]]:
    for rows in split_batches(model, len(task), task.clean.shape[1]):
        subtask = task.subset(rows)
        yield subtask.clean, subtask.lengths
