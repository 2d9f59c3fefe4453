"""Loading of dictionaries, with checks that they fit the model."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Sequence
from pathlib import Path

import psutil

from circuitviz.errors import InputError, InputWarning
from circuitviz.features.dictionary import Dictionary
from circuitviz.features.dictionary_fit import fit_dictionaries, run_sample_texts
from circuitviz.features.dunefsky_transcoders import read_dunefsky_transcoder
from circuitviz.features.saelens import (
    HALF_DTYPE_NAMES,
    WEIGHTS_FILE,
    download_release,
    is_saelens_folder,
    read_saelens_folder,
    stored_dtype,
)
from circuitviz.models import Model
from circuitviz.models.hub import probe_hub_steps
from circuitviz.progress import Progress, ProgressSteps, run_to_completion
from circuitviz.resources import resource_path

MAX_FOLDER_DEPTH = 3  # folders of folders that are looked into


def load_dictionary(path: str | Path, model: Model | None = None) -> Dictionary:
    """Load one dictionary: a SAELens folder, or a ``.pt`` file of Dunefsky et al.

    Nothing is downloaded, unless it is named so: ``saelens:gpt2-small-hook-z-kk/blocks.0.hook_z``.

    Args:
        path: The folder, file or name.
        model: With a model, checks that the dictionary fits it, as ``load_dictionaries`` does.

    Raises:
        InputError: It is no dictionary, or cannot belong to the model.
    """
    hub_answers = _parse_release(path) is not None and run_to_completion(probe_hub_steps())
    dictionary = _load(path, model, hub_answers)
    if model is not None:
        (dictionary,) = run_to_completion(_measure_fit([dictionary], model))
        _warn_of_misfit([dictionary])
    return dictionary


def _load(path: str | Path, model: Model | None, hub_answers: bool) -> Dictionary:
    """Load one dictionary; ``hub_answers``: whether Hugging Face does, for the name of a release."""
    expanded_path = Path(path).expanduser()
    if released := _parse_release(path):
        dictionary = download_release(*released, hub_answers)
    elif expanded_path.is_dir() and is_saelens_folder(expanded_path):
        dictionary = read_saelens_folder(expanded_path)
    elif expanded_path.is_file() and expanded_path.suffix == ".pt":
        dictionary = read_dunefsky_transcoder(expanded_path)
    else:
        raise InputError(
            f"'{path}' is no dictionary: a SAELens folder holds cfg.json and {WEIGHTS_FILE}, and a "
            "transcoder of transcoder_circuits is one .pt file."
        )
    if model is not None:
        check_dictionary(dictionary, model)
    return dictionary


def load_dictionaries(paths: Iterable[str | Path], model: Model) -> tuple[Dictionary, ...]:
    """Load all dictionaries of some files and folders, at most one for each site.

    A folder that is no dictionary is searched for some. Each is tried on a little English text: an
    InputWarning is given where it leaves more than half of the variance unexplained, or fits another weight
    processing than its file states.

    Args:
        paths: Files, folders and names of releases.
        model: The model.

    Returns:
        The dictionaries, by layer.

    Raises:
        InputError: A dictionary cannot be the model's (layer, width, values that are not finite), two belong
            to one site, or their encoders would not fit into memory.
    """
    dictionaries = run_to_completion(load_dictionaries_steps(paths, model))
    _warn_of_misfit(dictionaries)
    return dictionaries


def load_dictionaries_steps(
    paths: Iterable[str | Path], model: Model
) -> ProgressSteps[tuple[Dictionary, ...]]:
    """Load dictionaries as ``load_dictionaries`` does, as a generator of progress.

    Warnings are left to the caller: the ``misfit`` of each dictionary.
    """
    dictionary_paths = [dictionary_path for path in paths for dictionary_path in find_dictionary_paths(path)]
    _check_memory(dictionary_paths)
    hub_answers = any(_parse_release(dictionary_path) for dictionary_path in dictionary_paths) and (
        yield from probe_hub_steps()
    )
    dictionaries: list[Dictionary] = []
    for dictionary_path in dictionary_paths:
        yield Progress(len(dictionaries), len(dictionary_paths), "Opening dictionaries")
        dictionaries.append(_load(dictionary_path, model, hub_answers))
    check_one_per_site(dictionaries)
    dictionaries = yield from _measure_fit(dictionaries, model)
    return tuple(sorted(dictionaries, key=lambda dictionary: (dictionary.site.layer, dictionary.site.part)))


def _measure_fit(dictionaries: Sequence[Dictionary], model: Model) -> ProgressSteps[list[Dictionary]]:
    """Return dictionaries in the processing that fits; as they are without any text."""
    runs = run_sample_texts(model) if dictionaries else []
    fitted: list[Dictionary] = []
    for dictionary in dictionaries:
        yield Progress(len(fitted), len(dictionaries), f"Measuring how {dictionary.name} fits")
        fitted += fit_dictionaries([dictionary], runs, dictionaries)[0] if runs else [dictionary]
    return fitted


def _warn_of_misfit(dictionaries: Iterable[Dictionary]) -> None:
    for dictionary in dictionaries:
        if dictionary.misfit:
            warnings.warn(dictionary.misfit, InputWarning, stacklevel=3)


def paths_or_shipped(paths: Sequence[str | Path], model: Model) -> Sequence[str | Path]:
    """Return the paths; where there are none, the dictionaries that ship with the demo model.

    Raises:
        InputError: There are no paths, and none ship with the model.
    """
    shipped = resource_path("demo", "dictionaries")
    if not paths and (model.name != "demo" or not shipped.is_dir()):
        raise InputError(
            f"No dictionaries ship with '{model.name}'; a folder of dictionaries that were trained on it "
            "would be right (--dictionaries, or in the window Features → Files), and 'circuitviz "
            "train-dictionary' trains some."
        )
    return paths or [shipped]


def find_dictionary_paths(path: str | Path) -> list[str | Path]:
    """Return the folders and files below a path that hold one dictionary each.

    Raises:
        InputError: There is none.
    """
    expanded_path = Path(path).expanduser()
    if expanded_path.is_file() or is_saelens_folder(expanded_path) or _parse_release(path):
        return [path if _parse_release(path) else expanded_path]
    paths: list[str | Path] = []
    folders = [expanded_path] if expanded_path.is_dir() else []
    for _ in range(MAX_FOLDER_DEPTH):
        try:
            children = sorted(child for folder in folders for child in folder.iterdir())
        except OSError as error:
            raise InputError(
                f"'{error.filename}' could not be looked into for dictionaries ({error.strerror})."
            ) from None
        paths += [child for child in children if is_saelens_folder(child) or child.suffix == ".pt"]
        folders = [child for child in children if child.is_dir() and not is_saelens_folder(child)]
    if not paths:
        raise InputError(
            f"'{path}' holds no dictionary; give SAELens folders (cfg.json and {WEIGHTS_FILE}), a folder of "
            "them, or .pt files of transcoder_circuits."
        )
    return paths


def check_one_per_site(dictionaries: Sequence[Dictionary]) -> None:
    """Raise InputError where two dictionaries belong to one site."""
    by_site: dict[str, Dictionary] = {}
    for dictionary in dictionaries:
        other = by_site.setdefault(dictionary.site.name, dictionary)
        if other is not dictionary:
            raise InputError(
                f"The dictionaries '{other.name}' and '{dictionary.name}' both belong to "
                f"{dictionary.site.name} (what {'attention' if dictionary.site.part == 'a' else 'the MLP'} "
                f"of layer {dictionary.site.layer} writes); give one of them."
            )


def check_dictionary(dictionary: Dictionary, model: Model) -> None:
    """Raise InputError where a dictionary belongs to another site or width than the model has."""
    site, shape = dictionary.site, model.shape
    if not 0 <= site.layer < shape.n_layers or (site.part == "m" and not shape.mlp):
        raise InputError(
            f"The dictionary '{dictionary.name}' belongs to {site.name}; '{model.name}' has layers 0 to "
            f"{shape.n_layers - 1}{'' if shape.mlp else ' and no MLPs'}."
        )
    heads, inner = model.layers[site.layer].o.shape[:2]
    width = heads * inner if site.reads == "z" else shape.d_model
    for verb, own_width, model_width in (
        ("reads", dictionary.d_in, width),
        ("writes", dictionary.d_out, width),
    ):
        if own_width != model_width:
            raise InputError(
                f"The dictionary '{dictionary.name}' {verb} vectors of width {own_width}; at {site.name} "
                f"'{model.name}' has width {model_width}. It was made for "
                f"{dictionary.model or 'another model'}."
            )
    if dictionary.last_layer >= shape.n_layers:
        raise InputError(
            f"The cross-layer transcoder '{dictionary.name}' writes to layers {site.layer} to "
            f"{dictionary.last_layer}; '{model.name}' has layers 0 to {shape.n_layers - 1}."
        )
    skip = dictionary.skip
    if skip is not None and skip.shape != (dictionary.d_out, dictionary.d_in):
        raise InputError(
            f"The dictionary '{dictionary.name}' has a skip connection of shape {tuple(skip.shape)}, not "
            f"{(dictionary.d_out, dictionary.d_in)}."
        )


def _held_bytes(file: Path) -> float:
    """Return how much memory a file's weights take.

    Of a file in float32 that is the encoder, about half of it: the decoder stays on disk. One in half
    precision is converted to float32 as a whole.
    """
    size = file.stat().st_size
    is_half = file.suffix == ".safetensors" and stored_dtype(file) in HALF_DTYPE_NAMES
    return 2.0 * size if is_half else size / 2


def _parse_release(path: str | Path) -> tuple[str, str] | None:
    """Return release and id of ``saelens:RELEASE/ID``."""
    prefix, colon, name = str(path).partition(":")
    release, slash, identity = name.partition("/")
    return (release, identity) if prefix == "saelens" and colon and slash else None


def _check_memory(paths: Sequence[str | Path]) -> None:
    """Raise InputError where what is held of the files would not fit."""
    files = [p / WEIGHTS_FILE if p.is_dir() else p for p in paths if isinstance(p, Path)]
    needed_bytes = sum(_held_bytes(file) for file in files if file.is_file())
    free_bytes = int(psutil.virtual_memory().available)
    if needed_bytes > free_bytes:
        raise InputError(
            f"The weights of {len(paths)} dictionaries take about {needed_bytes / 2**30:.1f} GB, and "
            f"{free_bytes / 2**30:.1f} GB of memory are free; give fewer layers, or smaller dictionaries."
        )
