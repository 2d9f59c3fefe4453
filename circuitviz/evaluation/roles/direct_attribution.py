"""Direct logit attribution of heads over a task, in the model as it is or with some heads ablated."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from circuitviz.discovery import ablation_values
from circuitviz.errors import InputError
from circuitviz.graph import Node
from circuitviz.lens.direct_logits import mean_unembedding
from circuitviz.models import Model
from circuitviz.models.batching import split_batches
from circuitviz.models.model import Hook
from circuitviz.models.sender_activations import Activations, recording_hooks
from circuitviz.tasks import Task


@torch.no_grad()
def direct_logit_attributions(
    model: Model, task: Task, ablated_heads: Sequence[str] = (), ablation: str = "corrupted"
) -> NDArray[np.float64]:
    """Return the direct logit attribution of every head to correct − incorrect, [heads, prompts].

    A head's output at the answer position, through the final normalisation's scale of that run, on the
    direction mean correct − mean incorrect.

    Args:
        model: The model.
        task: The prompts; every one needs correct and incorrect answers.
        ablated_heads: Heads whose output is replaced by its ablation value; what comes after them reacts.
        ablation: Name of the ablation.

    Raises:
        InputError: A prompt has no incorrect answer.
    """
    if not task.two_sided:
        raise InputError(
            f"The task '{task.name}' has prompts without incorrect answers, so there is no direction from "
            "incorrect to correct that heads could write in."
        )
    values = ablation_values(model, task, ablation) if ablated_heads else None
    ablated_nodes = [model.graph.node(name) for name in ablated_heads]
    attributions = []
    for rows in split_batches(model, len(task), task.clean.shape[1]):
        batch = task.subset(rows)
        attributions.append(
            _batch_attributions(model, batch, ablated_nodes, values(batch) if values else None)
        )
    return np.concatenate(attributions, axis=1)


def _batch_attributions(
    model: Model, batch: Task, ablated_nodes: Sequence[Node], ablation_values: Activations | None
) -> NDArray[np.float64]:
    positions, batch_index = batch.lengths - 1, torch.arange(len(batch), device=batch.clean.device)
    run, final_stream = Activations(torch.empty(0), [], []), list[Tensor]()
    hooks: dict[str, Hook] = recording_hooks(model, run)
    hooks["ln_final.hook_in"] = final_stream.append
    for layer in {node.layer for node in ablated_nodes if node.layer is not None}:
        heads = [node.head for node in ablated_nodes if node.layer == layer and node.head is not None]
        assert ablation_values is not None
        hooks[model.layers[layer].attn_out_hook] = partial(
            _replace_heads, model, layer, heads, run, ablation_values
        )
    with model.hooks(hooks):
        model.logits(batch.clean, positions)
    norm = model.final_norm
    _, inverse = norm.normalise_parts(final_stream[0][batch_index, positions])
    direction = (
        (mean_unembedding(model, batch.correct) - mean_unembedding(model, batch.incorrect))
        * norm.weight
        * inverse
    )
    if norm.is_centred:
        direction = direction - direction.mean(-1, keepdim=True)
    effects = [
        torch.einsum("bhe,hed,bd->hb", z[batch_index, positions], weights.o, direction)
        for z, weights in zip(run.z, model.layers, strict=True)
    ]
    result: NDArray[np.float64] = torch.cat(effects).double().cpu().numpy()
    return result


def _replace_heads(
    model: Model, layer: int, heads: list[int], run: Activations, ablated: Activations, written: Tensor
) -> Tensor:
    """Return what a layer's attention writes with some heads' outputs replaced by their ablation values."""
    change = (ablated.z[layer] - run.z[layer])[:, :, heads]
    return written + torch.einsum("bthe,hed->btd", change, model.layers[layer].o[heads])
