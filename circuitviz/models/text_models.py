"""The language model inside checkpoints that also read images or sound."""

from __future__ import annotations

from typing import Any

import torch
from transformers import AutoModelForCausalLM, AutoModelForImageTextToText

from circuitviz.errors import InputError


def loading_class(config: Any) -> Any:
    """The Hugging Face class that loads a configuration's checkpoint with its language model.

    Raises:
        InputError: The checkpoint holds no language model that predicts the next token.
    """
    for kind in (AutoModelForCausalLM, AutoModelForImageTextToText):
        if type(config) in kind._model_mapping:
            return kind
    raise InputError(
        f"A model of the type '{config.model_type}' does not predict the next token; language models such as "
        "GPT-2, GPT-NeoX, Llama and their kin work."
    )


def extract_language_model(hf: Any, name: str) -> Any:
    """The language model of a model that also reads images or sound; any other model is returned unchanged.

    Its blocks and its unembedding are put into the causal language model of the same family, which is made
    without weights of its own; the parameters are shared.

    Args:
        hf: The Hugging Face model.
        name: The model's name in error messages.

    Raises:
        InputError: The family has no causal language model.
    """
    config = hf.config.get_text_config(decoder=True)
    if config is hf.config:
        return hf
    decoder = hf.get_decoder()
    if type(config) in AutoModelForCausalLM._model_mapping:
        kind = AutoModelForCausalLM._model_mapping[type(config)]
        with torch.device("meta"):
            text = kind(config)
        if type(text.base_model) is type(decoder):
            setattr(text, text.base_model_prefix, decoder)
            text.set_output_embeddings(hf.get_output_embeddings())
            return text.eval()
    raise InputError(
        f"The language model inside '{name}' ({type(decoder).__name__} of {type(hf).__name__}) is not one "
        "that transformers opens alone; a text-only checkpoint of the family would be right."
    )
