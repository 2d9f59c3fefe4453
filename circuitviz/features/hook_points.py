"""Hook points at which dictionaries read and write, with inputs in the dictionary's weight processing."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from functools import partial

import torch
from torch import Tensor

from circuitviz.features.dictionary import Dictionary
from circuitviz.models import Model
from circuitviz.models.model import Hook
from circuitviz.models.stored_weights import run_on_own_device

SiteCallback = Callable[[Dictionary, Tensor, Tensor], Tensor | None]
"""(dictionary, what it reads [batch, time, d_in], what its site writes [batch, time, d_out]) → what the site
writes instead, None where that stays as it is."""


def head_value_bias(model: Model, layer: int) -> Tensor:
    """Return what is added to each head's value whatever it reads, [head, d_head]."""
    bias = model.layers[layer].v_bias
    return bias.repeat_interleave(model.shape.n_heads // len(bias), dim=0)


@torch.no_grad()
def folded_value_bias(model: Model, dictionary: Dictionary) -> Tensor:
    """Return what weight processing removed from a ``hook_z`` dictionary's training values, [d_in].

    The bias of W_V, and with ``fold_ln`` also the normalisation's bias times W_V; zeros without folding.
    """
    layer, processing = dictionary.site.layer, dictionary.processing
    added = head_value_bias(model, layer)
    if not processing.fold_value_biases:
        return torch.zeros_like(added).flatten()
    if not processing.fold_ln:
        projection = model.bridge.blocks[layer].attn.v.original_component
        zero = added.new_zeros(1, model.shape.d_model)
        projected_bias = run_on_own_device(projection, zero).view(-1, added.shape[1])
        added = projected_bias.repeat_interleave(len(added) // len(projected_bias), dim=0)
    return added.flatten()


def centre_output(model: Model, dictionary: Dictionary, written: Tensor) -> Tensor:
    """Return a site's output [..., d_out] as a dictionary should rebuild it: centred if it was trained so.

    TransformerLens centres writing weights only where the model's normalisations subtract the mean.
    """
    is_centred = dictionary.processing.center_writing_weights and dictionary.site.reads != "z"
    if not (is_centred and model.final_norm.is_centred and model.layers[0].attn_norm.is_centred):
        return written
    return written - written.mean(-1, keepdim=True)


def centre_input(model: Model, dictionary: Dictionary, x: Tensor) -> Tensor:
    """Subtract the mean from [..., d_in] where a dictionary reads the stream or a site's output without it.

    The map is its own transpose: encoder directions pass through it backwards.
    """
    return x if dictionary.site.reads == "normalised" else centre_output(model, dictionary, x)


def dictionary_input(
    model: Model, dictionary: Dictionary, raw_input: Tensor, is_scale_constant: bool = False
) -> Tensor:
    """Return a dictionary's input, in the processing that it was trained on, [..., d_in].

    Args:
        model: The model.
        dictionary: The dictionary.
        raw_input: [..., d_in] as the model has it: all heads' values side by side, or the site's output, or,
            for a transcoder, the stream before the MLP.
        is_scale_constant: Let gradients take the scale of a normalisation before it as a constant.
    """
    site = dictionary.site
    if site.reads == "z":
        return raw_input - folded_value_bias(model, dictionary)
    if site.reads != "normalised":
        return centre_input(model, dictionary, raw_input)
    norm = model.layers[site.layer].mlp_norm
    assert norm is not None
    if dictionary.processing.fold_ln:
        norm = replace(norm, weight=torch.ones_like(norm.weight), bias=None)
    return norm.with_constant_scale(raw_input) if is_scale_constant else norm(raw_input)


def site_hooks(
    model: Model,
    dictionaries: Iterable[Dictionary],
    callback: SiteCallback,
    are_scales_constant: bool = False,
) -> dict[str, Hook]:
    """Return hooks that call ``callback`` with each site's input and output in the pass itself.

    Args:
        model: The model.
        dictionaries: At most one for each site.
        callback: What it returns, unless None, replaces the site's output.
        are_scales_constant: Let gradients take scales of normalisations before dictionaries as constants.
    """
    hooks: dict[str, Hook] = {}
    for dictionary in dictionaries:
        site = dictionary.site
        if site.is_residual:
            hooks[model.stream_hook(site.layer)] = partial(
                _output_hook, model, dictionary, callback, [], are_scales_constant
            )
            continue
        weights = model.layers[site.layer]
        if site.reads == "z":
            hooks[f"blocks.{site.layer}.attn.hook_z"] = partial(_z_hook, model, dictionary, callback)
            continue
        stream: list[Tensor] = []
        if site.is_transcoder:
            hooks[weights.mlp_in_hook] = partial(_keep_stream, stream)
        output_hook = weights.attn_out_hook if site.part == "a" else weights.mlp_out_hook
        hooks[output_hook] = partial(_output_hook, model, dictionary, callback, stream, are_scales_constant)
    return hooks


def _z_hook(model: Model, dictionary: Dictionary, callback: SiteCallback, z: Tensor) -> Tensor | None:
    flat = z.flatten(2)
    new_z = callback(dictionary, dictionary_input(model, dictionary, flat), flat)
    return None if new_z is None else new_z.view_as(z)


def _keep_stream(cell: list[Tensor], stream: Tensor) -> None:
    cell[:] = [stream]


def _output_hook(
    model: Model,
    dictionary: Dictionary,
    callback: SiteCallback,
    stream: list[Tensor],
    is_scale_constant: bool,
    written: Tensor,
) -> Tensor | None:
    raw_input = stream[0] if stream else written
    return callback(dictionary, dictionary_input(model, dictionary, raw_input, is_scale_constant), written)
