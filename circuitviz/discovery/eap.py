"""Edge attribution patching: every edge's effect to first order, from one backward pass."""

from __future__ import annotations

import torch

from circuitviz.discovery.ablation_values import ablation_values
from circuitviz.discovery.gradients import Differences, add_scores, backward
from circuitviz.discovery.registry import Setting, methods
from circuitviz.graph import Scores
from circuitviz.models import Activations, record
from circuitviz.models.batches import batches
from circuitviz.models.model import Hook
from circuitviz.options import NoOptions
from circuitviz.progress import Progress, Steps


@methods.register(
    "eap",
    summary="Edge attribution patching: two forwards and one backward for all edges",
    reference="Syed et al. 2023",
    options=NoOptions,
    smooth=True,
)
def edge_attribution_patching(setting: Setting, options: NoOptions) -> Steps[Scores]:
    """s(u→v) = mean over prompts of Σ over positions (z_u − a_u) · ∂L/∂x_v at the clean input."""
    model, task = setting.model, setting.task
    total = torch.zeros(model.graph.mask.shape, dtype=torch.float64, device=model.device)
    values, done = ablation_values(model, task, setting.ablation), 0
    for rows in batches(model, len(task), task.clean.shape[1]):
        part = task.subset(rows)
        ablated = values(part)
        clean = Activations(torch.empty(0), [], [])
        reference = (
            record(model, part.clean, part.lengths - 1).logits if setting.needs_reference else None
        )
        tape, gradients = backward(
            model,
            part.clean,
            part.lengths - 1,
            lambda logits, part=part, reference=reference: setting.measure(  # type: ignore[misc]
                logits, part, reference
            ).sum(),
            also=_recording(setting, clean),
        )
        differences = Differences.between(model, clean, ablated)
        add_scores(model, differences, tape, gradients, total, 1.0)
        done += len(part)
        partial = Scores(model.graph, (total / done).cpu().numpy(), "eap", partial=True)
        yield Progress(done, len(task), f"{done} of {len(task)} prompts", partial)
    return Scores(model.graph, (total / len(task)).cpu().numpy(), "eap")


def _recording(setting: Setting, into: Activations) -> dict[str, Hook]:
    """Keep every sender's output in the pass that is differentiated anyway."""

    def embed(x: torch.Tensor) -> None:
        into.embed = x.detach()

    hooks: dict[str, Hook] = {"embed.hook_out": embed}
    for layer in range(setting.model.shape.n_layers):
        hooks[f"blocks.{layer}.attn.hook_z"] = lambda z: into.z.append(z.detach())
        if setting.model.shape.mlp:
            hooks[f"blocks.{layer}.mlp.hook_out"] = lambda m: into.mlp.append(m.detach())
    return hooks
