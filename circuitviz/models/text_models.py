"""Checkpoints that read images too are used for text through their language model alone."""

from __future__ import annotations

from typing import Any

from circuitviz.errors import InputError


def loading_class(config: Any) -> Any:
    """The Hugging Face class that loads a configuration's checkpoint with its language model in it.

    Raises InputError where it holds no language model that writes text from left to right.
    """
    from transformers import AutoModelForCausalLM, AutoModelForImageTextToText

    for kind in (AutoModelForCausalLM, AutoModelForImageTextToText):
        if type(config) in kind._model_mapping:
            return kind
    raise InputError(
        f"A model of the type '{config.model_type}' does not predict the next token; language models such as "
        "GPT-2, GPT-NeoX, Llama and their kin work."
    )


def extract_language_model(hf: Any, name: str) -> Any:
    """The language model of a model that reads images or sound too; any other model is its own.

    Its blocks and its unembedding are put into the causal language model of the same family, which is made
    without weights of its own; the parameters are shared. Raises InputError where the family has none.
    """
    import torch
    from transformers import AutoModelForCausalLM

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
