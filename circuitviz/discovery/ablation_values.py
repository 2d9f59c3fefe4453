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
        return lambda part: record(model, part.corrupted, part.lengths - 1)
    if ablation == "zero":
        shared = zeros(model, model.unembedding)
    else:
        shared = means(model, _prompts(model, task), positional=ablation == "mean-positional")
    return lambda part: shared


def _prompts(model: Model, task: Task) -> Iterator[tuple[Tensor, Tensor]]:
    for rows in batches(model, len(task), task.clean.shape[1]):
        part = task.subset(rows)
        yield part.clean, part.lengths
