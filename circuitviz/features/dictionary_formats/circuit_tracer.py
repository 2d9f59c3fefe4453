"""Transcoders in circuit-tracer's form: ``config.yaml`` with safetensors files for each layer.

Encoder and decoder are [features, d_model]; x · W_encᵀ + b_enc goes through ReLU, JumpReLU or top-k, and
W_skip · x is added to what is decoded. Qwen-3 and Llama transcoders are published so. Source:
[hanna2025circuittracer].
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from circuitviz.errors import InputError
from circuitviz.features.dictionary import Dictionary
from circuitviz.features.dictionary_formats.gemma_scope import WEIGHT_NAMES
from circuitviz.features.dictionary_formats.gemma_scope_2 import read_gemma_scope_2_file
from circuitviz.features.dictionary_formats.jumprelu_file import read_jumprelu_file
from circuitviz.features.dictionary_formats.registry import (
    DictionaryFormat,
    check_tensors,
    computing_dtype,
    dictionary_formats,
    int_field,
    read_yaml_object,
    vector_length,
)
from circuitviz.features.sites import DictionarySite
from circuitviz.features.weight_file import WeightFile
from circuitviz.features.weight_processing import RAW_PROCESSING, WeightProcessing
from circuitviz.models.hub import cached_hub_file

CONFIG_FILE, CROSS_LAYER = "config.yaml", "cross_layer_transcoder"
_LAYER_FILE = re.compile(r"layer_(\d+)\.(safetensors|pt|pth|bin|npz)")
_THRESHOLD = "activation_function.threshold"
_UNWEIGHTED_HOOK = "ln2.hook_normalized"  # TransformerLens' hook is before the weight of the normalisation
_ACTIVATIONS = (None, "relu", "topk", "jump_relu", "jumprelu")


def _recognises(path: Path) -> bool:
    if path.suffix == ".safetensors":
        return bool(_LAYER_FILE.fullmatch(path.name)) and (path.parent / CONFIG_FILE).is_file()
    return (path / CONFIG_FILE).is_file()


def _read(path: Path) -> Sequence[Dictionary]:
    folder = path if path.is_dir() else path.parent
    config = read_yaml_object(folder / CONFIG_FILE)
    kind = config.get("model_kind", "transcoder_set")
    hooks = config.get("feature_input_hook"), config.get("feature_output_hook")
    if kind not in ("transcoder_set", CROSS_LAYER) or not all(isinstance(hook, str) for hook in hooks):
        raise InputError(
            f"has a {CONFIG_FILE} with model_kind {kind!r}, feature_input_hook {hooks[0]!r} and "
            f"feature_output_hook {hooks[1]!r}; transcoder_set or {CROSS_LAYER} with names of both hooks "
            "would be right"
        )
    if kind == CROSS_LAYER:
        return _read_cross_layer(folder, config)
    files = {_layer_of(path): path} if path.is_file() else find_layer_files(folder, config)
    return [_read_layer(file, layer, config) for layer, file in sorted(files.items())]


def find_layer_files(folder: Path, config: dict[str, Any]) -> dict[int, Path]:
    """Return the file of each layer of a set.

    Files on Hugging Face that a configuration names are taken from the local cache.

    Raises:
        InputError: In half a sentence: there are none, or one is not there.
    """
    listed = config.get("transcoders")
    if listed is None:
        children = sorted(
            folder.iterdir(), key=lambda child: child.suffix == ".safetensors"
        )  # rather than .pt
        found = {int(match[1]): child for child in children if (match := _LAYER_FILE.fullmatch(child.name))}
        if not found:
            raise InputError(f"has a {CONFIG_FILE} and no files layer_0.safetensors, layer_1.safetensors, …")
        return found
    if not isinstance(listed, list) or not listed:
        raise InputError(f"has a {CONFIG_FILE} whose transcoders are no list of files")
    files = {}
    for number, item in enumerate(listed):
        is_record = isinstance(item, dict)
        layer, name = (item.get("layer"), item.get("filepath")) if is_record else (number, item)
        if not isinstance(layer, int) or not isinstance(name, str):
            raise InputError(
                f"has {item!r:.80} among the transcoders of its {CONFIG_FILE}; a file would be right"
            )
        if layer in files:
            raise InputError(f"has two transcoders of layer {layer} in its {CONFIG_FILE}")
        file = cached_hub_file(name) if name.startswith("hf://") else folder / name
        if file is None:
            raise InputError(
                f"names {name} in its {CONFIG_FILE}, which was not downloaded before; open the set by its "
                "name on Hugging Face with a network, or download that file"
            )
        files[layer] = file
    return files


def _layer_of(path: Path) -> int:
    match = _LAYER_FILE.fullmatch(path.name)
    assert match is not None
    return int(match[1])


def _read_layer(path: Path, layer: int, config: dict[str, Any]) -> Dictionary:
    if path.suffix not in (".safetensors", ".npz"):
        raise InputError(
            f"has layer {layer} in {path.name}, a torch file, which may hold code and is never unpickled; "
            f"layer_{layer}.safetensors would be right"
        )
    site, processing = site_and_processing(config, layer)
    model = config.get("model_name")
    name, model_name = f"layer_{layer}", model if isinstance(model, str) else None
    file = WeightFile(path)
    if path.suffix == ".npz":
        return read_jumprelu_file(file, name, site, processing, model_name, WEIGHT_NAMES)
    if "w_enc" in file.shapes:
        return read_gemma_scope_2_file(file, name, site, processing, model_name)
    features, width = vector_length(file, "b_enc"), vector_length(file, "b_dec")
    is_old = features != width and file.shapes.get("W_dec") == (width, features)  # as of 2025's first sets
    shapes = {
        "W_enc": (features, width),
        "W_dec": (width, features) if is_old else (features, width),
        "b_enc": (features,),
        "b_dec": (width,),
    }
    threshold_shape = file.shapes.get(_THRESHOLD, ())
    is_one_threshold = threshold_shape in ((), (1,))
    optional = {
        "W_skip": (width, width),
        _THRESHOLD: threshold_shape if is_one_threshold else (features,),
        "k": (),
    }
    k = _active_features(config, file)
    check_tensors(file, shapes, optional, whole_numbers=("k",))
    activation = config.get("activation")
    has_threshold = _THRESHOLD in file.shapes
    if activation not in _ACTIVATIONS or (has_threshold and (k or activation in ("relu", "topk"))):
        also = [name for name, is_given in (("k", k), ("thresholds", has_threshold)) if is_given]
        raise InputError(
            f"has {' and '.join([f'the activation {activation!r:.40}', *also])}; relu, topk with k, or "
            "jump_relu with thresholds would be right"
        )
    if activation in ("jump_relu", "jumprelu") and not has_threshold:
        raise InputError(f"has the activation {activation!r} and no {_THRESHOLD} in {path.name}")
    dtype = computing_dtype(file, "W_enc")
    skip = file.tensor("W_skip").to(dtype) if "W_skip" in file.shapes else None
    return Dictionary(
        name=name,
        architecture=_architecture(k, has_threshold, skip is not None),
        site=site,
        encoder=file.tensor("W_enc").T,
        bias=file.tensor("b_enc").to(dtype),
        decoder=file.tensor("W_dec").T if is_old else file.tensor("W_dec"),
        decoder_bias=file.tensor("b_dec").to(dtype),
        threshold=file.tensor(_THRESHOLD).to(dtype).expand(features) if has_threshold else None,
        k=k,
        skip=skip,
        processing=processing,
        model=model_name,
        is_mapped=True,
        files=(file,),
    )


def _read_cross_layer(folder: Path, config: dict[str, Any]) -> list[Dictionary]:
    """Read ``W_enc_0.safetensors`` with ``W_dec_0.safetensors``, … of a cross-layer transcoder.

    W_dec of layer l is [features, layers from l on, d_model]: what is written to each of them.
    """
    encoders = {
        int(match[1]): child
        for child in folder.iterdir()
        if (match := re.fullmatch(r"W_enc_(\d+)\.safetensors", child.name))
    }
    if sorted(encoders) != list(range(len(encoders))) or not encoders:
        raise InputError(
            f"is a {CROSS_LAYER} with encoders of the layers {sorted(encoders)}; W_enc_0.safetensors, "
            "W_enc_1.safetensors, … of all layers would be right"
        )
    return [_read_cross_layer_part(folder, layer, len(encoders), config) for layer in sorted(encoders)]


def _read_cross_layer_part(folder: Path, layer: int, n_layers: int, config: dict[str, Any]) -> Dictionary:
    encoder_file = WeightFile(folder / f"W_enc_{layer}.safetensors")
    decoder_file = WeightFile(folder / f"W_dec_{layer}.safetensors")
    bias_name, threshold_name = f"b_enc_{layer}", f"threshold_{layer}"
    features, width = (vector_length(encoder_file, name) for name in (bias_name, f"b_dec_{layer}"))
    shapes = {f"W_enc_{layer}": (features, width), bias_name: (features,), f"b_dec_{layer}": (width,)}
    check_tensors(encoder_file, shapes, {threshold_name: (features,)})
    check_tensors(decoder_file, {f"W_dec_{layer}": (features, n_layers - layer, width)}, {})
    dtype = computing_dtype(encoder_file, f"W_enc_{layer}")
    decoder = decoder_file.tensor(f"W_dec_{layer}")
    has_threshold = threshold_name in encoder_file.shapes
    site, processing = site_and_processing(config, layer)
    model = config.get("model_name")
    return Dictionary(
        name=f"layer_{layer}",
        architecture=CROSS_LAYER,
        site=site,
        encoder=encoder_file.tensor(f"W_enc_{layer}").T,
        bias=encoder_file.tensor(bias_name).to(dtype),
        decoder=decoder[:, 0],
        decoder_bias=encoder_file.tensor(f"b_dec_{layer}").to(dtype),
        threshold=encoder_file.tensor(threshold_name).to(dtype) if has_threshold else None,
        later_decoder=decoder[:, 1:],
        processing=processing,
        model=model if isinstance(model, str) else None,
        is_mapped=True,
        files=(encoder_file, decoder_file),
    )


def _architecture(k: int | None, has_threshold: bool, has_skip: bool) -> str:
    kind = "skip_transcoder" if has_skip else "transcoder"
    return f"jumprelu_{kind}" if has_threshold else f"topk_{kind}" if k else kind


def _active_features(config: dict[str, Any], file: WeightFile) -> int | None:
    """Return k of a top-k transcoder: the configuration's, or the file's own."""
    if "k" in file.shapes:
        return file.read_int("k")
    return int_field(config, "k") if config.get("activation") == "topk" else None


def site_and_processing(config: dict[str, Any], layer: int) -> tuple[DictionarySite, WeightProcessing]:
    """Return where a set's transcoders of a layer read and write, and the processing of their model.

    circuit-tracer opens models without weight processing; ``ln2.hook_normalized`` is before the weight of the
    normalisation all the same.
    """
    read, written = (f"blocks.{layer}.{config[f'feature_{end}_hook']}" for end in ("input", "output"))
    is_unweighted = config["feature_input_hook"] == _UNWEIGHTED_HOOK
    return DictionarySite.from_hooks(read, written), WeightProcessing(
        fold_ln=True
    ) if is_unweighted else RAW_PROCESSING


dictionary_formats.register("circuit-tracer", summary="transcoders in circuit-tracer's form")(
    DictionaryFormat("config.yaml with layer_0.safetensors, … (circuit-tracer)", _recognises, _read)
)
