"""A model is opened only if its parts, as we read them, give what the model itself gives.

Architectures differ in more ways than any table of names knows; one tiny pass tells the truth.
"""

from __future__ import annotations

from functools import partial

import torch
from torch import Tensor

from circuitviz.errors import InputError
from circuitviz.models.model import Hook, Model


@torch.no_grad()
def check_parts(model: Model) -> None:
    """InputError where projections, heads or the stream do not add up on two short prompts."""
    seen: dict[str, Tensor] = {}

    def keep(name: str, value: Tensor) -> None:
        seen[name] = value

    hooks: dict[str, Hook] = {}
    for layer, weights in enumerate(model.layers):
        block = f"blocks.{layer}"
        names = [f"{block}.hook_in", f"{block}.attn.hook_z", weights.after_attention]
        names += [f"{block}.attn.{channel}.hook_out" for channel in "qkv"]
        if weights.post is not None:
            names.append(f"{block}.ln1_post.hook_in")
        if model.shape.mlp:
            names.append(weights.after_mlp)
        hooks |= {name: partial(keep, name) for name in names}
    hooks["ln_final.hook_in"] = partial(keep, "final")
    last = model.tokens.vocabulary_size - 1
    tokens = torch.tensor([[0, 1, 2], [last, 1, 0]], device=model.device).clamp_max(last)
    at = torch.full((2,), 2, device=model.device)
    with model.hooks(hooks):
        plain = model.logits(tokens, at)
    if not torch.isfinite(plain).all():
        raise InputError(
            f"The model '{model.name}' gives logits that are not numbers (NaN or infinity); its "
            "weights hold such values, or overflow. Check the file, or open another copy."
        )
    for layer in range(model.shape.n_layers):
        _check_layer(model, layer, seen)
    again = model.resume(seen["blocks.0.hook_in"], 0, at)
    _alike(model, plain, again, "the blocks called one by one")


def _check_layer(model: Model, layer: int, seen: dict[str, Tensor]) -> None:
    weights, block = model.layers[layer], f"blocks.{layer}"
    stream = seen[f"{block}.hook_in"]
    normal, _ = weights.norm.parts(stream)
    for channel in "qkv":
        weight, bias = weights.channel(channel)
        ours = torch.einsum("btd,hde->bthe", normal, weight) + bias
        native = seen[f"{block}.attn.{channel}.hook_out"]
        _alike(model, native.reshape(ours.shape), ours, f"{channel} of layer {layer}")
    z, written = seen[f"{block}.attn.hook_z"], seen[weights.after_attention]
    if weights.post is not None:
        z = z * weights.post.scale(seen[f"{block}.ln1_post.hook_in"])
    heads = torch.einsum("bthe,hed->btd", z, weights.o)
    _alike(model, written[0] - written[1], heads[0] - heads[1], f"the heads of layer {layer}")
    after = seen.get(f"blocks.{layer + 1}.hook_in", seen["final"])
    total = stream + written + (seen[weights.after_mlp] if model.shape.mlp else 0)
    _alike(model, after[0] - after[1], total[0] - total[1], f"what layer {layer} writes")


def _alike(model: Model, native: Tensor, ours: Tensor, what: str) -> None:
    far = float((native - ours).abs().max())
    if not far <= 1e-3 * max(1e-3, float(native.abs().max())):
        raise InputError(
            f"The model '{model.name}' cannot be taken apart: {what} does not equal what its weights "
            f"give (off by {far:.2g}). GPT-2, GPT-NeoX, Llama, Gemma and their kin work."
        )
