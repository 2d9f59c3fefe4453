"""Wrapping a Hugging Face model that is in memory into a TransformerBridge of TransformerLens.

``TransformerBridge.boot_transformers`` is not used: it sets a missing beginning-of-sequence token on the
tokenizer, imports Python files of the model's folder for some architectures (``prepare_loading``), and
installs torchvision where an image processor does not load. ``build_bridge_from_module`` does none of this.
"""

from __future__ import annotations

import copy
import warnings
from typing import Any

from transformer_lens.factories.architecture_adapter_factory import SUPPORTED_ARCHITECTURES
from transformer_lens.model_bridge.sources import build_bridge_from_module

from circuitviz.errors import InputError, first_error_line
from circuitviz.models import grouped_falcon, normalised_phi
from circuitviz.models.bridge_corrections import correct_bridge


def build_bridge(hf: Any, name: str) -> Any:
    """A raw TransformerBridge around a Hugging Face model.

    The architecture is the model's class, whatever its configuration says: a model made in memory has no
    ``config.architectures``.

    Args:
        hf: The Hugging Face model.
        name: The model's name in error messages.

    Raises:
        InputError: TransformerLens does not support the architecture.
    """
    for adapters in (grouped_falcon, normalised_phi):
        adapters.register_adapter()
    architecture = _architecture(hf)
    if architecture is None:
        raise InputError(
            f"The model '{name}' is a {type(hf).__name__}, which TransformerLens does not know; "
            "GPT-2, GPT-NeoX, Llama and their kin work."
        )
    config = copy.deepcopy(hf.config)
    config.architectures = [architecture]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # advice about unused options
        try:
            bridge = build_bridge_from_module(hf, architecture, hf_config=config)
            correct_bridge(bridge)
        except Exception as error:  # a configuration that does not fit fails in many ways
            raise InputError(
                f"The model '{name}' is a {type(hf).__name__}, which TransformerLens does not "
                f"open ({first_error_line(error)}); GPT-2, GPT-NeoX, Llama and their kin work."
            ) from error
    _check_blocks(bridge, name)
    return bridge


def _check_blocks(bridge: Any, name: str) -> None:
    """Refuse blocks that are not attention heads and an MLP which add to a residual stream.

    Raises:
        InputError: Which layer is of another kind, and of which.
    """
    for layer, block in enumerate(bridge.blocks):
        attention = getattr(block, "attn", None)
        if attention is None:
            raise InputError(
                f"Layer {layer} of '{name}' ({type(block.original_component).__name__}) has no attention, "
                "but a state space or linear attention, which has no heads that are known here; models with "
                "attention in every layer work."
            )
        if hasattr(block.original_component, "per_layer_input_gate"):
            raise InputError(
                f"Layer {layer} of '{name}' adds an embedding of its own after the MLP (per-layer "
                "embeddings, Gemma 3n and small Gemma 4), which is written by no head and no MLP; "
                "Gemma 1 to 3 work."
            )
        if "mla" in type(attention).__name__.lower():
            raise InputError(
                f"Layer {layer} of '{name}' has latent attention (DeepSeek): keys and values are made of a "
                "compressed stream that is normalised once more, so that no linear map leads from the "
                "residual stream to a head; models with other attention work."
            )
    final = getattr(bridge, "ln_final", None)
    if (
        getattr(final, "original_component", None) is None
    ):  # OpenAI-GPT has no such part, OPT-350m an empty one
        raise InputError(
            f"The model '{name}' has no normalisation before its unembedding; its blocks normalise the "
            "residual stream itself, so that what heads and MLPs write does not add up."
        )


def _architecture(hf: Any) -> str | None:
    """TransformerLens' name of the first class of a model, its own or inherited, that it knows."""
    written = {name.lower(): name for name in SUPPORTED_ARCHITECTURES}  # transformers spells PhiMoE as Phimoe
    written |= {name: name for name in SUPPORTED_ARCHITECTURES}
    classes = [kind.__name__ for kind in type(hf).__mro__]
    return next((written[key] for name in classes for key in (name, name.lower()) if key in written), None)
