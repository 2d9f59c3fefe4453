"""Opening dictionaries must either fit the model that is open or say in a sentence why they do not."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Sequence
from pathlib import Path

import psutil

from circuitviz.errors import InputError, InputWarning
from circuitviz.features.dictionary import Dictionary
from circuitviz.features.fit import fitted, sample_runs
from circuitviz.features.legacy import read_legacy
from circuitviz.features.saelens import WEIGHTS, is_folder, read_folder, read_release
from circuitviz.models import Model
from circuitviz.models.hub import reach_steps
from circuitviz.progress import Progress, Steps, finish
from circuitviz.resources import resource

MOST_DEEP = 3  # folders of folders that are looked into


def load_dictionary(path: str | Path, model: Model | None = None) -> Dictionary:
    """Open one dictionary: a SAELens folder, or a ``.pt`` file of transcoder_circuits.

    With a model, checks that it fits, as ``load_dictionaries`` does. Nothing is downloaded, unless it is
    asked for by name: ``saelens:gpt2-small-hook-z-kk/blocks.0.hook_z``.
    """
    answers = _released(path) is not None and finish(reach_steps())
    one = _load(path, model, answers)
    if model is not None:
        (one,) = finish(_measured([one], model))
        _warn([one])
    return one


def _load(path: str | Path, model: Model | None, answers: bool) -> Dictionary:
    """``answers``: whether Hugging Face does, where the path is the name of a release."""
    where = Path(path).expanduser()
    if released := _released(path):
        found = read_release(*released, answers)
    elif where.is_dir() and is_folder(where):
        found = read_folder(where)
    elif where.is_file() and where.suffix == ".pt":
        found = read_legacy(where)
    else:
        raise InputError(
            f"'{path}' is no dictionary: a SAELens folder holds cfg.json and {WEIGHTS}, and a transcoder of "
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
    found = finish(load_dictionaries_steps(paths, model))
    _warn(found)
    return found


def load_dictionaries_steps(paths: Iterable[str | Path], model: Model) -> Steps[tuple[Dictionary, ...]]:
    """``load_dictionaries``, with steps while Hugging Face is looked for and after each dictionary.

    Warnings are left to whoever asks: the ``misfit`` of each.
    """
    places = [place for path in paths for place in dictionary_places(path)]
    _check_memory(places)
    answers = any(_released(place) for place in places) and (yield from reach_steps())
    found: list[Dictionary] = []
    for place in places:
        yield Progress(len(found), len(places), "Opening dictionaries")
        found.append(_load(place, model, answers))
    check_set(found)
    found = yield from _measured(found, model)
    return tuple(sorted(found, key=lambda one: (one.site.layer, one.site.part)))


def _measured(dictionaries: Sequence[Dictionary], model: Model) -> Steps[list[Dictionary]]:
    """Dictionaries in the form that fits, with what they leave unexplained; unmeasured without any text."""
    runs = sample_runs(model) if dictionaries else []
    found: list[Dictionary] = []
    for one in dictionaries:
        yield Progress(len(found), len(dictionaries), f"Measuring how {one.name} fits")
        found += fitted([one], runs)[0] if runs else [one]
    return found


def _warn(dictionaries: Iterable[Dictionary]) -> None:
    for one in dictionaries:
        if one.misfit:
            warnings.warn(one.misfit, InputWarning, stacklevel=3)


def given_or_shipped(paths: Sequence[str | Path], model: Model) -> Sequence[str | Path]:
    """These files and folders; where none is given, those that ship with the demo model.

    InputError where none is given and none ship with the model.
    """
    shipped = resource("demo", "dictionaries")
    if not paths and (model.name != "demo" or not shipped.is_dir()):
        raise InputError(
            f"No dictionaries ship with '{model.name}'; a folder of dictionaries that were trained on it "
            "would be right (--dictionaries, or in the window Features → Files), and 'circuitviz "
            "train-dictionary' trains some."
        )
    return paths or [shipped]


def dictionary_places(path: str | Path) -> list[str | Path]:
    """Folders and files below a path that hold one dictionary each; InputError where there is none."""
    where = Path(path).expanduser()
    if where.is_file() or is_folder(where) or _released(path):
        return [path if _released(path) else where]
    found: list[str | Path] = []
    level = [where] if where.is_dir() else []
    for _ in range(MOST_DEEP):
        try:
            inside = sorted(child for folder in level for child in folder.iterdir())
        except OSError as error:
            raise InputError(
                f"'{error.filename}' could not be looked into for dictionaries ({error.strerror})."
            ) from None
        found += [child for child in inside if is_folder(child) or child.suffix == ".pt"]
        level = [child for child in inside if child.is_dir() and not is_folder(child)]
    if not found:
        raise InputError(
            f"'{path}' holds no dictionary; give SAELens folders (cfg.json and {WEIGHTS}), a folder of "
            "them, or .pt files of transcoder_circuits."
        )
    return found


def check_set(dictionaries: Sequence[Dictionary]) -> None:
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


def _released(path: str | Path) -> tuple[str, str] | None:
    """Release and id of ``saelens:RELEASE/ID``."""
    prefix, colon, rest = str(path).partition(":")
    release, slash, identity = rest.partition("/")
    return (release, identity) if prefix == "saelens" and colon and slash else None


def _check_memory(places: Sequence[str | Path]) -> None:
    """Encoders are read as a whole, about half of the files; decoders stay on disk."""
    files = [p / WEIGHTS if p.is_dir() else p for p in places if isinstance(p, Path)]
    size = sum(file.stat().st_size for file in files if file.is_file()) / 2
    free = int(psutil.virtual_memory().available)
    if size > free:
        raise InputError(
            f"The encoders of {len(places)} dictionaries take about {size / 2**30:.1f} GB, and "
            f"{free / 2**30:.1f} GB of memory are free; give fewer layers, or smaller dictionaries."
        )
