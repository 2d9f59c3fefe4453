"""Information flow routes: what share of each input a sender is, without gradients or ablation."""

from __future__ import annotations

import torch
from torch import Tensor

from circuitviz.discovery.registry import Setting, methods
from circuitviz.graph import Scores
from circuitviz.models import Activations, fill_differences, zeros
from circuitviz.models.activations import head_rows, recording
from circuitviz.models.batches import in_batches
from circuitviz.models.model import Hook
from circuitviz.options import NoOptions
from circuitviz.progress import Progress, Steps


@methods.register(
    "information-flow-routes",
    summary="Each sender's share of what a receiver reads, by L1 proximity: one forward, no metric",
    reference="Ferrando and Voita 2024",
    options=NoOptions,
    metric_free=True,
)
def information_flow_routes(setting: Setting, options: NoOptions) -> Steps[Scores]:
    """s(u→v) = mean over positions of p_u / Σ p, where p_u = max(‖x_v‖₁ − ‖x_v − z_u‖₁, 0).

    x_v is what v reads before its normalisation, z_u what u writes, without biases; the mean is over a
    prompt's real positions, then over prompts. Neither metric nor ablation enters.
    """
    model, task = setting.model, setting.task
    nothing = zeros(model, model.unembedding)
    total = torch.zeros(model.graph.mask.shape, dtype=torch.float64, device=model.device)
    done = 0

    def work(rows: range) -> Steps[None]:
        nonlocal done
        part, clean = task.subset(rows), Activations(torch.empty(0), [], [])
        streams: dict[str, list[Tensor]] = {"attention": [], "middle": [], "final": []}
        hooks: dict[str, Hook] = recording(model, clean)
        hooks["ln_final.hook_in"] = streams["final"].append
        for layer in range(model.shape.n_layers):
            block = f"blocks.{layer}"
            hooks[f"{block}.hook_in"] = streams["attention"].append
            if model.shape.mlp and not model.shape.parallel:
                hooks[f"{block}.ln2.hook_in"] = streams["middle"].append
        with torch.no_grad(), model.hooks(hooks):
            model.logits(part.clean, part.lengths - 1)
        written = fill_differences(model, clean, nothing)
        real = torch.arange(part.clean.shape[1], device=model.device)[None] < part.lengths[:, None]
        weights = real / part.lengths[:, None]
        found, columns = torch.zeros_like(total), model.graph.receiver_index
        for layer in range(model.shape.n_layers):
            heads = head_rows(model, layer)
            share = _shares(written[: heads.start], streams["attention"][layer], weights)
            first = columns[f"a{layer}.h0<q>"]
            last = first + model.shape.n_heads + 2 * model.shape.kv_heads
            found[: heads.start, first:last] = share[:, None]
            if model.shape.mlp and model.shape.parallel:
                found[: heads.start, columns[f"m{layer}"]] = share
            elif model.shape.mlp:
                share = _shares(written[: heads.stop], streams["middle"][layer], weights)
                found[: heads.stop, columns[f"m{layer}"]] = share
        found[:, -1] = _shares(written, streams["final"][0], weights)
        total.add_(found)
        done += len(part)
        scores = Scores(model.graph, (total / done).cpu().numpy(), "", partial=True)
        yield Progress(done, len(task), f"{done} of {len(task)} prompts", scores)

    yield from in_batches(model, len(task), task.clean.shape[1], work, copies=2.5)
    return Scores(model.graph, (total / len(task)).cpu().numpy(), "information-flow-routes")


def _shares(written: Tensor, stream: Tensor, weights: Tensor) -> Tensor:
    """Each sender's share of a stream [batch, time, d], summed with weights [batch, time]: [senders]."""
    whole = stream.abs().sum(-1)
    near = torch.stack([(whole - (stream - out).abs().sum(-1)).clamp_min(0) for out in written])
    share = near / near.sum(0).clamp_min(1e-12)
    return (share.double() * weights).sum((1, 2))
