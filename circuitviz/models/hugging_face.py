"""Loading with transformers and TransformerLens, which take seconds to import.

Only ``model_loading`` imports this module, when a model is opened.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import torch
from huggingface_hub import constants
from torch import Tensor
from torch.nn import init
from torch.overrides import TorchFunctionMode
from transformers import AutoConfig
from transformers.utils import cached_file
from transformers.utils import logging as transformers_logging

from circuitviz.dtypes import AUTO_DEVICE, AUTO_DTYPE, FULL_DTYPE, auto_dtype
from circuitviz.models.bridges import build_bridge
from circuitviz.models.dispatch import gpus, place_model, plan_device_map, send_bridge_inputs
from circuitviz.models.folder_checks import (
    ADAPTER_FILE,
    CONFIG_FILE,
    SHARD_INDEX_FILE,
    check_adapter,
    check_counts,
    check_folder,
    check_loading_report,
    check_model_size,
    check_quantisation,
    check_shards,
    check_vocabulary,
    main_dtype,
)
from circuitviz.models.memory_needs import MemoryNeeds, check_memory
from circuitviz.models.text_models import extract_language_model, loading_class
from circuitviz.models.tokenizer_files import load_tokenizer
from circuitviz.models.unnormalised_gpt2 import register_architecture

__all__ = [
    "build_bridge",
    "extract_language_model",
    "load_model_and_tokenizer",
    "place_model",
    "send_bridge_inputs",
]


def load_model_and_tokenizer(name: str, location: str, device: str, dtype: str) -> tuple[Any, Any, str]:
    """Load the Hugging Face model and the tokenizer; no code that comes with them is run.

    Args:
        name: The model's name in error messages.
        location: A folder, or a Hugging Face name.
        device: ``cpu``, ``cuda`` or ``auto``.
        dtype: The precision that matrices are kept in, one of ``DTYPE_CHOICES``.

    Returns:
        The model, the tokenizer, and what ``auto`` stands for as the precision of this model on this device.

    Raises:
        InputError: The configuration does not fit the weights, the model does not fit into memory, or there
            is no language model in it.
    """
    register_architecture()
    # or transformers asks a server to convert weights
    os.environ.setdefault("DISABLE_SAFETENSORS_CONVERSION", "1")
    transformers_logging.set_verbosity_error()
    transformers_logging.disable_progress_bar()
    path = Path(location)
    n_values = check_folder(path) if path.is_dir() else None
    if n_values is None:
        _check_hub_configuration(location, name)
    config = AutoConfig.from_pretrained(location, trust_remote_code=False)
    quantisation = getattr(config, "quantization_config", None)
    if isinstance(quantisation, dict):  # or kernels compute with packed weights on a GPU
        quantisation["dequantize"] = True
    model_class = loading_class(config)
    with _UninitialisedOnMeta(), torch.device("meta"):  # without memory
        skeleton = model_class.from_config(config, trust_remote_code=False)
    if n_values is not None:
        check_model_size(skeleton, n_values, path)
    needs = MemoryNeeds.of_model(skeleton)
    own_dtype = main_dtype(path) if n_values is not None else _config_dtype(config)
    is_spread = device == AUTO_DEVICE and bool(gpus())
    kind = "cuda" if is_spread else torch.device("cpu" if device == AUTO_DEVICE else device).type
    auto = auto_dtype(needs.n_values, own_dtype, kind)
    dtype = auto if dtype == AUTO_DTYPE else dtype
    if is_spread:
        device_map = plan_device_map(skeleton.to(getattr(torch, dtype)), name, dtype)
    else:
        device_map = {"": kind if device == AUTO_DEVICE else device}
        check_memory(needs, name, torch.device(device_map[""]), dtype)
    tokenizer = load_tokenizer(location)
    with _UninitialisedOnMeta():
        hf, info = model_class.from_pretrained(
            location,
            config=config,
            trust_remote_code=False,
            use_safetensors=True,
            attn_implementation="eager",
            dtype=getattr(torch, dtype),
            device_map=device_map,  # tensor by tensor from the files to where they are used
            ignore_mismatched_sizes=True,  # check_loading_report names them
            output_loading_info=True,
        )
    check_loading_report(info, name)
    check_vocabulary(tokenizer, len(hf.get_input_embeddings().weight), name)
    return hf, tokenizer, auto


class _UninitialisedOnMeta(TorchFunctionMode):
    """Leaves out random values of tensors on ``meta``, which have none: torch would import sympy for them."""

    RANDOM = (init.normal_, init.uniform_, init.kaiming_uniform_, Tensor.normal_, Tensor.uniform_)

    def __torch_function__(self, function: Any, types: Any, arguments: Any = (), named: Any = None) -> Any:
        named = named or {}
        if function in self.RANDOM:
            tensor = named["tensor"] if "tensor" in named else arguments[0]
            if tensor.is_meta:
                return tensor
        return function(*arguments, **named)


def _check_hub_configuration(location: str, name: str) -> None:
    """Check a repository's configuration before its weights are downloaded."""
    adapter = cached_file(location, ADAPTER_FILE, _raise_exceptions_for_missing_entries=False)
    if adapter is not None:
        check_adapter(Path(adapter), name)
    config = cached_file(location, CONFIG_FILE)
    if config is not None:
        check_quantisation(Path(config), name)
        check_counts(Path(config))
    index = cached_file(location, SHARD_INDEX_FILE, _raise_exceptions_for_missing_entries=False)
    if index is not None and constants.HF_HUB_OFFLINE:
        check_shards(Path(index).parent, name)


def _config_dtype(config: Any) -> str:
    """The precision that a configuration gives for its checkpoint; float32 where it gives none."""
    dtype = getattr(config, "dtype", None) or getattr(config.get_text_config(), "dtype", None)
    return str(dtype or FULL_DTYPE).removeprefix("torch.")
