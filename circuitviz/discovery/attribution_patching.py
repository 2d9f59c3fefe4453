"""Attribution patching: each node's effect to first order, also by position, from one backward pass."""

from __future__ import annotations

import torch
from torch import Tensor

from circuitviz.discovery.activation_deltas import ActivationDeltas
from circuitviz.discovery.batch_ablation_values import ablation_values
from circuitviz.discovery.gradients import add_edge_scores, run_backward
from circuitviz.discovery.registry import TaskSetting, methods
from circuitviz.discovery.search_cost import count_gradient_passes
from circuitviz.graph import Scores
from circuitviz.models import Activations, Model
from circuitviz.models.batching import run_in_batches
from circuitviz.models.buffers import BufferPool
from circuitviz.models.sender_activations import head_rows, mlp_row, recording_hooks
from circuitviz.options import NoOptions
from circuitviz.progress import Progress, ProgressSteps


@methods.register(
    "attribution-patching",
    summary="First-order effect of each node, also by token position; edge scores as in EAP",
    reference="Nanda 2023; Syed et al. 2023",
    use="For a first look at a large model: nodes by one backward pass, approximately",
    options=NoOptions,
    smooth=True,
    at_clean=lambda options: True,
    select="nodes",
    count_passes=lambda setting, options: count_gradient_passes(setting, 1, 1, keeps_earlier=False),
)
def attribution_patching(setting: TaskSetting, options: NoOptions) -> ProgressSteps[Scores]:
    """s(u, t) = mean over prompts of (z_u − a_u) · ∂L/∂z_u at position t and the clean input.

    A node's attribution, the sum over positions, is the sum of its outgoing edges' EAP scores. Source:
    [nanda2023attribution], [syed2023attribution].
    """
    model, task = setting.model, setting.task
    values_for = ablation_values(model, task, setting.ablation)
    total = torch.zeros(model.graph.mask.shape, dtype=torch.float64, device=model.device)
    position_scores = total.new_zeros(len(model.graph.senders), task.clean.shape[1])
    prompts_done, buffers = 0, BufferPool()

    def run_batch(rows: range) -> ProgressSteps[None]:
        nonlocal prompts_done
        subtask, clean = task.subset(rows), Activations(torch.empty(0), [], [])
        ablated = values_for(subtask)

        def loss(logits: Tensor) -> Tensor:
            return setting.compute_metric(logits, subtask, logits.detach()).sum()

        capture, gradients = run_backward(
            model,
            subtask.clean,
            subtask.lengths - 1,
            loss,
            extra_hooks=recording_hooks(model, clean),
            first_changed_position=ablated.first_changed_position,
            at_sender_outputs=True,
        )
        deltas = ActivationDeltas.from_activations(model, clean, ablated, buffers)
        add_edge_scores(model, deltas, capture, gradients, total, 1.0, buffers)
        position_scores[:, deltas.first_changed_position :] += _attribution_by_position(
            model, deltas, gradients.sender_outputs
        )
        prompts_done += len(subtask)
        scores = Scores(
            model.graph,
            (total / prompts_done).cpu().numpy(),
            "",
            partial=True,
            positions=(position_scores / prompts_done).cpu().numpy(),
        )
        yield Progress(prompts_done, len(task), f"{prompts_done} of {len(task)} prompts", scores)

    yield from run_in_batches(model, len(task), task.clean.shape[1], run_batch)
    return Scores(
        model.graph,
        (total / len(task)).cpu().numpy(),
        "attribution-patching",
        positions=(position_scores / len(task)).cpu().numpy(),
    )


def _attribution_by_position(model: Model, deltas: ActivationDeltas, outputs: list[Tensor]) -> Tensor:
    """Sum over prompts of delta · gradient at what each sender writes, float64 [senders, time]."""
    senders, _, time = deltas.values.shape[:3]
    attribution = torch.zeros(senders, time, dtype=torch.float64, device=deltas.values.device)

    def add(rows: slice, gradient: Tensor) -> None:
        values, from_change = deltas.values[rows], gradient[:, deltas.first_changed_position :]
        attribution[rows] = torch.einsum("sbtd,btd->st", values, from_change).double()

    add(slice(0, 1), outputs[0])
    outputs_per_layer = 2 if model.shape.mlp and not model.shape.parallel else 1
    for layer in range(model.shape.n_layers):
        output_row = 1 + layer * outputs_per_layer
        add(head_rows(model, layer), outputs[output_row])
        if model.shape.mlp:
            row = mlp_row(model, layer)
            add(slice(row, row + 1), outputs[output_row + outputs_per_layer - 1])
    return attribution
