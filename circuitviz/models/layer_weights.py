"""The weights of one block in the form that scores need, read once when a model is opened."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from circuitviz.errors import InputError
from circuitviz.graph import ModelShape
from circuitviz.models.forward_overrides import returns_router_scores
from circuitviz.models.norms import Norm


@dataclass(frozen=True, eq=False)
class LayerWeights:
    """The weights of one block: maps per head, and the normalisations before them.

    Attributes:
        q: Query weights with the normalisation folded in, [head, d_model, d_head].
        k: Key weights, [key-value head, d_model, d_head].
        v: Value weights, [key-value head, d_model, d_head].
        o: Output weights, [head, d_head, d_model]. Where the block normalises what attention writes
            (``post_norm``), that normalisation's weight is folded in, and head outputs are multiplied by its
            inverse scale, so that heads add up to what the block writes.
        q_bias: What is added to queries, [head, d_head].
        k_bias: What is added to keys, [key-value head, d_head].
        v_bias: What is added to values, [key-value head, d_head].
        attn_norm: Normalisation before attention.
        mlp_norm: Normalisation before the MLP; None without an MLP.
        has_router: Whether the Hugging Face MLP returns router scores beside its output.
        post_norm: Normalisation of what attention writes, if any.
        attn_out_hook: Hook point of what attention writes.
        mlp_in_hook: Hook point of the stream that the MLP reads.
        mlp_out_hook: Hook point of what the MLP writes.
    """

    q: Tensor
    k: Tensor
    v: Tensor
    o: Tensor
    q_bias: Tensor
    k_bias: Tensor
    v_bias: Tensor
    attn_norm: Norm
    mlp_norm: Norm | None
    has_router: bool
    post_norm: Norm | None
    attn_out_hook: str
    mlp_in_hook: str
    mlp_out_hook: str

    def channel_weights(self, name: str) -> tuple[Tensor, Tensor]:
        """Folded weight and bias of ``q``, ``k`` or ``v``."""
        return {
            "q": (self.q, self.q_bias),
            "k": (self.k, self.k_bias),
            "v": (self.v, self.v_bias),
        }[name]


def read_layer_weights(
    block: Any, index: int, shape: ModelShape, like: Tensor, model_name: str
) -> LayerWeights:
    """The weights of a block.

    Args:
        block: The bridge's block.
        index: Its number.
        shape: Sizes of the model.
        like: A tensor of the model's device and dtype.
        model_name: The model's name in error messages.

    Raises:
        InputError: The block has a normalisation of an unknown kind.
    """
    # transformer_lens takes seconds to import, and is loaded only when a model is opened
    from transformer_lens.model_bridge.generalized_components import MoEBridge

    def block_norm(name: str) -> Norm:
        return read_norm(getattr(block, name), like, model_name, f"layer {index}")

    attention, name = block.attn, f"blocks.{index}"
    mlp_norm, has_router = None, False
    mlp_norm_name = "ln2" if hasattr(block, "ln2") else "ln1"
    if shape.mlp:
        mlp_norm = block_norm(mlp_norm_name)
        mlp = block.mlp.original_component
        has_router = isinstance(block.mlp, MoEBridge) and returns_router_scores(mlp, shape.d_model)
    norm = block_norm("ln1")
    post = block_norm("ln1_post") if hasattr(block, "ln1_post") else None
    o = attention.W_O.detach()
    q, k, v = (norm.fold(w.detach()) for w in (attention.W_Q, attention.W_K, attention.W_V))
    return LayerWeights(
        q=q,
        k=k,
        v=v,
        o=o if post is None else post.fold_output(o),
        q_bias=_projection_bias(attention.q, norm, q),
        k_bias=_projection_bias(attention.k, norm, k),
        v_bias=_projection_bias(attention.v, norm, v),
        attn_norm=norm,
        mlp_norm=mlp_norm,
        has_router=has_router,
        post_norm=post,
        attn_out_hook=f"{name}.attn.hook_out" if post is None else f"{name}.ln1_post.hook_out",
        mlp_in_hook=f"{name}.{mlp_norm_name}.hook_in",
        mlp_out_hook=f"{name}.ln2_post.hook_out" if hasattr(block, "ln2_post") else f"{name}.mlp.hook_out",
    )


def read_norm(component: Any, like: Tensor, model_name: str, location: str) -> Norm:
    """The normalisation behind a bridge's component.

    Args:
        component: The bridge's component.
        like: A tensor [..., d_model] of the model's device and dtype.
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
    return norm


@torch.no_grad()
def _projection_bias(linear: Any, norm: Norm, weight: Tensor) -> Tensor:
    """Output of a projection for a stream that the normalisation maps to its own bias."""
    normalised = torch.zeros_like(norm.weight) if norm.bias is None else norm.bias
    output: Tensor = linear.original_component(normalised[None])
    return output.detach().view(weight.shape[0], weight.shape[2])
