"""Gemma Scope 2's ``config.json`` with ``params.safetensors``: JumpReLU SAEs and transcoders of Gemma 3.

The file holds w_enc [d_in, features], w_dec [features, d_out], b_enc, b_dec, threshold and, of transcoders
with a skip connection, affine_skip_connection [d_in, d_out], which is applied as x · matrix. The
configuration names the modules of the Hugging Face model that are read and written. Source:
[deepmind2025gemmascope2].
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from circuitviz.errors import InputError
from circuitviz.features.dictionary import Dictionary
from circuitviz.features.dictionary_formats.jumprelu_file import read_jumprelu_file
from circuitviz.features.dictionary_formats.registry import (
    DictionaryFormat,
    dictionary_formats,
    read_json_object,
)
from circuitviz.features.sites import DictionarySite
from circuitviz.features.weight_file import WeightFile
from circuitviz.features.weight_processing import RAW_PROCESSING, WeightProcessing

CONFIG_FILE, PARAMETERS_FILE = "config.json", "params.safetensors"
_SKIP = "affine_skip_connection"
_MODULE = re.compile(r"(?:.*\.)?layers\.(\d+)\.(.+)")
_HOOKS = {
    "pre_feedforward_layernorm.output": "mlp.hook_in",
    "post_feedforward_layernorm.output": "hook_mlp_out",
    "post_attention_layernorm.output": "hook_attn_out",
    "self_attn.o_proj.input": "attn.hook_z",
    "output": "hook_resid_post",
}


def _recognises(path: Path) -> bool:
    folder = path.parent if path.name == PARAMETERS_FILE else path
    return (folder / PARAMETERS_FILE).is_file() and (folder / CONFIG_FILE).is_file()


def _read(path: Path) -> list[Dictionary]:
    folder = path.parent if path.is_file() else path
    config = read_json_object(folder / CONFIG_FILE)
    if config.get("architecture") != "jump_relu":
        raise InputError(f"has the architecture {config.get('architecture')!r:.40}; jump_relu would be right")
    read, written = config.get("hf_hook_point_in"), config.get("hf_hook_point_out")
    site = DictionarySite.from_hooks(
        _hook_name(read), None if written in (None, read) else _hook_name(written)
    )
    model = config.get("model_name")
    name = "/".join(folder.absolute().parts[-2:])
    model_name = str(model).replace("gemma-v3", "gemma-3") if isinstance(model, str) else None
    file = WeightFile(folder / PARAMETERS_FILE)
    return [read_gemma_scope_2_file(file, name, site, RAW_PROCESSING, model_name)]


def _hook_name(module: Any) -> str:
    """Return TransformerLens' name of a point of the Hugging Face model."""
    match = _MODULE.fullmatch(module) if isinstance(module, str) else None
    if match is None or match[2] not in _HOOKS:
        raise InputError(
            f"reads or writes {module!r:.80} of the Hugging Face model; "
            f"model.layers.N. with {', '.join(_HOOKS)} would be right"
        )
    return f"blocks.{match[1]}.{_HOOKS[match[2]]}"


def read_gemma_scope_2_file(
    file: WeightFile, name: str, site: DictionarySite, processing: WeightProcessing, model: str | None
) -> Dictionary:
    """Read one file; arguments and errors are ``read_jumprelu_file``'s, and a cross-layer file is refused."""
    if len(file.shapes.get("w_dec", ())) == 3:
        raise InputError(
            "writes to several layers (w_dec has three axes); transcoders of one layer can be opened"
        )
    return read_jumprelu_file(file, name, site, processing, model, ("w_enc", "w_dec"), _SKIP)


dictionary_formats.register("gemma-scope-2", summary="a dictionary of Gemma Scope 2")(
    DictionaryFormat("config.json with params.safetensors (Gemma Scope 2)", _recognises, _read)
)
