"""Outputs at positions before the first that differs, which all passes over a batch share.

Clean and corrupted prompts begin alike, and attention looks back only. So queries, keys, values and outputs
of MLPs at these positions are computed in the first pass and reused in the others.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial

import torch
from torch import Tensor

from circuitviz.models.forward_overrides import ForwardOverrides, OriginalForward, ReplacementForward
from circuitviz.models.model import Model

EarlierOutputs = Mapping[tuple[int, str], Tensor]
"""By layer and ``q``, ``k``, ``v`` or ``mlp``: [batch, positions before the first that differs, width]."""


def keep_earlier_outputs(
    model: Model, first_position: int, kept: dict[tuple[int, str], Tensor]
) -> ForwardOverrides:
    """Overrides of a pass that store the outputs before a position.

    Args:
        model: The model.
        first_position: The first position that differs.
        kept: Where the outputs are stored.
    """
    return _override_parts(model, lambda part: partial(_keep, first_position, kept, part))


def reuse_earlier_outputs(model: Model, earlier: EarlierOutputs) -> ForwardOverrides:
    """Overrides of a pass that take stored outputs, and compute those of later positions alone."""
    return _override_parts(model, lambda part: partial(join_earlier_output, earlier[part]))


def join_earlier_output(earlier: Tensor, original: OriginalForward, x: Tensor) -> Tensor:
    """A module's output [batch, time, width], computed from the end of ``earlier`` on."""
    if not earlier.shape[1]:
        return original(x)
    return torch.cat([earlier, original(x[:, earlier.shape[1] :].contiguous())], 1)


def _override_parts(
    model: Model, replace: Callable[[tuple[int, str]], ReplacementForward]
) -> ForwardOverrides:
    overrides = ForwardOverrides()
    for layer in range(model.shape.n_layers):
        for channel in "qkv":
            overrides.projections[layer, channel] = replace((layer, channel))
        if model.shape.mlp:
            overrides.mlps[layer] = replace((layer, "mlp"))
    return overrides


def _keep(
    first_position: int,
    kept: dict[tuple[int, str], Tensor],
    part: tuple[int, str],
    original: OriginalForward,
    x: Tensor,
) -> Tensor:
    output = original(x)
    kept[part] = output[:, :first_position].clone()  # or all positions stay in memory
    return output
