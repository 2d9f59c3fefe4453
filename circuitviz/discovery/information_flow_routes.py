"""Information flow routes: each sender's share of what a receiver reads, without gradients or ablation."""

from __future__ import annotations

import torch
from torch import Tensor

from circuitviz.discovery.registry import TaskSetting, methods
from circuitviz.discovery.search_cost import PassCount
from circuitviz.graph import Scores
from circuitviz.models import Activations, compute_sender_deltas, zero_activations
from circuitviz.models.batching import run_in_batches
from circuitviz.models.forward_overrides import Hook
from circuitviz.models.sender_activations import head_rows, recording_hooks
from circuitviz.options import NoOptions
from circuitviz.progress import Progress, ProgressSteps


@methods.register(
    "information-flow-routes",
    summary="Each sender's share of what a receiver reads, by L1 proximity: one forward pass, no metric",
    reference="Ferrando and Voita 2024",
    use="Without corrupted prompts or metric: what the model moves, not what the answer needs",
    options=NoOptions,
    metric_free=True,
    count_passes=lambda setting, options: PassCount(4.0),
)
def information_flow_routes(setting: TaskSetting, options: NoOptions) -> ProgressSteps[Scores]:
    """s(u→v) = mean over positions of p_u / Σ p, where p_u = max(‖x_v‖₁ − ‖x_v − z_u‖₁, 0).

    x_v is what v reads before its normalisation, z_u what u writes, without biases; the mean is over a
    prompt's real positions, then over prompts. Neither metric nor ablation enters. Source:
    [ferrando2024information].
    """
    model, task = setting.model, setting.task
    zero = zero_activations(model, model.empty_stream)
    total = torch.zeros(model.graph.mask.shape, dtype=torch.float64, device=model.device)
    prompts_done = 0

    def run_batch(rows: range) -> ProgressSteps[None]:
        nonlocal prompts_done
        subtask, clean = task.subset(rows), Activations(torch.empty(0), [], [])
        streams: dict[str, list[Tensor]] = {"attention": [], "middle": [], "final": []}
        hooks: dict[str, Hook] = recording_hooks(model, clean)
        hooks["ln_final.hook_in"] = streams["final"].append
        for layer in range(model.shape.n_layers):
            block = f"blocks.{layer}"
            hooks[f"{block}.hook_in"] = streams["attention"].append
            if model.shape.mlp and not model.shape.parallel:
                hooks[model.layers[layer].mlp_in_hook] = streams["middle"].append
        with torch.no_grad(), model.hooks(hooks):
            model.logits(subtask.clean, subtask.lengths - 1)
        written = compute_sender_deltas(model, clean, zero)
        is_token = torch.arange(subtask.clean.shape[1], device=model.device)[None] < subtask.lengths[:, None]
        weights = is_token / subtask.lengths[:, None]
        batch_shares, columns = torch.zeros_like(total), model.graph.receiver_index
        for layer in range(model.shape.n_layers):
            heads = head_rows(model, layer)
            share = _proximity_shares(written[: heads.start], streams["attention"][layer], weights)
            first = columns[f"a{layer}.h0<q>"]
            last = first + model.shape.n_heads + 2 * model.shape.kv_heads
            batch_shares[: heads.start, first:last] = share[:, None]
            if model.shape.mlp and model.shape.parallel:
                batch_shares[: heads.start, columns[f"m{layer}"]] = share
            elif model.shape.mlp:
                share = _proximity_shares(written[: heads.stop], streams["middle"][layer], weights)
                batch_shares[: heads.stop, columns[f"m{layer}"]] = share
        batch_shares[:, -1] = _proximity_shares(written, streams["final"][0], weights)
        total.add_(batch_shares)
        prompts_done += len(subtask)
        scores = Scores(model.graph, (total / prompts_done).cpu().numpy(), "", partial=True)
        yield Progress(prompts_done, len(task), f"{prompts_done} of {len(task)} prompts", scores)

    yield from run_in_batches(model, len(task), task.clean.shape[1], run_batch, held_tensors=2.5)
    return Scores(model.graph, (total / len(task)).cpu().numpy(), "information-flow-routes")


def _proximity_shares(written: Tensor, stream: Tensor, weights: Tensor) -> Tensor:
    """Each sender's share of a stream, summed with weights over prompts and positions, [senders].

    Args:
        written: What each sender writes [senders, batch, time, d_model].
        stream: The stream [batch, time, d_model].
        weights: Weights [batch, time].
    """
    norm = stream.abs().sum(-1)
    proximity = torch.stack([(norm - (stream - output).abs().sum(-1)).clamp_min(0) for output in written])
    share = proximity / proximity.sum(0).clamp_min(1e-12)
    return (share.double() * weights).sum((1, 2))
