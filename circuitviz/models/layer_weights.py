"""The weights of one block, as scores need them, recognised once: when a model is opened."""

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
    """What one block's scores need: maps per head and the normalisations before them.

    q, k, v: [head, d_model, d_head] (key-value heads for k and v), the normalisation folded in, and
    what they add [head, d_head]; o: [head, d_head, d_model]. Where the block normalises what attention
    writes (``post_norm``), o holds that normalisation's weight, and heads are kept times its scale: so they
    add up to what the block writes. ``attn_out_hook``, ``mlp_in_hook``, ``mlp_out_hook``: hook points of what
    attention and MLP write, and of the stream that the MLP reads. ``has_router``: the Hugging Face MLP gives
    router scores beside its output.
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
        """The folded weight and what is added, of ``q``, ``k`` or ``v``."""
        return {
            "q": (self.q, self.q_bias),
            "k": (self.k, self.k_bias),
            "v": (self.v, self.v_bias),
        }[name]


def read_layer_weights(model: Model, index: int) -> LayerWeights:
    """The weights of a block by its number; InputError on a normalisation that is not known."""
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
    """The normalisation behind a bridge's module; InputError where it is none that is known."""
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
    """What a projection gives for a stream that the normalisation maps to its own bias."""
    nothing = torch.zeros_like(norm.weight) if norm.bias is None else norm.bias
    added: Tensor = linear.original_component(nothing[None])
    return added.detach().view(weight.shape[0], weight.shape[2])
