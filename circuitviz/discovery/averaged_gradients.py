"""EAP and its variants, which differ only in the points at which the gradient is taken: one loop."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor

from circuitviz.discovery.ablation_values import ablation_values
from circuitviz.discovery.gradients import ActivationDeltas, GradientCapture, add_edge_scores, run_backward
from circuitviz.discovery.registry import TaskSetting
from circuitviz.graph import Scores
from circuitviz.models import Activations, Model, record_activations
from circuitviz.models.batching import run_in_batches
from circuitviz.models.buffers import BufferPool
from circuitviz.models.model import Hook
from circuitviz.models.sender_activations import recording_hooks
from circuitviz.progress import Progress, ProgressSteps
from circuitviz.tasks import Task


@dataclass(frozen=True, eq=False)
class GradientPoint:
    """One pass in which the gradient is taken.

    Attributes:
        clean_fraction: Position of the embedding on the line from its ablation value (0) to the clean one
            (1).
        hooks: Further changes of the pass.
        corrupted: Run the corrupted prompts instead of the clean ones.
    """

    clean_fraction: float = 1.0
    hooks: dict[str, Hook] = field(default_factory=dict)
    corrupted: bool = False


@dataclass(eq=False)
class TaskBatch:
    """A batch of the task with its senders' clean outputs and ablation values."""

    model: Model
    task: Task
    clean: Activations
    ablated: Activations


PointChooser = Callable[[TaskBatch], Sequence[GradientPoint]]


def score_by_average_gradients(
    setting: TaskSetting, method: str, points: PointChooser, first_point_is_clean: bool = False
) -> ProgressSteps[Scores]:
    """s(u→v) = mean over prompts of Σ over positions (z_u − a_u) · (mean over the points of ∂L/∂x_v).

    Args:
        setting: Model, task, metric and ablation.
        method: Name of the method.
        points: Chooses the points for a batch.
        first_point_is_clean: Whether the first point is the clean pass, so that senders are recorded in it;
            otherwise a plain forward pass records them first.

    Returns:
        Scores of all edges.
    """
    model, task = setting.model, setting.task
    values = ablation_values(model, task, setting.ablation)
    total = torch.zeros(model.graph.mask.shape, dtype=torch.float64, device=model.device)
    done, scratch = 0, BufferPool()

    def work(rows: range) -> ProgressSteps[None]:
        nonlocal done
        part = task.subset(rows)
        batch = TaskBatch(model, part, Activations(torch.empty(0), [], []), values(part))
        if first_point_is_clean:
            ready = compute_gradients(setting, batch, GradientPoint(), recording_hooks(model, batch.clean))
        else:
            ready, batch.clean = None, record_activations(model, part.clean, part.lengths - 1)
        differences = ActivationDeltas.between(model, batch.clean, batch.ablated, scratch)
        found, wanted = torch.zeros_like(total), points(batch)
        for number, point in enumerate(wanted, start=1):
            tape, gradients = ready or compute_gradients(setting, batch, point, {})
            ready = None
            add_edge_scores(model, differences, tape, gradients, found, 1 / len(wanted), scratch)
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

    yield from run_in_batches(model, len(task), task.clean.shape[1], work)
    return Scores(model.graph, (total / len(task)).cpu().numpy(), method)


def compute_gradients(
    setting: TaskSetting,
    batch: TaskBatch,
    point: GradientPoint,
    extra_hooks: dict[str, Hook],
    extra_tensors: list[Tensor] | None = None,
) -> tuple[GradientCapture, GradientCapture]:
    """One forward and backward pass at a point.

    Args:
        setting: Model, task, metric and ablation.
        batch: A batch of the task.
        point: Where the gradient is taken.
        extra_hooks: Further hooks of the pass.
        extra_tensors: A list that the hooks fill with tensors whose gradients are wanted, too.

    Returns:
        The tensors of the pass, and their gradients.
    """
    part, clean, ablated = batch.task, batch.clean, batch.ablated

    def loss(logits: Tensor) -> Tensor:
        reference = logits.detach() if clean.logits is None else clean.logits
        return setting.compute_metric(logits, part, reference).sum()

    def start(embed: Tensor) -> Tensor:
        return ablated.embed + point.clean_fraction * (embed - ablated.embed)

    return run_backward(
        batch.model,
        part.corrupted if point.corrupted else part.clean,
        part.lengths - 1,
        loss,
        replace_embedding=start if point.clean_fraction != 1.0 else None,
        extra_hooks={**extra_hooks, **point.hooks},
        first_changed_position=ablated.first_changed_position,
        extra_tensors=extra_tensors,
    )
