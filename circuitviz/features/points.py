"""Where in a pass a dictionary reads and writes, and in which form it reads what stands there."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial

import torch
from torch import Tensor

from circuitviz.features.dictionary import Dictionary
from circuitviz.models import Model
from circuitviz.models.model import Hook

Change = Callable[[Dictionary, Tensor, Tensor], Tensor | None]
"""(dictionary, what it reads [batch, time, d_in], what its site writes [batch, time, d_out]) → what the site
writes instead, None where that stays as it is."""


def value_bias(model: Model, layer: int) -> Tensor:
    """What is added to each head's value, whatever it reads: [head, d_head]."""
    bias = model.layers[layer].v_bias
    return bias.repeat_interleave(model.shape.n_heads // len(bias), dim=0)


@torch.no_grad()
def folded_value_bias(model: Model, one: Dictionary) -> Tensor:
    """What folding took out of the values that a dictionary of ``hook_z`` was trained on: [d_in].

    The bias of W_V, and with ``fold_ln`` also the normalisation's bias times W_V; zeros without folding.
    """
    layer, processing = one.site.layer, one.processing
    added = value_bias(model, layer)
    if not processing.fold_value_biases:
        return torch.zeros_like(added).flatten()
    if not processing.fold_ln:
        projection = model.bridge.blocks[layer].attn.v.original_component
        own = projection(added.new_zeros(1, model.shape.d_model)).view(-1, added.shape[1])
        added = own.repeat_interleave(len(added) // len(own), dim=0)
    return added.flatten()


def centred_as_written(model: Model, one: Dictionary, written: Tensor) -> Tensor:
    """What a site writes [..., d_out] as a dictionary should rebuild it: centred if it was trained so.

    TransformerLens centres writing weights only where the model's normalisations subtract the mean.
    """
    centres = one.processing.center_writing_weights and one.site.reads != "z"
    if not (centres and model.final_norm.centred and model.layers[one.site.layer].norm.centred):
        return written
    return written - written.mean(-1, keepdim=True)


def centred_as_read(model: Model, one: Dictionary, x: Tensor) -> Tensor:
    """The mean taken out of [..., d_in] where a dictionary reads the stream, or what is written, without it.

    It is its own transpose: encoder directions pass through it backwards.
    """
    return x if one.site.reads == "normalised" else centred_as_written(model, one, x)


def as_read(model: Model, one: Dictionary, found: Tensor) -> Tensor:
    """What a dictionary reads, in the form that it was trained on, [..., d_in].

    found: [..., d_in] as the model has it: all heads' values side by side, or what the site writes, or of a
    transcoder the stream before the MLP.
    """
    site = one.site
    if site.reads == "z":
        return found - folded_value_bias(model, one)
    if site.reads != "normalised":
        return centred_as_read(model, one, found)
    norm = model.layers[site.layer].mlp_norm
    assert norm is not None
    return norm.parts(found)[0] if one.processing.fold_ln else norm(found)


def site_hooks(model: Model, dictionaries: Iterable[Dictionary], change: Change) -> dict[str, Hook]:
    """Hooks that show ``change`` what each site reads and writes in the very pass; one dictionary a site."""
    found: dict[str, Hook] = {}
    for one in dictionaries:
        site, weights = one.site, model.layers[one.site.layer]
        if site.reads == "z":
            found[f"blocks.{site.layer}.attn.hook_z"] = partial(_z, model, one, change)
            continue
        stream: list[Tensor] = []
        if site.is_transcoder:
            found[weights.before_mlp] = partial(_keep, stream)
        after = weights.after_attention if site.part == "a" else weights.after_mlp
        found[after] = partial(_written, model, one, change, stream)
    return found


def _z(model: Model, one: Dictionary, change: Change, z: Tensor) -> Tensor | None:
    flat = z.flatten(2)
    new = change(one, as_read(model, one, flat), flat)
    return None if new is None else new.view_as(z)


def _keep(kept: list[Tensor], stream: Tensor) -> None:
    kept[:] = [stream]


def _written(
    model: Model, one: Dictionary, change: Change, stream: list[Tensor], written: Tensor
) -> Tensor | None:
    return change(one, as_read(model, one, stream[0] if stream else written), written)
