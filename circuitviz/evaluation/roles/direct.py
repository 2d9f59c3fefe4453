"""What heads write to the logits directly, in the model as it is or with some heads taken out."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import numpy as np
import torch
from torch import Tensor

from circuitviz.errors import InputError
from circuitviz.evaluation.roles.registry import HeadScores
from circuitviz.models import Model, record
from circuitviz.models.activations import Activations, recording
from circuitviz.models.batches import batches
from circuitviz.models.model import Hook
from circuitviz.tasks import Task


@torch.no_grad()
def direct_effects(model: Model, task: Task, without: Sequence[str] = ()) -> HeadScores:
    """Direct logit attribution of every head to correct − incorrect, [heads, prompts].

    A head's output at the answer position through the final normalisation's scale of that run, on the
    direction mean correct − mean incorrect. ``without``: heads whose output is replaced by that on the
    corrupted prompt; what comes after them reacts.
    """
    if not task.two_sided:
        raise InputError(
            f"The task '{task.name}' has prompts without incorrect answers, so there is no direction from "
            "incorrect to correct that heads could write in."
        )
    found = []
    for rows in batches(model, len(task), task.clean.shape[1]):
        part = task.subset(rows)
        found.append(_effects(model, part, [model.graph.node(name) for name in without]))
    return np.concatenate(found, axis=1)


def _effects(model: Model, part: Task, gone: list[object]) -> HeadScores:
    at, each = part.lengths - 1, torch.arange(len(part), device=part.clean.device)
    other = record(model, part.corrupted, at) if gone else None
    run, seen = Activations(torch.empty(0), [], []), list[Tensor]()
    hooks: dict[str, Hook] = recording(model, run)
    hooks["ln_final.hook_in"] = seen.append
    for node in gone:
        layer, head = node.layer, node.head  # type: ignore[attr-defined]
        point = f"blocks.{layer}.attn.hook_z"
        assert other is not None
        hooks[point] = partial(_replaced, hooks[point], other.z[layer][:, :, head], head)
    with model.hooks(hooks):
        model.logits(part.clean, at)
    norm = model.final_norm
    _, inverse = norm.parts(seen[0][each, at])
    direction = (_mean(model, part.correct) - _mean(model, part.incorrect)) * norm.weight * inverse
    if norm.centred:
        direction = direction - direction.mean(-1, keepdim=True)
    effects = [
        torch.einsum("bhe,hed,bd->hb", z[each, at], weights.o, direction)
        for z, weights in zip(run.z, model.layers, strict=True)
    ]
    result: HeadScores = torch.cat(effects).double().cpu().numpy()
    return result


def _mean(model: Model, answers: Tensor) -> Tensor:
    """The mean unembedding of each prompt's answers, [batch, d]."""
    real = (answers >= 0)[..., None]
    return (model.unembedding[answers.clamp_min(0)] * real).sum(1) / real.sum(1)


def _replaced(inner: Hook, values: Tensor, head: int, z: Tensor) -> Tensor:
    """z with one head's replaced, shown to what hooked there before."""
    changed = z.clone()
    changed[:, :, head] = values
    again = inner(changed)
    return changed if again is None else again
