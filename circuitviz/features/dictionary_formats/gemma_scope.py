"""Gemma Scope's ``params.npz``: JumpReLU SAEs and transcoders of Gemma 2.

The file holds W_enc [d_in, features], W_dec [features, d_out], b_enc, b_dec and threshold; a feature is
active where x · W_enc + b_enc is above its threshold. What it reads, its folders say:
``gemma-scope-2b-pt-att`` with ``layer_5/width_16k/average_l0_68``. Source: [lieberum2024gemmascope].
"""

from __future__ import annotations

import re
from pathlib import Path

from circuitviz.errors import InputError
from circuitviz.features.dictionary import Dictionary
from circuitviz.features.dictionary_formats.registry import (
    DictionaryFormat,
    check_tensors,
    computing_dtype,
    dictionary_formats,
    vector_length,
)
from circuitviz.features.sites import Site
from circuitviz.features.weight_file import WeightFile
from circuitviz.features.weight_processing import RAW_PROCESSING, Processing

PARAMETERS_FILE = "params.npz"
_REPOSITORY = re.compile(r"gemma-scope-(\d+b)-(pt|it)-(res|mlp|att|transcoders)(?![a-z])")
_LAYER = re.compile(r"layer_(\d+)")
_HOOKS = {
    "res": ("hook_resid_post", None),
    "mlp": ("hook_mlp_out", None),
    "att": ("attn.hook_z", None),
    "transcoders": ("ln2.hook_normalized", "hook_mlp_out"),
}


def _recognises(path: Path) -> bool:
    return path.suffix == ".npz" if path.is_file() else (path / PARAMETERS_FILE).is_file()


def _read(path: Path) -> list[Dictionary]:
    parameters = path if path.is_file() else path / PARAMETERS_FILE
    place = parameters.parent.absolute().as_posix()
    repository, layers = _REPOSITORY.search(place), _LAYER.findall(place)
    if repository is None or not layers:
        raise InputError(
            f"is a {PARAMETERS_FILE} in folders that do not say what it reads; Gemma Scope's own names, for "
            f"example gemma-scope-2b-pt-att/layer_5/width_16k/average_l0_68, would be right"
        )
    size, variant, kind = repository.groups()
    block = f"blocks.{layers[-1]}."
    read, written = _HOOKS[kind]
    site = Site.from_hooks(block + read, block + written if written else None)
    # TransformerLens' hook, which transcoders read, is before the weight of the normalisation
    processing = Processing(fold_ln=True) if kind == "transcoders" else RAW_PROCESSING
    name = place[place.index(f"layer_{layers[-1]}") :]
    model = f"google/gemma-2-{size}" + ("-it" if variant == "it" else "")
    return [read_gemma_scope_file(WeightFile(parameters), name, site, processing, model)]


def read_gemma_scope_file(
    file: WeightFile, name: str, site: Site, processing: Processing, model: str | None
) -> Dictionary:
    """Read one file.

    Args:
        file: The file.
        name: The dictionary's name.
        site: Where it reads and writes.
        processing: Weight processing of its model.
        model: Name of its model.

    Raises:
        InputError: In half a sentence: tensors are missing, unknown or of wrong shapes.
    """
    features, d_out = vector_length(file, "b_enc"), vector_length(file, "b_dec")
    d_in = (file.shapes.get("W_enc") or (d_out,))[0]
    shapes = {"W_enc": (d_in, features), "W_dec": (features, d_out), "b_enc": (features,), "b_dec": (d_out,)}
    check_tensors(file, shapes | {"threshold": (features,)}, {})
    dtype = computing_dtype(file, "W_enc")
    return Dictionary(
        name=name,
        architecture="jumprelu_transcoder" if site.is_transcoder else "jumprelu",
        site=site,
        encoder=file.tensor("W_enc"),
        bias=file.tensor("b_enc").to(dtype),
        decoder=file.tensor("W_dec"),
        decoder_bias=file.tensor("b_dec").to(dtype),
        threshold=file.tensor("threshold").to(dtype),
        processing=processing,
        model=model,
        is_mapped=True,
        files=(file,),
    )


dictionary_formats.register("gemma-scope", summary="a dictionary of Gemma Scope")(
    DictionaryFormat("params.npz (Gemma Scope)", _recognises, _read)
)
