"""Phi with normalised queries and keys (``qk_layernorm``), which TransformerLens' adapter leaves out."""

from __future__ import annotations

from typing import Any

from transformer_lens.factories.architecture_adapter_factory import ArchitectureAdapterFactory
from transformer_lens.model_bridge.generalized_components import (
    NormalizationBridge,
    PositionEmbeddingsAttentionBridge,
)
from transformer_lens.model_bridge.supported_architectures.phi import PhiArchitectureAdapter

ARCHITECTURE = "PhiForCausalLM"


class NormalisedPhiAdapter(PhiArchitectureAdapter):  # type: ignore[misc]
    """Phi's adapter with the normalisations of queries and keys, which are used where the model has them."""

    def __init__(self, cfg: Any) -> None:
        super().__init__(cfg)
        parts = self.component_mapping["blocks"].submodules
        norms = {
            part: NormalizationBridge(
                name=module, config=self.cfg, use_native_layernorm_autograd=True, optional=True
            )
            for part, module in (("q_norm", "q_layernorm"), ("k_norm", "k_layernorm"))
        }
        parts["attn"] = PositionEmbeddingsAttentionBridge(
            name=parts["attn"].name,
            config=self.cfg,
            submodules={**parts["attn"].submodules, **norms},
            requires_attention_mask=True,
            requires_position_embeddings=True,
        )


def register_adapter() -> None:
    """Let TransformerLens use the adapter for Phi; repeated calls do nothing more."""
    ArchitectureAdapterFactory.register_adapter(ARCHITECTURE, NormalisedPhiAdapter)
