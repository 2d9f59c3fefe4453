"""EleutherAI sparsify's folders: ``cfg.json`` with ``sae.safetensors``, top-k SAEs and transcoders.

The folder's name is the module of the Hugging Face model: ``layers.5.mlp``. The encoder, encoder.weight
[features, d_in] and encoder.bias, reads x − b_dec of an SAE and x itself of a transcoder; the k largest of
its values above 0 are decoded with W_dec [features, d_in] and b_dec, and W_skip · x is added. Source:
[eleutherai2024sparsify].
"""

from __future__ import annotations

import json
import re
from pathlib import Path

from safetensors.torch import save_file

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
from circuitviz.features.matrix_blocks import project
from circuitviz.features.sites import DictionarySite
from circuitviz.features.weight_file import WeightFile

CONFIG_FILE, WEIGHTS_FILE = "cfg.json", "sae.safetensors"
_MODULE = re.compile(r"(?:.*\.)?(?:layers|h|blocks)\.(\d+)(?:\.(.+))?")
_MLP_MODULES = ("mlp", "feed_forward", "block_sparse_moe")
_ATTENTION_MODULES = ("attn", "self_attn", "attention")


def _recognises(path: Path) -> bool:
    return (path / CONFIG_FILE).is_file() and (path / WEIGHTS_FILE).is_file()


def _read(path: Path) -> list[Dictionary]:
    config = read_json_object(path / CONFIG_FILE)
    if config.get("activation", "topk") != "topk" or config.get("signed"):
        kind = "top-k with signs" if config.get("signed") else f"the activation {config['activation']!r:.40}"
        raise InputError(f"has {kind}; top-k without signs would be right")
    is_transcoder = bool(config.get("transcode")) or bool(config.get("skip_connection"))
    site = _site_of_module(path.absolute().name, is_transcoder)
    file = WeightFile(path / WEIGHTS_FILE)
    d_in, k = int_field(config, "d_in"), int_field(config, "k")
    features = config.get("num_latents") or d_in * int_field(config, "expansion_factor", 32)
    expected = {
        "encoder.weight": (features, d_in),
        "encoder.bias": (features,),
        "W_dec": (features, d_in),
        "b_dec": (d_in,),
    }
    if config.get("skip_connection"):
        expected["W_skip"] = (d_in, d_in)
    check_tensors(file, expected, {})
    dtype = computing_dtype(file, "encoder.weight")
    encoder = file.tensor("encoder.weight").T
    bias, decoder_bias = file.tensor("encoder.bias").to(dtype), file.tensor("b_dec").to(dtype)
    if not is_transcoder:
        bias = bias - project(decoder_bias[None], encoder)[0]
    skip = file.tensor("W_skip").to(dtype) if config.get("skip_connection") else None
    architecture = (
        "topk_skip_transcoder" if skip is not None else "topk_transcoder" if is_transcoder else "topk"
    )
    return [
        Dictionary(
            name=path.absolute().name,
            architecture=architecture,
            site=site,
            encoder=encoder,
            bias=bias,
            decoder=file.tensor("W_dec"),
            decoder_bias=decoder_bias,
            k=k,
            skip=skip,
            model=_model_name(path),
            is_mapped=True,
            files=(file,),
            is_before_post_norm=True,
        )
    ]


def write_sparsify_folder(dictionary: Dictionary, path: Path) -> None:
    """Write a top-k transcoder of what an MLP is given after its normalisation.

    Args:
        dictionary: The transcoder, with gains folded in and as wide at its inputs as at its targets.
        path: The folder, whose name is the module: ``layers.5.mlp``; it is made.
    """
    config = {
        "activation": "topk",
        "d_in": dictionary.d_in,
        "num_latents": dictionary.features,
        "k": dictionary.k,
        "transcode": True,
        "skip_connection": dictionary.skip is not None,
        **dictionary.about,
    }
    state = {
        "encoder.weight": dictionary.encoder.T,
        "encoder.bias": dictionary.bias,
        "W_dec": dictionary.decoder,
        "b_dec": dictionary.decoder_bias,
    }
    if dictionary.skip is not None:
        state["W_skip"] = dictionary.skip
    path.mkdir(parents=True, exist_ok=True)
    save_file({name: tensor.contiguous().cpu() for name, tensor in state.items()}, path / WEIGHTS_FILE)
    (path / CONFIG_FILE).write_text(json.dumps(config, indent=1), encoding="utf-8")


def _site_of_module(name: str, is_transcoder: bool) -> DictionarySite:
    """Return the site of a module: transcoders read what it is given, SAEs what it returns."""
    match = _MODULE.fullmatch(name)
    layer, module = (match[1], match[2]) if match else ("", None)
    if module in _MLP_MODULES:
        read = "mlp.hook_in" if is_transcoder else "hook_mlp_out"
        return DictionarySite.from_hooks(f"blocks.{layer}.{read}", f"blocks.{layer}.hook_mlp_out")
    if module in _ATTENTION_MODULES and not is_transcoder:
        return DictionarySite.from_hooks(f"blocks.{layer}.hook_attn_out")
    if match and module is None and not is_transcoder:
        return DictionarySite.from_hooks(f"blocks.{layer}.hook_resid_post")
    kind = "a transcoder" if is_transcoder else "an SAE"
    raise InputError(
        f"is {kind} of the module '{name[:60]}', as its folder's name says; transcoders and SAEs of an MLP "
        "(layers.5.mlp) and SAEs of attention (layers.5.self_attn) can be opened"
    )


def _model_name(path: Path) -> str | None:
    """Return the model that the run's configuration in the folder above names."""
    run = path.absolute().parent / "config.json"
    model = read_json_object(run).get("model") if run.is_file() else None
    return model if isinstance(model, str) else None


dictionary_formats.register("sparsify", summary="a dictionary in sparsify's form")(
    DictionaryFormat("cfg.json with sae.safetensors (sparsify)", _recognises, _read)
)
