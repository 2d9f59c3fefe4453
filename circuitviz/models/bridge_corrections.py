"""Corrections where a TransformerBridge differs from Hugging Face's model or bypasses a patched module.

What is corrected here is tested when a model is opened (``decomposition_checks``): a correction that does not
fit another version of TransformerLens leads to an error instead of wrong numbers.
"""

from __future__ import annotations

from types import MethodType
from typing import Any

import torch
from transformer_lens.model_bridge.generalized_components import (
    GatedMLPBridge,
    JointGateUpMLPBridge,
    JointQKVAttentionBridge,
)

from circuitviz.models.stored_weights import owns_half_weight


def correct_bridge(bridge: Any) -> None:
    """Correct a TransformerBridge in place."""
    if owns_half_weight(bridge.embed.original_component):
        _keep_precision_of_rows(bridge.embed)
    for block in bridge.blocks:
        attention, mlp = getattr(block, "attn", None), getattr(block, "mlp", None)
        if isinstance(mlp, JointGateUpMLPBridge):
            _call_fused_mlp(mlp)
        if isinstance(attention, JointQKVAttentionBridge):
            _leave_scores_unscaled(attention)
        if type(getattr(attention, "original_component", None)).__name__ == "HunYuanDenseV1Attention":
            _normalise_after_rotation(attention)
        if type(getattr(attention, "original_component", None)).__name__.startswith("Cohere"):
            _rotate_adjacent_pairs(attention)
        if type(getattr(attention, "original_component", None)).__name__ == "CodeGenAttention":
            _give_angles_and_scale(attention, bridge.original_model)


def _keep_precision_of_rows(embed: Any) -> None:
    """Leave embeddings in float32 where their table is in half precision: the bridge would round them."""

    def forward(input_ids: Any, **_kwargs: Any) -> Any:
        return embed.hook_out(embed.original_component(embed.hook_in(input_ids)))

    # the bridge's own __setattr__ would set it on the wrapped module
    object.__setattr__(embed, "forward", forward)


def _call_fused_mlp(mlp: Any) -> None:
    """Phi-3, GLM: run the Hugging Face MLP between ``hook_in`` and ``hook_out``, as for any gated MLP.

    The bridge would recompute it from halves of the fused weight, and never call the module.
    """
    forward = MethodType(GatedMLPBridge.forward, mlp)
    # the bridge's own __setattr__ would set it on the wrapped module
    object.__setattr__(mlp, "forward", forward)


def _leave_scores_unscaled(attention: Any) -> None:
    """GPT-2 with ``scale_attn_weights: false``: undo the bridge's division of scores by √d_head."""
    if getattr(attention.original_component, "scale_attn_weights", True):
        return
    mask = attention._apply_reconstruct_attention_mask
    factor = attention.original_component.head_dim**0.5

    def masked(attn_scores: Any, **kwargs: Any) -> Any:
        return mask(attn_scores=attn_scores * factor, **kwargs)

    attention._apply_reconstruct_attention_mask = masked


def _normalise_after_rotation(attention: Any) -> None:
    """HunYuan: normalise queries and keys after the rotary embedding; TransformerLens 3 does it before."""
    if getattr(attention.config, "qk_norm_after_rope", False):
        return  # TransformerLens 4 does the same
    attention._qk_norm_phase = None
    for rotated, norm in ((attention.hook_rot_q, attention.q_norm), (attention.hook_rot_k, attention.k_norm)):
        rotated.register_forward_hook(lambda _point, _args, out, norm=norm: norm(out))


def _rotate_adjacent_pairs(attention: Any) -> None:
    """Cohere: rotate adjacent pairs of queries and keys; TransformerLens 3 rotates halves, as Llama does.

    Hugging Face gives each angle twice in a row; the bridge expects all angles, and then all again.
    """
    if getattr(attention.config, "rotary_interleaved_cos_sin", False):
        return  # TransformerLens 4 does the same
    attention.config.rotary_adjacent_pairs = True
    hooked = attention._apply_position_embedding_hooks

    def angles_once(embeddings: Any) -> Any:
        cos, sin = (x[..., ::2] for x in hooked(embeddings))
        return torch.cat([cos, cos], -1), torch.cat([sin, sin], -1)

    # the bridge's own __setattr__ would set it on the wrapped module
    object.__setattr__(attention, "_apply_position_embedding_hooks", angles_once)


def _give_angles_and_scale(attention: Any, hf: Any) -> None:
    """CodeGen: give each layer the table of angles and the divisor that TransformerLens reads there.

    Recent versions of transformers keep one table for all layers, and a factor instead of a divisor.
    """
    module = attention.original_component
    if not hasattr(module, "embed_positions"):
        table = hf.transformer.rotary_emb.embed_positions
        module.register_buffer("embed_positions", table, persistent=False)
        module.scale_attn = torch.tensor(1 / module.scaling)
