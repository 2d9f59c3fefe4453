"""Direct logit attribution of all nodes to the difference of correct and incorrect answers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from circuitviz.errors import InputError
from circuitviz.lens.direct_logits import mean_unembedding
from circuitviz.models import Model, record_activations
from circuitviz.models.sender_activations import head_rows, mlp_row
from circuitviz.progress import Progress, ProgressSteps
from circuitviz.tasks import Task

PROMPTS_PER_STEP = 16  # cancelling waits for the end of a step


@dataclass(frozen=True)
class DirectLogitAttribution:
    """Direct logit attribution of every sender.

    Attributes:
        names: Names of the senders.
        values: The correct minus the incorrect answers' mean logit that a sender contributes at the answer
            position, in logits, [senders, prompts].
        prompts: Numbers of the prompts in the task.
    """

    names: list[str]
    values: NDArray[np.float64]
    prompts: tuple[int, ...]

    @property
    def mean(self) -> NDArray[np.float64]:
        """Mean over the prompts, [senders]."""
        return self.values.mean(axis=1)


def direct_logit_attribution_steps(
    model: Model, task: Task, prompts: Sequence[int] | None = None
) -> ProgressSteps[DirectLogitAttribution]:
    """Direct logit attribution on prompts of a task.

    A node's output at the answer position, divided by the final normalisation's scale of the run, times the
    difference of the answers' mean unembedding rows; before any soft cap of the logits, where contributions
    add up [elhage2021mathematical].

    Args:
        model: The model.
        task: The task.
        prompts: Numbers of the prompts; all by default.

    Raises:
        InputError: A prompt has no incorrect answers.
    """
    if not task.two_sided:
        raise InputError(
            f"The task '{task.name}' has prompts without incorrect answers; direct logit attribution "
            "compares correct with incorrect ones, so a task that has both would be right."
        )
    numbers = range(len(task)) if prompts is None else tuple(prompts)
    task = task.to(model.device)
    values = np.zeros((len(model.graph.senders), len(numbers)))
    for first in range(0, len(numbers), PROMPTS_PER_STEP):
        chosen = numbers[first : first + PROMPTS_PER_STEP]
        values[:, first : first + len(chosen)] = (
            _attribute_batch(model, task.subset(chosen)).double().cpu().numpy()
        )
        n_done = first + len(chosen)
        yield Progress(n_done, len(numbers), f"{n_done} of {len(numbers)} prompts")
    return DirectLogitAttribution(list(model.graph.senders), values, tuple(numbers))


@torch.no_grad()
def _attribute_batch(model: Model, batch: Task) -> Tensor:
    """Direct logit attribution of a few prompts, [senders, batch]."""
    final_residuals: list[Tensor] = []
    positions = batch.lengths - 1
    rows = torch.arange(len(batch), device=batch.clean.device)
    with model.hooks({"ln_final.hook_in": final_residuals.append}):
        run = record_activations(model, batch.clean, positions)
    norm = model.final_norm
    _, inverse = norm.normalise_parts(final_residuals[0][rows, positions])
    logit_direction = mean_unembedding(model, batch.correct) - mean_unembedding(model, batch.incorrect)
    direction = logit_direction * norm.weight
    if norm.is_centred:  # centring the output equals centring the direction
        direction = direction - direction.mean(-1, keepdim=True)
    direction = direction * inverse
    attributions = direction.new_zeros(len(model.graph.senders), len(batch))
    attributions[0] = (run.embed[rows, positions] * model.embed_scale * direction).sum(-1)
    for layer, weights in enumerate(model.layers):
        head_direction = torch.einsum("hed,bd->bhe", weights.o, direction)
        attributions[head_rows(model, layer)] = (run.z[layer][rows, positions] * head_direction).sum(-1).T
        if model.shape.mlp:
            attributions[mlp_row(model, layer)] = (run.mlp[layer][rows, positions] * direction).sum(-1)
    return attributions
