"""A GPT-2 without normalisation, for compiled and hand-built models whose circuits are known exactly.

Hugging Face and TransformerLens know architectures by name. ``register_architecture`` makes this one known to
both, so that such a model is opened, hooked and patched by the same code as any other.
"""

from __future__ import annotations

from typing import Any

from torch import nn
from transformer_lens.factories.architecture_adapter_factory import (
    SUPPORTED_ARCHITECTURES,
    ArchitectureAdapterFactory,
)
from transformer_lens.model_bridge.generalized_components import NormalizationBridge
from transformer_lens.model_bridge.supported_architectures.gpt2 import GPT2ArchitectureAdapter
from transformers import AutoConfig, AutoModelForCausalLM, GPT2Config, GPT2LMHeadModel


class PlainConfig(GPT2Config):  # type: ignore[misc]
    """GPT-2's configuration under a model type of its own; ``activation_function`` is ``relu``."""

    model_type = "circuitviz-plain"


class PlainForCausalLM(GPT2LMHeadModel):  # type: ignore[misc]
    """GPT-2 whose normalisations are identities: residual stream → attention, MLP and unembedding."""

    config_class = PlainConfig

    def __init__(self, config: Any) -> None:
        super().__init__(config)
        for block in self.transformer.h:
            block.ln_1, block.ln_2 = nn.Identity(), nn.Identity()
        self.transformer.ln_f = nn.Identity()


class PlainAdapter(GPT2ArchitectureAdapter):  # type: ignore[misc]
    """GPT-2's adapter, except that a normalisation computes what its module does."""

    def __init__(self, cfg: Any) -> None:
        super().__init__(cfg)
        native = {"config": self.cfg, "use_native_layernorm_autograd": True}
        blocks = self.component_mapping["blocks"].submodules
        blocks["ln1"] = NormalizationBridge(name="ln_1", **native)
        blocks["ln2"] = NormalizationBridge(name="ln_2", **native)
        self.component_mapping["ln_final"] = NormalizationBridge(name="transformer.ln_f", **native)


def register_architecture() -> None:
    """Make the architecture known to Hugging Face and TransformerLens; repeated calls do nothing."""
    if PlainForCausalLM.__name__ in SUPPORTED_ARCHITECTURES:
        return
    AutoConfig.register(PlainConfig.model_type, PlainConfig, exist_ok=True)
    AutoModelForCausalLM.register(PlainConfig, PlainForCausalLM, exist_ok=True)
    # The factory looks in its adapters, but reading a configuration looks only in this table.
    SUPPORTED_ARCHITECTURES[PlainForCausalLM.__name__] = PlainAdapter
    ArchitectureAdapterFactory.register_adapter(PlainForCausalLM.__name__, PlainAdapter)
