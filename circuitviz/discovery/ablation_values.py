"""Ablation values of every sender on a task, computed once for all batches."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from torch import Tensor

from circuitviz.models import Activations, Model, mean_activations, record_activations, zero_activations
from circuitviz.models.batching import split_batches
from circuitviz.tasks import Task

AblationValues = Callable[[Task], Activations]


def ablation_values(model: Model, task: Task, ablation: str) -> AblationValues:
    """A function from a batch of the task to the senders' ablation values on it (methods.md, Ablation).

    ``corrupted`` runs the batch's own corrupted prompts; means are taken once, over all clean prompts of the
    task.

    Args:
        model: The model.
        task: The whole task.
        ablation: One of ``ABLATIONS``.
    """
    if ablation == "corrupted":
        return lambda part: _corrupted_activations(model, part)
    if ablation == "zero":
        shared = zero_activations(model, model.unembedding)
    else:
        shared = mean_activations(
            model, _prompt_batches(model, task), positional=ablation == "mean-positional"
        )
    return lambda part: shared


def _corrupted_activations(model: Model, part: Task) -> Activations:
    """The corrupted run, with the first position at which a corrupted token differs."""
    found = record_activations(model, part.corrupted, part.lengths - 1)
    different = (part.clean != part.corrupted).any(0).nonzero()
    found.first_changed_position = int(different[0, 0]) if len(different) else part.clean.shape[1] - 1
    return found


def _prompt_batches(model: Model, task: Task) -> Iterator[tuple[Tensor, Tensor]]:
    for rows in split_batches(model, len(task), task.clean.shape[1]):
        part = task.subset(rows)
        yield part.clean, part.lengths
