"""Attribution patching: each node's effect to first order, also by position, from one backward pass."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from circuitviz.discovery.ablation_values import ablation_values
from circuitviz.discovery.gradients import ActivationDeltas, add_edge_scores, run_backward
from circuitviz.discovery.registry import TaskSetting, methods
from circuitviz.graph import Scores
from circuitviz.models import Activations, Model
from circuitviz.models.batching import run_in_batches
from circuitviz.models.buffers import BufferPool
from circuitviz.models.sender_activations import head_rows, mlp_row, recording_hooks
from circuitviz.options import NoOptions
from circuitviz.progress import Progress, ProgressSteps


@methods.register(
    "attribution-patching",
    summary="Each node's effect to first order, and by token position; edges as in EAP",
    reference="Nanda 2023; Syed et al. 2023",
    options=NoOptions,
    smooth=True,
    select="nodes",
)
def attribution_patching(setting: TaskSetting, options: NoOptions) -> ProgressSteps[Scores]:
    """s(u, t) = mean over prompts of (z_u − a_u) · ∂L/∂z_u at position t and the clean input.

    A node's attribution, the sum over positions, is the sum of its outgoing edges' EAP scores. Source:
    [nanda2023attribution], [syed2023attribution].
    """
    model, task = setting.model, setting.task
    values = ablation_values(model, task, setting.ablation)
    total = torch.zeros(model.graph.mask.shape, dtype=torch.float64, device=model.device)
    places = np.zeros((len(model.graph.senders), task.clean.shape[1]))
    done, scratch = 0, BufferPool()

    def work(rows: range) -> ProgressSteps[None]:
        nonlocal done
        part, clean = task.subset(rows), Activations(torch.empty(0), [], [])
        ablated = values(part)

        def loss(logits: Tensor) -> Tensor:
            return setting.compute_metric(logits, part, logits.detach()).sum()

        tape, gradients = run_backward(
            model, part.clean, part.lengths - 1, loss,
            extra_hooks=recording_hooks(model, clean), first_changed_position=ablated.first_changed_position, at_sender_outputs=True,
        )  # fmt: skip
        differences = ActivationDeltas.between(model, clean, ablated, scratch)
        add_edge_scores(model, differences, tape, gradients, total, 1.0, scratch)
        places[:, differences.first_changed_position :] += _attribution_by_position(
            model, differences, gradients.sender_outputs
        )
        done += len(part)
        scores = Scores(model.graph, (total / done).cpu().numpy(), "", partial=True, positions=places / done)
        yield Progress(done, len(task), f"{done} of {len(task)} prompts", scores)

    yield from run_in_batches(model, len(task), task.clean.shape[1], work)
    return Scores(
        model.graph,
        (total / len(task)).cpu().numpy(),
        "attribution-patching",
        positions=places / len(task),
    )


def _attribution_by_position(
    model: Model, differences: ActivationDeltas, outputs: list[Tensor]
) -> NDArray[np.float64]:
    """Sum over prompts of delta · gradient at what each sender writes, float64 [senders, time]."""
    found = torch.zeros(differences.values.shape[0], differences.values.shape[2], dtype=torch.float64)

    def add(rows: slice, gradient: Tensor) -> None:
        values, later = differences.values[rows], gradient[:, differences.first_changed_position :]
        found[rows] = torch.einsum("sbtd,btd->st", values, later).double().cpu()

    add(slice(0, 1), outputs[0])
    each = 2 if model.shape.mlp and not model.shape.parallel else 1
    for layer in range(model.shape.n_layers):
        at = 1 + layer * each
        add(head_rows(model, layer), outputs[at])
        if model.shape.mlp:
            row = mlp_row(model, layer)
            add(slice(row, row + 1), outputs[at + each - 1])
    return found.numpy()
