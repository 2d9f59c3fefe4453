"""Falcon's new decoder (40B, 180B, Falcon 2), whose heads TransformerLens reads as those of the old one.

Its map of queries, keys and values holds, for each key-value head, its query heads, its key and its value.
The adapter reads all queries, all keys and all values after one another, with a single key-value head, as
``multi_query``, which such checkpoints keep and Hugging Face ignores, says.
"""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import torch
from transformer_lens.factories.architecture_adapter_factory import ArchitectureAdapterFactory
from transformer_lens.model_bridge.generalized_components import NormalizationBridge
from transformer_lens.model_bridge.supported_architectures.falcon import FalconArchitectureAdapter

ARCHITECTURE = "FalconForCausalLM"


class GroupedFalconAdapter(FalconArchitectureAdapter):  # type: ignore[misc]
    """Falcon's adapter, with the new decoder's order of heads and normalisations."""

    def __init__(self, cfg: Any) -> None:
        if getattr(cfg, "new_decoder_architecture", False):
            cfg.multi_query = False
        super().__init__(cfg)
        if self._is_new_arch and getattr(cfg, "num_ln_in_parallel_attn", None) == 1:  # Falcon 2
            parts = self.component_mapping["blocks"].submodules
            parts["ln1"] = NormalizationBridge(name="input_layernorm", config=self.cfg)

    def _split_falcon_qkv(self, original_attention_component: Any) -> Any:
        """Maps of queries, keys and values, as ``torch.nn.Linear``."""
        if not self._is_new_arch:
            return super()._split_falcon_qkv(original_attention_component)
        fused = original_attention_component.query_key_value
        n_kv_heads = self.cfg.n_key_value_heads or self.cfg.n_heads
        n_queries = self.cfg.n_heads // n_kv_heads
        rows = torch.arange(len(fused.weight), device=fused.weight.device)
        rows = rows.view(n_kv_heads, n_queries + 2, -1)
        order = torch.cat([rows[:, :n_queries].flatten(), rows[:, -2].flatten(), rows[:, -1].flatten()])
        ordered = SimpleNamespace(
            weight=fused.weight.detach()[order],
            bias=None if fused.bias is None else fused.bias.detach()[order],
        )
        return super()._split_falcon_qkv(SimpleNamespace(query_key_value=ordered))


def register_adapter() -> None:
    """Let TransformerLens use the adapter for Falcon; repeated calls do nothing more."""
    ArchitectureAdapterFactory.register_adapter(ARCHITECTURE, GroupedFalconAdapter)
