"""What dictionaries read of many rows of tokens at once: the same as in a run of each row alone."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from circuitviz.features.dictionary import Dictionary
from circuitviz.features.run import before_mlp_point
from circuitviz.features.training.activations import keeping
from circuitviz.models import Model


@torch.no_grad()
def reads(model: Model, dictionaries: Sequence[Dictionary], tokens: Tensor) -> list[Tensor]:
    """tokens: [row, time], padded on the right → what each dictionary reads, [row, time, d_in]."""
    tokens = tokens.to(model.device)
    points = [_point(model, one) for one in dictionaries]
    seen: dict[str, Tensor] = {}
    with model.hooks({name: keeping(seen, name) for name in points}):
        model.logits(tokens, torch.zeros_like(tokens[:, 0]))
    return [_read(model, one, seen[name]) for one, name in zip(dictionaries, points, strict=True)]


def _point(model: Model, dictionary: Dictionary) -> str:
    """The hook point that what is read is made from."""
    site, layer = dictionary.site, dictionary.site.layer
    if site.reads == "z":
        return f"blocks.{layer}.attn.hook_z"
    if site.reads == "written":
        weights = model.layers[layer]
        return weights.after_attention if site.part == "a" else weights.after_mlp
    return before_mlp_point(model, layer)


def _read(model: Model, dictionary: Dictionary, value: Tensor) -> Tensor:
    """In the form that the dictionary was trained on (as ``Run.read``)."""
    site, weights = dictionary.site, model.layers[dictionary.site.layer]
    folded = dictionary.processing == "folded"
    if site.reads == "z":
        if folded:
            bias = weights.v_bias
            value = value - bias.repeat_interleave(model.shape.n_heads // len(bias), dim=0)
        return value.flatten(2)
    if site.reads != "normalised":
        return value
    assert weights.mlp_norm is not None
    return weights.mlp_norm.parts(value)[0] if folded else weights.mlp_norm(value)
