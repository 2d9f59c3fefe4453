"""Several methods differ only in where they take the gradient: one loop serves them all."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor

from circuitviz.discovery.ablation_values import ablation_values
from circuitviz.discovery.gradients import Differences, Tape, add_scores, backward
from circuitviz.discovery.registry import Setting
from circuitviz.graph import Scores
from circuitviz.models import Activations, Model, record
from circuitviz.models.activations import recording
from circuitviz.models.batches import in_batches
from circuitviz.models.model import Hook
from circuitviz.models.scratch import Scratch
from circuitviz.progress import Progress, Steps
from circuitviz.tasks import Task


@dataclass(frozen=True, eq=False)
class Point:
    """One pass in which the gradient is taken.

    share: how far the embedding is on the way from its ablation value (0) to the clean one (1);
    hooks: further changes of the pass; corrupted: run the corrupted prompts instead.
    """

    share: float = 1.0
    hooks: dict[str, Hook] = field(default_factory=dict)
    corrupted: bool = False


@dataclass(eq=False)
class Batch:
    """A part of the task with its senders' clean outputs and ablation values."""

    model: Model
    part: Task
    clean: Activations
    ablated: Activations


Points = Callable[[Batch], Sequence[Point]]


def averaged(setting: Setting, method: str, points: Points, begins_clean: bool = False) -> Steps[Scores]:
    """s(u→v) = mean over prompts of Σ over positions (z_u − a_u) · the points' mean of ∂L/∂x_v.

    ``begins_clean``: the first point is the clean pass, so that senders are recorded in it; otherwise
    a plain forward records them first.
    """
    model, task = setting.model, setting.task
    values = ablation_values(model, task, setting.ablation)
    total = torch.zeros(model.graph.mask.shape, dtype=torch.float64, device=model.device)
    done, scratch = 0, Scratch()

    def work(rows: range) -> Steps[None]:
        nonlocal done
        part = task.subset(rows)
        batch = Batch(model, part, Activations(torch.empty(0), [], []), values(part))
        if begins_clean:
            ready = gradient_at(setting, batch, Point(), recording(model, batch.clean))
        else:
            ready, batch.clean = None, record(model, part.clean, part.lengths - 1)
        differences = Differences.between(model, batch.clean, batch.ablated, scratch)
        found, wanted = torch.zeros_like(total), points(batch)
        for number, point in enumerate(wanted, start=1):
            tape, gradients = ready or gradient_at(setting, batch, point, {})
            ready = None
            add_scores(model, differences, tape, gradients, found, 1 / len(wanted), scratch)
            so_far = total + found * len(wanted) / number
            partial_scores = Scores(
                model.graph, (so_far / (done + len(part))).cpu().numpy(), method, partial=True
            )
            message = f"{done + len(part)} of {len(task)} prompts"
            if len(wanted) > 1:
                message = f"pass {number} of {len(wanted)}, {message}"
            yield Progress(done + len(part) * number / len(wanted), len(task), message, partial_scores)
        total.add_(found)
        done += len(part)

    yield from in_batches(model, len(task), task.clean.shape[1], work)
    return Scores(model.graph, (total / len(task)).cpu().numpy(), method)


def gradient_at(
    setting: Setting, batch: Batch, point: Point, also: dict[str, Hook], more: list[Tensor] | None = None
) -> tuple[Tape, Tape]:
    """Forward and backward at a point; ``also``, ``more``: hooks and what they keep, as for ``backward``."""
    part, clean, ablated = batch.part, batch.clean, batch.ablated

    def loss(logits: Tensor) -> Tensor:
        reference = logits.detach() if clean.logits is None else clean.logits
        return setting.measure(logits, part, reference).sum()

    def start(embed: Tensor) -> Tensor:
        return ablated.embed + point.share * (embed - ablated.embed)

    return backward(
        batch.model,
        part.corrupted if point.corrupted else part.clean,
        part.lengths - 1,
        loss,
        start=start if point.share != 1.0 else None,
        also={**also, **point.hooks},
        begin=ablated.begin,
        more=more,
    )
