"""Opening dictionaries must either fit the model that is open or say in a sentence why they do not."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Sequence
from pathlib import Path

import psutil

from circuitviz.errors import InputError, InputWarning
from circuitviz.features.dictionary import Dictionary
from circuitviz.features.dictionary_fit import fit_dictionaries, run_sample_texts
from circuitviz.features.dunefsky_transcoders import read_dunefsky_transcoder
from circuitviz.features.saelens import WEIGHTS_FILE, download_release, is_saelens_folder, read_saelens_folder
from circuitviz.models import Model
from circuitviz.models.hub import probe_hub_steps
from circuitviz.progress import Progress, ProgressSteps, run_to_completion
from circuitviz.resources import resource_path

MAX_FOLDER_DEPTH = 3  # folders of folders that are looked into


def load_dictionary(path: str | Path, model: Model | None = None) -> Dictionary:
    """Open one dictionary: a SAELens folder, or a ``.pt`` file of transcoder_circuits.

    With a model, checks that it fits, as ``load_dictionaries`` does. Nothing is downloaded, unless it is
    asked for by name: ``saelens:gpt2-small-hook-z-kk/blocks.0.hook_z``.
    """
    answers = _parse_release(path) is not None and run_to_completion(probe_hub_steps())
    one = _load(path, model, answers)
    if model is not None:
        (one,) = run_to_completion(_measure_fit([one], model))
        _warn_of_misfit([one])
    return one


def _load(path: str | Path, model: Model | None, hub_answers: bool) -> Dictionary:
    """``hub_answers``: whether Hugging Face does, where the path is the name of a release."""
    where = Path(path).expanduser()
    if released := _parse_release(path):
        found = download_release(*released, hub_answers)
    elif where.is_dir() and is_saelens_folder(where):
        found = read_saelens_folder(where)
    elif where.is_file() and where.suffix == ".pt":
        found = read_dunefsky_transcoder(where)
    else:
        raise InputError(
            f"'{path}' is no dictionary: a SAELens folder holds cfg.json and {WEIGHTS_FILE}, and a transcoder of "
            "transcoder_circuits is one .pt file."
        )
    if model is not None:
        check_dictionary(found, model)
    return found


def load_dictionaries(paths: Iterable[str | Path], model: Model) -> tuple[Dictionary, ...]:
    """Open all dictionaries of some files and folders, at most one a site.

    A folder that is no dictionary is looked into. Each is tried on a little English text
    (``fit.sample_runs``): what it leaves unexplained is its ``unexplained``, and an InputWarning is given
    where that is more than half of the variance, or where it fits another processing of the model than its
    file states. Raises InputError where one cannot be the model's (layer, width, values that are not
    numbers), where two belong to one site, and where their encoders would not fit into memory.
    """
    found = run_to_completion(load_dictionaries_steps(paths, model))
    _warn_of_misfit(found)
    return found


def load_dictionaries_steps(
    paths: Iterable[str | Path], model: Model
) -> ProgressSteps[tuple[Dictionary, ...]]:
    """``load_dictionaries``, with steps while Hugging Face is looked for and after each dictionary.

    Warnings are left to whoever asks: the ``misfit`` of each.
    """
    places = [place for path in paths for place in find_dictionary_paths(path)]
    _check_memory(places)
    answers = any(_parse_release(place) for place in places) and (yield from probe_hub_steps())
    found: list[Dictionary] = []
    for place in places:
        yield Progress(len(found), len(places), "Opening dictionaries")
        found.append(_load(place, model, answers))
    check_one_per_site(found)
    found = yield from _measure_fit(found, model)
    return tuple(sorted(found, key=lambda one: (one.site.layer, one.site.part)))


def _measure_fit(dictionaries: Sequence[Dictionary], model: Model) -> ProgressSteps[list[Dictionary]]:
    """Dictionaries in the form that fits, with what they leave unexplained; unmeasured without any text."""
    runs = run_sample_texts(model) if dictionaries else []
    found: list[Dictionary] = []
    for one in dictionaries:
        yield Progress(len(found), len(dictionaries), f"Measuring how {one.name} fits")
        found += fit_dictionaries([one], runs)[0] if runs else [one]
    return found


def _warn_of_misfit(dictionaries: Iterable[Dictionary]) -> None:
    for one in dictionaries:
        if one.misfit:
            warnings.warn(one.misfit, InputWarning, stacklevel=3)


def paths_or_shipped(paths: Sequence[str | Path], model: Model) -> Sequence[str | Path]:
    """These files and folders; where none is given, those that ship with the demo model.

    InputError where none is given and none ship with the model.
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
    """Folders and files below a path that hold one dictionary each; InputError where there is none."""
    where = Path(path).expanduser()
    if where.is_file() or is_saelens_folder(where) or _parse_release(path):
        return [path if _parse_release(path) else where]
    found: list[str | Path] = []
    level = [where] if where.is_dir() else []
    for _ in range(MAX_FOLDER_DEPTH):
        try:
            inside = sorted(child for folder in level for child in folder.iterdir())
        except OSError as error:
            raise InputError(
                f"'{error.filename}' could not be looked into for dictionaries ({error.strerror})."
            ) from None
        found += [child for child in inside if is_saelens_folder(child) or child.suffix == ".pt"]
        level = [child for child in inside if child.is_dir() and not is_saelens_folder(child)]
    if not found:
        raise InputError(
            f"'{path}' holds no dictionary; give SAELens folders (cfg.json and {WEIGHTS_FILE}), a folder of "
            "them, or .pt files of transcoder_circuits."
        )
    return found


