"""Where in a pass a dictionary reads and writes, and in which form it reads what stands there."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial

from torch import Tensor

from circuitviz.features.dictionary import Dictionary
from circuitviz.models import Model
from circuitviz.models.model import Hook

Change = Callable[[Dictionary, Tensor, Tensor], Tensor | None]
"""(dictionary, what it reads [batch, time, d_in], what its site writes [batch, time, d_out]) → what the site
writes instead, None where that stays as it is."""


def before_mlp_point(model: Model, layer: int) -> str:
    """The hook point of the stream that a layer's MLP reads."""
    second = "ln2" if hasattr(model.bridge.blocks[layer], "ln2") else "ln1"
    return f"blocks.{layer}.{second}.hook_in"


def value_bias(model: Model, layer: int) -> Tensor:
    """What is added to each head's value, whatever it reads: [head, d_head]."""
    bias = model.layers[layer].v_bias
    return bias.repeat_interleave(model.shape.n_heads // len(bias), dim=0)


def as_read(model: Model, one: Dictionary, found: Tensor) -> Tensor:
    """What a dictionary reads, in the form that it was trained on, [..., d_in].

    found: [..., d_in] as the model has it: all heads' values side by side, or what the site writes, or of a
    transcoder the stream before the MLP.
    """
    site, folded = one.site, one.processing == "folded"
    if site.reads == "z":
        return found - value_bias(model, site.layer).flatten() if folded else found
    if site.reads != "normalised":
        return found
    norm = model.layers[site.layer].mlp_norm
    assert norm is not None
    return norm.parts(found)[0] if folded else norm(found)


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
            found[before_mlp_point(model, site.layer)] = partial(_keep, stream)
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
