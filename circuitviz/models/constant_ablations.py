"""Ablation values that are the same for every prompt: zero and means (methods.md, Ablation)."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from circuitviz.errors import InputError, suggest_name
from circuitviz.models.model import Model
from circuitviz.models.sender_activations import Activations, record_activations

OPTIMAL_ABLATION = "optimal"
ABLATIONS = ("corrupted", "zero", "mean", "mean-positional", OPTIMAL_ABLATION)


def check_ablation(name: str) -> str:
    """Return the name of an ablation unchanged.

    Raises:
        InputError: There is no such ablation.
    """
    if name not in ABLATIONS:
        raise InputError(
            f"There is no ablation '{name}'; there is {', '.join(ABLATIONS)}." + suggest_name(name, ABLATIONS)
        )
    return name


def zero_activations(model: Model, like: Tensor) -> Activations:
    """Zero outputs of all senders; the output bias of an MLP is zero, too.

    Position embeddings and the attention output bias belong to no sender and stay.

    Args:
        model: The model.
        like: A tensor of the wanted device and dtype.
    """
    shape, width = model.shape, model.shape.d_model
    z = like.new_zeros(1, 1, shape.n_heads, model.layers[0].o.shape[1])
    zero = like.new_zeros(1, 1, width)
    return Activations(zero, [z] * shape.n_layers, [zero] * (shape.n_layers if shape.mlp else 0))


def mean_activations(model: Model, batches: Iterator[tuple[Tensor, Tensor]], positional: bool) -> Activations:
    """Mean output of every sender over prompts; padding never enters a mean.

    Args:
        model: The model.
        batches: Pairs of tokens [batch, time] and lengths [batch].
        positional: One mean per position, over the prompts that reach it, instead of one over all positions.
    """
    total: Activations | None = None
    count: Tensor | None = None
    for tokens, lengths in batches:
        outputs = record_activations(model, tokens, lengths - 1)
        is_token = torch.arange(tokens.shape[1], device=tokens.device)[None] < lengths[:, None]
        axes = (0,) if positional else (0, 1)

        def sum_tokens(x: Tensor, is_token: Tensor = is_token, axes: tuple[int, ...] = axes) -> Tensor:
            mask = is_token.view(*is_token.shape, *[1] * (x.dim() - 2))
            return (x * mask).sum(axes, keepdim=True)

        sums = Activations(
            sum_tokens(outputs.embed),
            [sum_tokens(z) for z in outputs.z],
            [sum_tokens(m) for m in outputs.mlp],
        )
        n_summed = sum_tokens(torch.ones_like(outputs.embed[..., :1]))
        total = sums if total is None else _add_activations(total, sums)
        count = n_summed if count is None else count + n_summed
    assert total is not None and count is not None
    scale = 1 / count.clamp_min(1)
    return Activations(
        total.embed * scale,
        [z * scale[..., None] for z in total.z],
        [m * scale for m in total.mlp],
    )


def _add_activations(a: Activations, b: Activations) -> Activations:
    return Activations(
        a.embed + b.embed,
        [x + y for x, y in zip(a.z, b.z, strict=True)],
        [x + y for x, y in zip(a.mlp, b.mlp, strict=True)],
    )
