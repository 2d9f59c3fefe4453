"""The weights of one block in the form that scores need, read when a model is opened."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, NamedTuple

import torch
from torch import Tensor

from circuitviz.errors import InputError
from circuitviz.graph import ModelShape
from circuitviz.models.mlp_modules import Mlp, SplitMlp, read_mlp, takes_residual
from circuitviz.models.norms import IdentityNorm, Norm
from circuitviz.models.stored_weights import owns_half_weight, run_on_own_device


@dataclass(frozen=True, eq=False)
class LayerWeights:
    """The weights of one block: maps per head, and the normalisations before them.

    Attributes:
        maps: What gives ``q``, ``k``, ``v`` and ``o``: kept, or made at every reading where the model's
            weights are in half precision or the model is spread over devices. All tensors here are on the
            model's main device.
        q_bias: What is added to queries, [head, d_head].
        k_bias: What is added to keys, [key-value head, d_head].
        v_bias: What is added to values, [key-value head, d_head].
        attn_norm: Normalisation before attention.
        mlp_norm: Normalisation before the MLP; None without an MLP.
        mlp: The MLP; None without one.
        post_norm: Normalisation of what attention writes, if any.
        post_norm_hook: Hook point of what ``post_norm`` reads; empty without one.
        attn_out_hook: Hook point of what attention writes.
        mlp_in_hook: Hook point of the stream that the MLP reads.
        mlp_out_hook: Hook point of what the MLP writes.
        output_scale: Factor of what attention and the MLP write, before it is added to the stream (Granite).
        mlp_post_norm: The bridge's name of the normalisation of what the MLP writes; empty without one.
    """

    maps: Mapping[str, Callable[[], Tensor]]
    q_bias: Tensor
    k_bias: Tensor
    v_bias: Tensor
    attn_norm: Norm
    mlp_norm: Norm | None
    mlp: Mlp | None
    post_norm: Norm | None
    post_norm_hook: str
    attn_out_hook: str
    mlp_in_hook: str
    mlp_out_hook: str
    mlp_post_norm: str
    output_scale: float

    @property
    def q(self) -> Tensor:
        """Query weights with the normalisation folded in, [head, d_model, d_head]."""
        return self.maps["q"]()

    @property
    def k(self) -> Tensor:
        """Key weights with the normalisation folded in, [key-value head, d_model, d_head]."""
        return self.maps["k"]()

    @property
    def v(self) -> Tensor:
        """Value weights with the normalisation folded in, [key-value head, d_model, d_head]."""
        return self.maps["v"]()

    @property
    def o(self) -> Tensor:
        """Output weights, [head, d_head, d_model].

        Where the block normalises what attention writes (``post_norm``), that normalisation's weight is
        folded in, and head outputs are multiplied by its inverse scale, so that heads add up to what the
        block writes. ``output_scale`` is folded in.
        """
        return self.maps["o"]()

    def channel_weights(self, name: str) -> tuple[Tensor, Tensor]:
        """Folded weight and bias of ``q``, ``k`` or ``v``."""
        return self.maps[name](), {"q": self.q_bias, "k": self.k_bias, "v": self.v_bias}[name]


def read_layer_weights(
    block: Any, index: int, shape: ModelShape, like: Tensor, model_name: str, keeps_maps: bool = True
) -> LayerWeights:
    """The weights of a block.

    Args:
        block: The bridge's block.
        index: Its number.
        shape: Sizes of the model.
        like: A tensor of the model's main device and dtype.
        model_name: The model's name in error messages.
        keeps_maps: Whether maps are kept, or made at every reading.

    Raises:
        InputError: The block has a normalisation of an unknown kind.
    """

    def block_norm(name: str) -> Norm:
        return read_norm(getattr(block, name), like, model_name, f"layer {index}")

    attention, name = block.attn, f"blocks.{index}"
    norm_names = _BlockNorms.of(block)
    mlp_norm, mlp = None, None
    if shape.mlp:
        mlp_norm = block_norm(norm_names.mlp) if norm_names.mlp else IdentityNorm.of_width(like)
        mlp = read_mlp(block, shape.d_model, model_name)
    norm = block_norm(norm_names.attention) if norm_names.attention else IdentityNorm.of_width(like)
    post = block_norm(norm_names.post_attention) if norm_names.post_attention else None
    # a factor before the residual stream (Granite) has hook points of its own; where a module adds the stream
    # itself (BLOOM, MPT), its last linear map gives what it writes
    output_scale = getattr(block, "residual_contribution_scale", 1.0)
    attn_out = "attn.o.hook_out" if takes_residual(attention.original_component) else "attn.hook_out"
    mlp_out = "mlp.out.hook_out" if isinstance(mlp, SplitMlp) else "mlp.hook_out"
    if post is not None:
        attn_out = f"{norm_names.post_attention}.hook_out"
    if norm_names.post_mlp:
        mlp_out = f"{norm_names.post_mlp}.hook_out"
    if output_scale != 1.0:
        attn_out, mlp_out = "hook_attn_out", "hook_mlp_out"
    maps = {
        channel: _kept_map(
            keeps_maps and not owns_half_weight(getattr(attention, channel).original_component),
            partial(_folded_input_map, attention, f"W_{channel.upper()}", norm),
        )
        for channel in "qkv"
    }
    maps["o"] = _kept_map(
        keeps_maps and not owns_half_weight(attention.o.original_component),
        partial(_folded_output_map, attention, output_scale, post, like.device),
    )
    return LayerWeights(
        maps=maps,
        q_bias=_projection_bias(attention.q, norm, maps["q"]()),
        k_bias=_projection_bias(attention.k, norm, maps["k"]()),
        v_bias=_projection_bias(attention.v, norm, maps["v"]()),
        attn_norm=norm,
        mlp_norm=mlp_norm,
        mlp=mlp,
        post_norm=post,
        post_norm_hook=f"{name}.{norm_names.post_attention}.hook_in" if post is not None else "",
        attn_out_hook=f"{name}.{attn_out}",
        mlp_in_hook=f"{name}.{norm_names.mlp or 'mlp'}.hook_in",
        mlp_out_hook=f"{name}.{mlp_out}",
        mlp_post_norm=norm_names.post_mlp,
        output_scale=output_scale,
    )


def _folded_input_map(attention: Any, name: str, norm: Norm) -> Tensor:
    return norm.fold(getattr(attention, name).detach().to(norm.weight.device))


def _folded_output_map(
    attention: Any, output_scale: float, post: Norm | None, device: torch.device
) -> Tensor:
    o: Tensor = attention.W_O.detach().to(device)
    o = o if output_scale == 1.0 else o * output_scale
    return o if post is None else post.fold_output(o)


def _kept_map(is_kept: bool, read: Callable[[], Tensor]) -> Callable[[], Tensor]:
    """A map that is made once, or at every reading: of a module in half precision it is a float32 copy."""
    if not is_kept:
        return read
    value = read()
    return lambda: value


class _BlockNorms(NamedTuple):
    """The bridge's names of a block's normalisations, each empty where the block has none."""

    attention: str
    mlp: str
    post_attention: str
    post_mlp: str

    @classmethod
    def of(cls, block: Any) -> _BlockNorms:
        """The names in a block."""
        if getattr(block, "mlp_reads_resid_directly", False):  # OLMo-2, OLMo-3, EXAONE 4 normalise outputs
            names = ("ln1_post", "ln2_post") if hasattr(block, "ln1_post") else ("ln1", "ln2")
            return cls("", "", *names)  # the first names are of TransformerLens 4, the others of 3
        ln2, *post = (name if hasattr(block, name) else "" for name in ("ln2", "ln1_post", "ln2_post"))
        return cls("ln1", ln2 or "ln1", *post)


def read_norm(component: Any, like: Tensor, model_name: str, location: str) -> Norm:
    """The normalisation behind a bridge's component.

    Args:
        component: The bridge's component.
        like: A tensor [..., d_model] of the model's main device and dtype, where the result is.
        model_name: The model's name in error messages.
        location: Where the normalisation is, for error messages.

    Raises:
        InputError: The normalisation is of an unknown kind.
    """
    norm = Norm.recognise(component.original_component, like.shape[-1], like)
    if norm is None:
        raise InputError(
            f"The model '{model_name}' normalises {location} with "
            f"{type(component.original_component).__name__}, which this version cannot take "
            "apart; models with LayerNorm or RMSNorm before each sublayer work."
        )
    return norm.to(like.device)


@torch.no_grad()
def _projection_bias(linear: Any, norm: Norm, weight: Tensor) -> Tensor:
    """Output of a projection for a stream that the normalisation maps to its own bias."""
    normalised = torch.zeros_like(norm.weight) if norm.bias is None else norm.bias
    output = run_on_own_device(linear.original_component, normalised[None])
    return output.detach().view(weight.shape[0], weight.shape[2])
