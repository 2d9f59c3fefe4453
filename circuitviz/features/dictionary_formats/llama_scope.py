"""Llama Scope's folders: ``hyperparams.json`` with ``checkpoints/final.safetensors``, of Language-Model-SAEs.

With c_in and c_out, √d_model over the average norm of what is read and written, the encoder's biases are
b_enc / c_in and the decoder is W_dec · c_in / c_out, of norm n for each feature. A feature's value
n (x · W_enc + b_enc / c_in) is active above one threshold, which its authors measured in these units, and is
decoded by W_dec · c_in / (c_out n) and b_dec / c_out. Source: [he2024llamascope] and its code.
"""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import torch

from circuitviz.errors import InputError
from circuitviz.features.dictionary import Dictionary
from circuitviz.features.dictionary_formats.registry import (
    DictionaryFormat,
    check_tensors,
    computing_dtype,
    dictionary_formats,
    int_field,
    read_json_object,
)
from circuitviz.features.matrix_blocks import project, row_norms
from circuitviz.features.sites import DictionarySite
from circuitviz.features.weight_file import WeightFile
from circuitviz.features.weight_processing import RAW_PROCESSING, WeightProcessing

CONFIG_FILE = "hyperparams.json"
WEIGHTS_FILE = "checkpoints/final.safetensors"
MODEL = "meta-llama/Llama-3.1-8B"


def _recognises(path: Path) -> bool:
    return (path / CONFIG_FILE).is_file()


def _read(path: Path) -> list[Dictionary]:
    config = read_json_object(path / CONFIG_FILE)
    if not (path / WEIGHTS_FILE).is_file():
        raise InputError(f"has no weights: there is no file {WEIGHTS_FILE} beside its {CONFIG_FILE}")
    if config.get("act_fn") != "jumprelu" or config.get("use_glu_encoder"):
        kind = "a gated linear encoder" if config.get("use_glu_encoder") else f"{config.get('act_fn')!r:.40}"
        raise InputError(f"has {kind} as its activation function; jumprelu would be right")
    read, written = config.get("hook_point_in"), config.get("hook_point_out")
    site = DictionarySite.from_hooks(str(read), None if written in (None, read) else str(written))
    width = int_field(config, "d_model")
    features = config.get("d_sae") or width * int_field(config, "expansion_factor")
    c_in, c_out = _norm_factors(config, width)
    file = WeightFile(path / WEIGHTS_FILE)
    expected = {
        "encoder.weight": (features, width),
        "encoder.bias": (features,),
        "decoder.weight": (width, features),
    }
    has_bias = bool(config.get("use_decoder_bias", True))
    check_tensors(file, expected | ({"decoder.bias": (width,)} if has_bias else {}), {})
    dtype = computing_dtype(file, "encoder.weight")
    encoder, decoder = file.tensor("encoder.weight").T, file.tensor("decoder.weight").T
    bias = file.tensor("encoder.bias").to(dtype) / c_in
    decoder_bias = file.tensor("decoder.bias").to(dtype) / c_out if has_bias else bias.new_zeros(width)
    if config.get("apply_decoder_bias_to_pre_encoder"):
        bias = bias - project(decoder_bias[None], encoder)[0]
    gain, decoder_gain = None, torch.full_like(bias, c_in / c_out)
    if config.get("sparsity_include_decoder_norm", True):
        gain = row_norms(decoder, bias) * (c_in / c_out)
        bias, decoder_gain = bias * gain, decoder_gain / gain
    # TransformerLens' hook, which transcoders read, is before the weight of the normalisation
    is_unweighted = str(read).endswith("ln2.hook_normalized")
    return [
        Dictionary(
            name=path.absolute().name,
            architecture="jumprelu_transcoder" if site.is_transcoder else "jumprelu",
            site=site,
            encoder=encoder,
            bias=bias,
            decoder=decoder,
            decoder_bias=decoder_bias,
            gain=gain,
            threshold=torch.full_like(bias, _number(config, "jump_relu_threshold", is_zero_allowed=True)),
            decoder_gain=decoder_gain,
            processing=WeightProcessing(fold_ln=True) if is_unweighted else RAW_PROCESSING,
            model=MODEL,
            is_mapped=True,
            files=(file,),
        )
    ]


def _norm_factors(config: dict[str, Any], width: int) -> tuple[float, float]:
    """Return the factors that bring the average norm of what is read and written to √width."""
    normalising = config.get("norm_activation", "dataset-wise")
    if normalising in ("none", "inference"):
        return 1.0, 1.0
    norms = config.get("dataset_average_activation_norm")
    if normalising != "dataset-wise" or not isinstance(norms, dict):
        raise InputError(
            f"normalises its input ({normalising!r:.40}, with average norms {norms!r:.40}), so that its "
            "features are no linear map of what it reads; dataset-wise with both average norms would be right"
        )
    return math.sqrt(width) / _number(norms, "in"), math.sqrt(width) / _number(norms, "out")


def _number(config: dict[str, Any], name: str, is_zero_allowed: bool = False) -> float:
    value = config.get(name)
    number = float(value) if isinstance(value, int | float) and not isinstance(value, bool) else math.nan
    if not (0 < number < math.inf or (number == 0 and is_zero_allowed)):
        raise InputError(f"has {name} {value!r:.40} in its {CONFIG_FILE}; a number above 0 would be right")
    return number


dictionary_formats.register("llama-scope", summary="a dictionary of Llama Scope")(
    DictionaryFormat("hyperparams.json with checkpoints/final.safetensors (Llama Scope)", _recognises, _read)
)
