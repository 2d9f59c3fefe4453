"""AtP*: EAP whose query and key edges are exact in the attention pattern.

Where a softmax is saturated its gradient is near 0, and EAP overlooks what a query or key is made of. AtP*
computes the pattern anew. GradDrop, an option, is for effects that cancel out in the gradient.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from circuitviz.discovery.activation_deltas import ActivationDeltas
from circuitviz.discovery.averaged_gradients import GradientPoint, TaskBatch, compute_gradients
from circuitviz.discovery.batch_ablation_values import ablation_values
from circuitviz.discovery.device_results import FetchTimer
from circuitviz.discovery.gradients import GradientCapture, add_edge_scores
from circuitviz.discovery.pattern_effects import PatternEffects, heads_of_copies
from circuitviz.discovery.registry import TaskSetting, methods
from circuitviz.discovery.search_cost import PassCount, changed_share, count_gradient_passes
from circuitviz.graph import Graph, Scores
from circuitviz.models import Activations, Model
from circuitviz.models.batching import run_in_batches
from circuitviz.models.buffers import BufferPool
from circuitviz.models.forward_overrides import Hook
from circuitviz.models.sender_activations import head_rows, recording_hooks
from circuitviz.options import option
from circuitviz.progress import Progress, ProgressSteps

METHOD_NAME = "atp-star"
ATTENTION_OVERHEAD = 1.0  # of a copy's attention, to its product with the query's or key's weights: measured


@dataclass(frozen=True)
class AtpStarOptions:
    """Whether cancelling effects are looked for."""

    grad_drop: bool = option(
        False, "GradDrop: a gradient for each layer that is left out of it, and the mean of the |scores|"
    )


@methods.register(
    METHOD_NAME,
    summary="EAP with the softmax recomputed for edges into queries and keys",
    reference="Kramár et al. 2024",
    use="For what heads attend by, where patterns are saturated; takes about as long as EAP-IG",
    options=AtpStarOptions,
    smooth=True,
    at_clean=lambda options: True,
    count_passes=lambda setting, options: _count_passes(setting, options),
)
def atp_star(setting: TaskSetting, options: AtpStarOptions) -> ProgressSteps[Scores]:
    """EAP, but for edges into queries and keys the mean over prompts of Σ over positions (z − z′) · ∂L/∂z.

    z is the head's output at each position before W_O, z′ that of the run in which the edge alone is ablated:
    x_v − (z_u − a_u) through a fresh normalisation, the softmax recomputed. Where heads share a
    normalisation, the edge changes the outputs of other heads, too, and the sum is over all heads of the
    layer.

    With GradDrop, s is the mean over layers of |the score whose gradient does not pass what that layer's
    attention and MLP write|, with the sign of the mean score; the layer of v itself is left out. The paper
    takes absolute values for each prompt; here they are taken of means over the task, like every score.
    Source: [kramar2024atp].
    """
    model, task = setting.model, setting.task
    values_for = ablation_values(model, task, setting.ablation)
    points = _gradient_points(model, options.grad_drop)
    total = torch.zeros(len(points), *model.graph.mask.shape, dtype=torch.float64, device=model.device)
    prompts_done, buffers, timer = 0, BufferPool(), FetchTimer(model.device)
    n_layers, copies = model.shape.n_layers, heads_of_copies(model)

    def run_batch(rows: range) -> ProgressSteps[None]:
        nonlocal prompts_done
        subtask = task.subset(rows)
        batch = TaskBatch(model, subtask, Activations(torch.empty(0), [], []), values_for(subtask))
        batch_scores, n_prompts = torch.zeros_like(total), prompts_done + len(subtask)
        head_gradients: list[list[Tensor]] = []
        deltas: ActivationDeltas | None = None
        for number, point in enumerate(points):
            capture, gradients = _take_gradients(setting, batch, point)
            deltas = deltas or ActivationDeltas.from_activations(model, batch.clean, batch.ablated, buffers)
            add_edge_scores(model, deltas, capture, gradients, batch_scores[number], 1.0, buffers)
            head_gradients.append(gradients.extra)
            message = f"gradient {number + 1} of {len(points)}, {n_prompts} of {len(task)} prompts"
            share = 0.5 * (number + 1) / len(points) if options.grad_drop else 0.1
            yield Progress(prompts_done + share * len(subtask), len(task), message)
        assert deltas is not None
        effects = PatternEffects(model, deltas, [stream.detach() for stream in capture.resid_pre], copies)
        for layer in reversed(range(n_layers)):
            of_losses = torch.stack([gradients[layer] for gradients in head_gradients])
            for senders, receivers, values in effects.of_layer(layer, of_losses):
                batch_scores[:, senders, receivers] = values
                yield Progress(prompts_done + share * len(subtask), len(task), f"patterns of layer {layer}")
            done = share + (1 - share) * (n_layers - layer) / n_layers
            partial = None
            if timer.is_due():
                means = ((total + batch_scores) / n_prompts).cpu().numpy()
                partial = Scores(model.graph, _join_losses(model.graph, means), METHOD_NAME, partial=True)
            message = f"patterns of layer {layer}, {n_prompts} of {len(task)} prompts"
            yield Progress(prompts_done + done * len(subtask), len(task), message, partial)
        total.add_(batch_scores)
        prompts_done = n_prompts

    shape = model.shape
    held_gradients = len(points) * n_layers * shape.n_heads * model.layers[0].o.shape[1]
    held_tensors = 1.5 + held_gradients / (len(model.graph.senders) * shape.d_model)
    yield from run_in_batches(model, len(task), task.clean.shape[1], run_batch, held_tensors)
    values = _join_losses(model.graph, (total / len(task)).cpu().numpy())
    return Scores(model.graph, values, METHOD_NAME)


def _gradient_points(model: Model, has_drops: bool) -> list[GradientPoint]:
    """The clean run, or once for each layer with a gradient that does not pass what the layer writes."""
    if not has_drops:
        return [GradientPoint()]
    points = []
    for weights in model.layers:
        names = [weights.attn_out_hook, *([weights.mlp_out_hook] if model.shape.mlp else [])]
        points.append(GradientPoint(hooks=dict.fromkeys(names, torch.Tensor.detach)))
    return points


def _take_gradients(
    setting: TaskSetting, batch: TaskBatch, point: GradientPoint
) -> tuple[GradientCapture, GradientCapture]:
    """A pass at a point, with ∂L/∂z of each layer as further gradients; senders are recorded in the first."""
    outputs = (
        batch.clean
        if batch.clean.logits is None and not batch.clean.z
        else Activations(torch.empty(0), [], [])
    )
    hooks, extra = recording_hooks(setting.model, outputs), list[Tensor]()
    for layer in range(setting.model.shape.n_layers):
        hooks[f"blocks.{layer}.attn.hook_z"] = _keep_both(outputs.z, extra)
    return compute_gradients(setting, batch, point, hooks, extra_tensors=extra)


def _keep_both(detached: list[Tensor], in_pass: list[Tensor]) -> Hook:
    """A hook that keeps a tensor, and puts it into the pass: it may be a reshaped copy without gradient."""

    def keep(z: Tensor) -> Tensor:
        detached.append(z.detach())
        in_pass.append(z)
        return z

    return keep


def _join_losses(graph: Graph, scores: NDArray[np.float64]) -> NDArray[np.float64]:
    """One score [senders, receivers] from those of several gradients [losses, senders, receivers]."""
    if len(scores) == 1:
        return np.asarray(scores[0])
    n_counted = np.full(len(graph.receivers), max(1, len(scores) - 1))  # a layer's own gradient is 0
    n_counted[-1] = len(scores)
    sign = np.where(scores.sum(axis=0) < 0, -1.0, 1.0)
    return np.asarray(sign * np.abs(scores).sum(axis=0) / n_counted)


def _count_passes(setting: TaskSetting, options: AtpStarOptions) -> PassCount:
    """Each sender before a layer is a run of its attention for queries and one for keys, or for each head."""
    model = setting.model
    points = _gradient_points(model, options.grad_drop)
    gradients = count_gradient_passes(setting, 1, len(points), keeps_earlier=False)
    copies = heads_of_copies(model)
    n_products = sum(
        head_rows(model, layer).start * len(copies[layer, channel]) * matrix.numel()
        for layer, weights in enumerate(model.layers)
        for channel, matrix in (("q", weights.q), ("k", weights.k))
    )
    n_weights = sum(p.numel() for block in model.bridge.blocks for p in block.parameters() if p.dim() > 1)
    attention = ATTENTION_OVERHEAD * changed_share(setting) * n_products / n_weights
    return PassCount(gradients.forwards + attention, gradients.backwards)
