"""Ablation values that are the same for every prompt: zero and means (methods.md, Ablation)."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from circuitviz.errors import InputError, suggest_name
from circuitviz.models.model import Model
from circuitviz.models.sender_activations import Activations, record_activations

ABLATIONS = ("corrupted", "zero", "mean", "mean-positional")


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
    nothing = like.new_zeros(1, 1, width)
    return Activations(nothing, [z] * shape.n_layers, [nothing] * (shape.n_layers if shape.mlp else 0))


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
        seen = record_activations(model, tokens, lengths - 1)
        real = torch.arange(tokens.shape[1], device=tokens.device)[None] < lengths[:, None]
        over = (0,) if positional else (0, 1)

        def summed(x: Tensor, real: Tensor = real, over: tuple[int, ...] = over) -> Tensor:
            mask = real.view(*real.shape, *[1] * (x.dim() - 2))
            return (x * mask).sum(over, keepdim=True)

        part = Activations(summed(seen.embed), [summed(z) for z in seen.z], [summed(m) for m in seen.mlp])
        number = summed(torch.ones_like(seen.embed[..., :1]))
        total = part if total is None else _add_activations(total, part)
        count = number if count is None else count + number
    assert total is not None and count is not None
    share = 1 / count.clamp_min(1)
    return Activations(
        total.embed * share,
        [z * share[..., None] for z in total.z],
        [m * share for m in total.mlp],
    )


def _add_activations(a: Activations, b: Activations) -> Activations:
    return Activations(
        a.embed + b.embed,
        [x + y for x, y in zip(a.z, b.z, strict=True)],
        [x + y for x, y in zip(a.mlp, b.mlp, strict=True)],
    )
