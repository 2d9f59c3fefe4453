"""The weights of one block in the form that scores need, read once when a model is opened."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from circuitviz.errors import InputError
from circuitviz.models.forward_overrides import returns_router_scores
from circuitviz.models.norms import Norm

if TYPE_CHECKING:
    from circuitviz.models.model import Model


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


def read_layer_weights(model: Model, index: int) -> LayerWeights:
    """The weights of a block by its number.

    Raises:
        InputError: The block has a normalisation of an unknown kind.
    """
    from transformer_lens.model_bridge.generalized_components import MoEBridge

    block = model.bridge.blocks[index]
    attention = block.attn
    where, name = f"layer {index}", f"blocks.{index}"
    mlp_norm, routed = None, False
    second = "ln2" if hasattr(block, "ln2") else "ln1"
    if model.shape.mlp:
        mlp_norm = read_norm(model, getattr(block, second), where)
        mlp = block.mlp.original_component
        routed = isinstance(block.mlp, MoEBridge) and returns_router_scores(mlp, model.shape.d_model)
    norm = read_norm(model, block.ln1, where)
    post = read_norm(model, block.ln1_post, where) if hasattr(block, "ln1_post") else None
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
        has_router=routed,
        post_norm=post,
        attn_out_hook=f"{name}.attn.hook_out" if post is None else f"{name}.ln1_post.hook_out",
        mlp_in_hook=f"{name}.{second}.hook_in",
        mlp_out_hook=f"{name}.ln2_post.hook_out" if hasattr(block, "ln2_post") else f"{name}.mlp.hook_out",
    )


def read_norm(model: Model, bridge: Any, location: str) -> Norm:
    """The normalisation behind a bridge's module.

    Args:
        model: The model.
        bridge: The bridge's component.
        location: Where it is, for error messages.

    Raises:
        InputError: The normalisation is of an unknown kind.
    """
    norm = Norm.recognise(bridge.original_component, model.shape.d_model, model.unembedding)
    if norm is None:
        raise InputError(
            f"The model '{model.name}' normalises {location} with "
            f"{type(bridge.original_component).__name__}, which this version cannot take "
            "apart; models with LayerNorm or RMSNorm before each sublayer work."
        )
    return norm


@torch.no_grad()
def _projection_bias(linear: Any, norm: Norm, weight: Tensor) -> Tensor:
    """Output of a projection for a stream that the normalisation maps to its own bias."""
    nothing = torch.zeros_like(norm.weight) if norm.bias is None else norm.bias
    added: Tensor = linear.original_component(nothing[None])
    return added.detach().view(weight.shape[0], weight.shape[2])
