"""The loop of EAP and its variants, which differ only in the points at which the gradient is taken."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor

from circuitviz.discovery.activation_deltas import ActivationDeltas, SpanTokens
from circuitviz.discovery.backward_rules import BackwardRules
from circuitviz.discovery.batch_ablation_values import ablation_values
from circuitviz.discovery.device_results import FetchTimer
from circuitviz.discovery.gradients import GradientCapture, add_edge_scores, run_backward
from circuitviz.discovery.registry import TaskSetting
from circuitviz.graph import Scores
from circuitviz.models import Activations, Model, record_activations
from circuitviz.models.batching import run_in_batches
from circuitviz.models.buffers import BufferPool
from circuitviz.models.earlier_outputs import reuse_earlier_outputs
from circuitviz.models.forward_overrides import Hook
from circuitviz.models.sender_activations import recording_hooks
from circuitviz.progress import Progress, ProgressSteps
from circuitviz.tasks import Task


@dataclass(frozen=True, eq=False)
class GradientPoint:
    """One pass in which the gradient is taken.

    Attributes:
        clean_fraction: Position of the embedding on the line from its ablation value (0) to the clean one
            (1).
        hooks: Further changes of the pass; they may be called twice.
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
    setting: TaskSetting,
    method: str,
    points: PointChooser,
    first_point_is_clean: bool = False,
    rules: BackwardRules | None = None,
) -> ProgressSteps[Scores]:
    """s(u→v) = mean over prompts of Σ over positions (z_u − a_u) · (mean over the points of ∂L/∂x_v).

    Args:
        setting: Model, task, metric and ablation.
        method: Name of the method.
        points: Chooses the points for a batch.
        first_point_is_clean: Whether the first point is the clean pass, so that senders are recorded in it;
            otherwise a plain forward pass records them first.
        rules: What the backward pass does differently.

    Returns:
        Scores of all edges, by span where the setting has spans.
    """
    model, task = setting.model, setting.task
    values_for = ablation_values(model, task, setting.ablation, keeps_earlier=True)
    sizes = (*(() if setting.spans is None else (len(setting.spans),)), *model.graph.mask.shape)
    total = torch.zeros(sizes, dtype=torch.float64, device=model.device)
    prompts_done, buffers, timer = 0, BufferPool(), FetchTimer(model.device)

    def run_batch(rows: range) -> ProgressSteps[None]:
        nonlocal prompts_done
        subtask = task.subset(rows)
        batch = TaskBatch(model, subtask, Activations(torch.empty(0), [], []), values_for(subtask))
        if first_point_is_clean:
            clean_gradients = compute_gradients(
                setting, batch, GradientPoint(), recording_hooks(model, batch.clean), rules=rules
            )
        else:
            earlier = batch.ablated.earlier_outputs
            overrides = reuse_earlier_outputs(model, earlier) if earlier else None
            batch.clean = record_activations(model, subtask.clean, subtask.lengths - 1, overrides)
            clean_gradients = None
        span_tokens = None
        if setting.spans is not None:
            span_tokens = SpanTokens.of_batch(subtask, setting.spans, batch.ablated.first_changed_position)
        deltas = ActivationDeltas.from_activations(model, batch.clean, batch.ablated, buffers, span_tokens)
        batch_scores, batch_points = torch.zeros_like(total), points(batch)
        for number, point in enumerate(batch_points, start=1):
            capture, gradients = clean_gradients or compute_gradients(setting, batch, point, {}, rules=rules)
            clean_gradients = None
            add_edge_scores(
                model, deltas, capture, gradients, batch_scores, 1 / len(batch_points), buffers,
                are_scales_constant=rules is not None,
            )  # fmt: skip
            del capture, gradients  # or they are there beside those of the next point
            partial_scores = None
            if timer.is_due():
                scaled_total = total + batch_scores * len(batch_points) / number
                means = scaled_total / (prompts_done + len(subtask))
                partial_scores = setting.make_scores(means, method, partial=True)
            message = f"{prompts_done + len(subtask)} of {len(task)} prompts"
            if len(batch_points) > 1:
                message = f"pass {number} of {len(batch_points)}, {message}"
            yield Progress(
                prompts_done + len(subtask) * number / len(batch_points), len(task), message, partial_scores
            )
        total.add_(batch_scores)
        prompts_done += len(subtask)

    yield from run_in_batches(model, len(task), task.clean.shape[1], run_batch)
    return setting.make_scores(total / len(task), method)


def compute_gradients(
    setting: TaskSetting,
    batch: TaskBatch,
    point: GradientPoint,
    extra_hooks: dict[str, Hook],
    extra_tensors: list[Tensor] | None = None,
    rules: BackwardRules | None = None,
) -> tuple[GradientCapture, GradientCapture]:
    """One forward and backward pass at a point.

    Args:
        setting: Model, task, metric and ablation.
        batch: A batch of the task.
        point: Where the gradient is taken.
        extra_hooks: Further hooks of the pass, each called once.
        extra_tensors: A list that the hooks fill with tensors whose gradients are wanted, too.
        rules: What the backward pass does differently.

    Returns:
        The tensors of the pass, and their gradients.
    """
    subtask, clean, ablated = batch.task, batch.clean, batch.ablated

    def loss(logits: Tensor) -> Tensor:
        if clean.logits is None:  # this is the clean pass: later points are compared with it
            clean.logits = logits.detach()
        return setting.compute_metric(logits, subtask, clean.logits).sum()

    def start(embed: Tensor) -> Tensor:
        return ablated.embed + point.clean_fraction * (embed - ablated.embed)

    return run_backward(
        batch.model,
        subtask.corrupted if point.corrupted else subtask.clean,
        subtask.lengths - 1,
        loss,
        replace_embedding=start if point.clean_fraction != 1.0 else None,
        extra_hooks=extra_hooks,
        changes=point.hooks,
        first_changed_position=ablated.first_changed_position,
        earlier_outputs=ablated.earlier_outputs,
        extra_tensors=extra_tensors,
        rules=rules,
    )
