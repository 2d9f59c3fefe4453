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
from circuitviz.features.dictionary_formats.jumprelu_file import read_jumprelu_file
from circuitviz.features.dictionary_formats.registry import DictionaryFormat, dictionary_formats
from circuitviz.features.sites import DictionarySite
from circuitviz.features.weight_file import WeightFile
from circuitviz.features.weight_processing import RAW_PROCESSING, WeightProcessing

PARAMETERS_FILE = "params.npz"
WEIGHT_NAMES = ("W_enc", "W_dec")
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
    site = DictionarySite.from_hooks(block + read, block + written if written else None)
    # TransformerLens' hook, which transcoders read, is before the weight of the normalisation
    processing = WeightProcessing(fold_ln=True) if kind == "transcoders" else RAW_PROCESSING
    name = place[place.index(f"layer_{layers[-1]}") :]
    model = f"google/gemma-2-{size}" + ("-it" if variant == "it" else "")
    return [read_jumprelu_file(WeightFile(parameters), name, site, processing, model, WEIGHT_NAMES)]


dictionary_formats.register("gemma-scope", summary="a dictionary of Gemma Scope")(
    DictionaryFormat("params.npz (Gemma Scope)", _recognises, _read)
)
