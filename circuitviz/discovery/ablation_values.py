"""The ablation value of every sender, made once for a setting and cut to each batch."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from torch import Tensor

from circuitviz.models import Activations, Model, means, record, zeros
from circuitviz.models.batches import batches
from circuitviz.tasks import Task

Values = Callable[[Task], Activations]


def ablation_values(model: Model, task: Task, ablation: str) -> Values:
    """Return a function from a part of the task to the senders' ablation values on it.

    ``corrupted`` runs the part's own corrupted prompts; means are taken over the whole task's
    corrupted prompts' clean partners, once.
    """
    if ablation == "corrupted":
        return lambda part: _corrupted(model, part)
    if ablation == "zero":
        shared = zeros(model, model.unembedding)
    else:
        shared = means(model, _prompts(model, task), positional=ablation == "mean-positional")
    return lambda part: shared


def _corrupted(model: Model, part: Task) -> Activations:
    """The corrupted run; before the first corrupted token it is the clean run itself."""
    found = record(model, part.corrupted, part.lengths - 1)
    different = (part.clean != part.corrupted).any(0).nonzero()
    found.begin = int(different[0, 0]) if len(different) else part.clean.shape[1] - 1
    return found


def _prompts(model: Model, task: Task) -> Iterator[tuple[Tensor, Tensor]]:
    for rows in batches(model, len(task), task.clean.shape[1]):
        part = task.subset(rows)
        yield part.clean, part.lengths
