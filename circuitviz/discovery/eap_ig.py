"""EAP with integrated gradients: the gradient is averaged on the way from corrupted to clean input,
so that a saturated component is not overlooked."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from circuitviz.discovery.ablation_values import ablation_values
from circuitviz.discovery.gradients import Differences, add_scores, backward
from circuitviz.discovery.registry import Setting, methods
from circuitviz.graph import Scores
from circuitviz.models import record
from circuitviz.models.batches import batches
from circuitviz.options import option
from circuitviz.progress import Progress, Steps

RULES = ("left", "midpoint", "right")


@dataclass(frozen=True)
class EapIgOptions:
    """How the path from the ablated to the clean input is walked."""

    steps: int = option(5, "points on the way from the ablated to the clean input", low=1, high=1000)
    rule: str = option(
        "left",
        "where in each interval the gradient is taken: left is the authors' code (k = 0 … m−1), "
        "right the paper (k = 1 … m), midpoint the most exact",
        choices=RULES,
    )


@methods.register(
    "eap-ig",
    summary="EAP with integrated gradients over the input: more faithful circuits",
    reference="Hanna et al. 2024",
    options=EapIgOptions,
    smooth=True,
)
def integrated_gradients(setting: Setting, options: EapIgOptions) -> Steps[Scores]:
    """EAP with ∂L/∂x_v averaged over ``input`` at a + (k/m)(z − a)."""
    model, task = setting.model, setting.task
    total = torch.zeros(model.graph.mask.shape, dtype=torch.float64, device=model.device)
    values, done = ablation_values(model, task, setting.ablation), 0
    shift = {"left": 0.0, "midpoint": 0.5, "right": 1.0}[options.rule]
    for rows in batches(model, len(task), task.clean.shape[1]):
        part = task.subset(rows)
        ablated = values(part)
        clean = record(model, part.clean, part.lengths - 1)
        differences = Differences.between(model, clean, ablated)
        before = total.clone()
        for step in range(options.steps):
            share = (step + shift) / options.steps
            tape, gradients = backward(
                model,
                part.clean,
                part.lengths - 1,
                lambda logits, part=part, clean=clean: setting.measure(  # type: ignore[misc]
                    logits, part, clean.logits
                ).sum(),
                begin=lambda embed, share=share, ablated=ablated: _between(  # type: ignore[misc]
                    ablated.embed, embed, share
                ),
            )
            add_scores(model, differences, tape, gradients, total, 1 / options.steps)
            so_far = before + (total - before) * options.steps / (step + 1)
            yield Progress(
                done + len(part) * (step + 1) / options.steps,
                len(task),
                f"step {step + 1} of {options.steps}",
                Scores(
                    model.graph,
                    (so_far / (done + len(part))).cpu().numpy(),
                    "eap-ig",
                    partial=True,
                ),
            )
        done += len(part)
    return Scores(model.graph, (total / len(task)).cpu().numpy(), "eap-ig")


def _between(start: Tensor, end: Tensor, share: float) -> Tensor:
    return start + share * (end - start)