def check_one_per_site(dictionaries: Sequence[Dictionary]) -> None:
    """InputError where two dictionaries belong to one site."""
    first: dict[str, Dictionary] = {}
    for one in dictionaries:
        other = first.setdefault(one.site.name, one)
        if other is not one:
            raise InputError(
                f"The dictionaries '{other.name}' and '{one.name}' both belong to {one.site.name} (what "
                f"{'attention' if one.site.part == 'a' else 'the MLP'} of layer {one.site.layer} writes); "
                "give one of them."
            )


def check_dictionary(dictionary: Dictionary, model: Model) -> None:
    """InputError where a dictionary is of another site or width than the model has."""
    site, shape = dictionary.site, model.shape
    if not 0 <= site.layer < shape.n_layers or (site.part == "m" and not shape.mlp):
        raise InputError(
            f"The dictionary '{dictionary.name}' belongs to {site.name}; '{model.name}' has layers 0 to "
            f"{shape.n_layers - 1}{'' if shape.mlp else ' and no MLPs'}."
        )
    heads, inner = model.layers[site.layer].o.shape[:2]
    width = heads * inner if site.reads == "z" else shape.d_model
    for what, ours, theirs in (("reads", dictionary.d_in, width), ("writes", dictionary.d_out, width)):
        if ours != theirs:
            raise InputError(
                f"The dictionary '{dictionary.name}' {what} vectors of width {ours}; at {site.name} "
                f"'{model.name}' has width {theirs}. It was made for {dictionary.model or 'another model'}."
            )
    skip = dictionary.skip
    if skip is not None and skip.shape != (dictionary.d_out, dictionary.d_in):
        raise InputError(
            f"The dictionary '{dictionary.name}' has a skip connection of shape {tuple(skip.shape)}, not "
            f"{(dictionary.d_out, dictionary.d_in)}."
        )


def _parse_release(path: str | Path) -> tuple[str, str] | None:
    """Release and id of ``saelens:RELEASE/ID``."""
    prefix, colon, rest = str(path).partition(":")
    release, slash, identity = rest.partition("/")
    return (release, identity) if prefix == "saelens" and colon and slash else None


def _check_memory(places: Sequence[str | Path]) -> None:
    """Encoders are read as a whole, about half of the files; decoders stay on disk."""
    files = [p / WEIGHTS_FILE if p.is_dir() else p for p in places if isinstance(p, Path)]
    size = sum(file.stat().st_size for file in files if file.is_file()) / 2
    free = int(psutil.virtual_memory().available)
    if size > free:
        raise InputError(
            f"The encoders of {len(places)} dictionaries take about {size / 2**30:.1f} GB, and "
            f"{free / 2**30:.1f} GB of memory are free; give fewer layers, or smaller dictionaries."
        )
