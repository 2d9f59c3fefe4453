"""Where in a pass a dictionary reads and writes, and in which form it reads what stands there."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial

import torch
from torch import Tensor

from circuitviz.features.dictionary import Dictionary
from circuitviz.models import Model
from circuitviz.models.model import Hook

SiteCallback = Callable[[Dictionary, Tensor, Tensor], Tensor | None]
"""(dictionary, what it reads [batch, time, d_in], what its site writes [batch, time, d_out]) → what the site
writes instead, None where that stays as it is."""


def head_value_bias(model: Model, layer: int) -> Tensor:
    """What is added to each head's value, whatever it reads: [head, d_head]."""
    bias = model.layers[layer].v_bias
    return bias.repeat_interleave(model.shape.n_heads // len(bias), dim=0)


@torch.no_grad()
def folded_value_bias(model: Model, one: Dictionary) -> Tensor:
    """What folding took out of the values that a dictionary of ``hook_z`` was trained on: [d_in].

    The bias of W_V, and with ``fold_ln`` also the normalisation's bias times W_V; zeros without folding.
    """
    layer, processing = one.site.layer, one.processing
    added = head_value_bias(model, layer)
    if not processing.fold_value_biases:
        return torch.zeros_like(added).flatten()
    if not processing.fold_ln:
        projection = model.bridge.blocks[layer].attn.v.original_component
        own = projection(added.new_zeros(1, model.shape.d_model)).view(-1, added.shape[1])
        added = own.repeat_interleave(len(added) // len(own), dim=0)
    return added.flatten()


def centre_output(model: Model, one: Dictionary, written: Tensor) -> Tensor:
    """What a site writes [..., d_out] as a dictionary should rebuild it: centred if it was trained so.

    TransformerLens centres writing weights only where the model's normalisations subtract the mean.
    """
    centres = one.processing.center_writing_weights and one.site.reads != "z"
    if not (centres and model.final_norm.is_centred and model.layers[one.site.layer].attn_norm.is_centred):
        return written
    return written - written.mean(-1, keepdim=True)


def centre_input(model: Model, one: Dictionary, x: Tensor) -> Tensor:
    """The mean taken out of [..., d_in] where a dictionary reads the stream, or what is written, without it.

    It is its own transpose: encoder directions pass through it backwards.
    """
    return x if one.site.reads == "normalised" else centre_output(model, one, x)


def dictionary_input(model: Model, one: Dictionary, raw_input: Tensor) -> Tensor:
    """What a dictionary reads, in the form that it was trained on, [..., d_in].

    raw_input: [..., d_in] as the model has it: all heads' values side by side, or what the site writes, or of a
    transcoder the stream before the MLP.
    """
    site = one.site
    if site.reads == "z":
        return raw_input - folded_value_bias(model, one)
    if site.reads != "normalised":
        return centre_input(model, one, raw_input)
    norm = model.layers[site.layer].mlp_norm
    assert norm is not None
    return norm.normalise_parts(raw_input)[0] if one.processing.fold_ln else norm(raw_input)


def site_hooks(model: Model, dictionaries: Iterable[Dictionary], callback: SiteCallback) -> dict[str, Hook]:
    """Hooks that show ``callback`` what each site reads and writes in the very pass; one dictionary a site."""
    found: dict[str, Hook] = {}
    for one in dictionaries:
        site, weights = one.site, model.layers[one.site.layer]
        if site.reads == "z":
            found[f"blocks.{site.layer}.attn.hook_z"] = partial(_z_hook, model, one, callback)
            continue
        stream: list[Tensor] = []
        if site.is_transcoder:
            found[weights.mlp_in_hook] = partial(_keep_stream, stream)
        after = weights.attn_out_hook if site.part == "a" else weights.mlp_out_hook
        found[after] = partial(_output_hook, model, one, callback, stream)
    return found


def _z_hook(model: Model, one: Dictionary, callback: SiteCallback, z: Tensor) -> Tensor | None:
    flat = z.flatten(2)
    new = callback(one, dictionary_input(model, one, flat), flat)
    return None if new is None else new.view_as(z)


def _keep_stream(kept: list[Tensor], stream: Tensor) -> None:
    kept[:] = [stream]


def _output_hook(
    model: Model, one: Dictionary, callback: SiteCallback, stream: list[Tensor], written: Tensor
) -> Tensor | None:
    return callback(one, dictionary_input(model, one, stream[0] if stream else written), written)
