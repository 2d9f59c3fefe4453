"""Loading with transformers and TransformerLens, which take seconds to import.

Only ``model_loading`` imports this module, when a model is opened.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import torch
from transformers import AutoConfig
from transformers.utils import cached_file
from transformers.utils import logging as transformers_logging

from circuitviz.models.bridges import build_bridge
from circuitviz.models.folder_checks import (
    CONFIG_FILE,
    check_counts,
    check_folder,
    check_loading_report,
    check_model_size,
)
from circuitviz.models.text_models import extract_language_model, loading_class
from circuitviz.models.tokenizer_files import load_tokenizer
from circuitviz.models.unnormalised_gpt2 import register_architecture

__all__ = ["build_bridge", "extract_language_model", "load_model_and_tokenizer"]


def load_model_and_tokenizer(name: str, location: str) -> tuple[Any, Any]:
    """Load the Hugging Face model and the tokenizer; no code that comes with them is run.

    Args:
        name: The model's name in error messages.
        location: A folder, or a Hugging Face name.

    Raises:
        InputError: The configuration does not fit the weights, or there is no language model in them.
    """
    register_architecture()
    # or transformers asks a server to convert weights
    os.environ.setdefault("DISABLE_SAFETENSORS_CONVERSION", "1")
    transformers_logging.set_verbosity_error()
    transformers_logging.disable_progress_bar()
    path = Path(location)
    n_values = check_folder(path) if path.is_dir() else None
    if n_values is None and (config_file := cached_file(location, CONFIG_FILE)) is not None:
        check_counts(Path(config_file))  # before weights are downloaded
    config = AutoConfig.from_pretrained(location, trust_remote_code=False)
    model_class = loading_class(config)
    if n_values is not None:
        check_model_size(config, model_class, n_values, path)
    tokenizer = load_tokenizer(location)
    hf, info = model_class.from_pretrained(
        location,
        config=config,
        trust_remote_code=False,
        use_safetensors=True,
        attn_implementation="eager",
        dtype=torch.float32,
        ignore_mismatched_sizes=True,  # check_loading_report names them
        output_loading_info=True,
    )
    check_loading_report(info, name)
    return hf, tokenizer
