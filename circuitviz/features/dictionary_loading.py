"""Loading of dictionaries, with checks that they fit the model."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path

import psutil
import torch

from circuitviz.dtypes import NO_OFFLOAD, OFFLOAD_TO_DISK, check_offload, default_offload
from circuitviz.errors import InputError, InputWarning
from circuitviz.features.dictionary import Dictionary
from circuitviz.features.dictionary_fit import fit_dictionaries, run_sample_texts
from circuitviz.features.dictionary_formats.registry import (
    describe_files,
    describe_formats,
    find_dictionary_folders,
    read_dictionaries,
)
from circuitviz.features.dictionary_names import (
    HubFolder,
    SaelensRelease,
    parse_dictionary_name,
    read_named_steps,
    suggest_release,
)
from circuitviz.graph.names import site_sort_key
from circuitviz.models import Model
from circuitviz.models.hub import probe_hub_steps
from circuitviz.progress import Progress, ProgressSteps, run_to_completion
from circuitviz.resources import resource_path


def load_dictionary(path: str | Path, model: Model | None = None, offload: str | None = None) -> Dictionary:
    """Load one dictionary, in any of the forms of ``dictionary_formats``.

    Nothing is downloaded, unless it is named so: ``gemma-scope-2b-pt-transcoders/layer_0/…``, a release of
    SAELens' table, or a folder of a repository on Hugging Face.

    Args:
        path: The folder, file or name.
        model: With a model, checks that the dictionary fits it, as ``load_dictionaries`` does.
        offload: Where encoder and decoder are, one of ``OFFLOAD_CHOICES``; the process' default if None.

    Raises:
        InputError: It is no dictionary, there are several, or it cannot belong to the model.
    """
    dictionaries = run_to_completion(
        read_sources_steps([parse_dictionary_name(path) or Path(path).expanduser()])
    )
    if len(dictionaries) != 1:
        raise InputError(
            f"'{path}' holds {len(dictionaries)} dictionaries, and one was to be loaded; one of its files, "
            "or load_dictionaries, would be right."
        )
    dictionary = replace(dictionaries[0], offload=check_offload(offload or default_offload()))
    if model is not None:
        check_dictionary(dictionary, model)
        (dictionary,) = run_to_completion(_measure_fit([dictionary], model))
        _warn_of_misfit([dictionary])
    return dictionary


def load_dictionaries(
    paths: Iterable[str | Path], model: Model, offload: str | None = None
) -> tuple[Dictionary, ...]:
    """Load all dictionaries of some files and folders, at most one for each site.

    A folder that is no dictionary is searched for some. Each is tried on a little English text: an
    InputWarning is given where it leaves more than half of the variance unexplained, or fits another weight
    processing than its file states.

    Args:
        paths: Files, folders and names, as ``load_dictionary`` takes them.
        model: The model.
        offload: Where encoders and decoders are, one of ``OFFLOAD_CHOICES``; the process' default if None.

    Returns:
        The dictionaries, by layer.

    Raises:
        InputError: A dictionary cannot be the model's (layer, width, values that are not finite), two belong
            to one site, or their encoders would not fit into memory.
    """
    dictionaries = run_to_completion(load_dictionaries_steps(paths, model, offload))
    _warn_of_misfit(dictionaries)
    return dictionaries


def load_dictionaries_steps(
    paths: Iterable[str | Path], model: Model, offload: str | None = None
) -> ProgressSteps[tuple[Dictionary, ...]]:
    """Load dictionaries as ``load_dictionaries`` does, as a generator of progress.

    Warnings are left to the caller: the ``misfit`` of each dictionary.
    """
    offload = check_offload(offload or default_offload())
    read = yield from read_sources_steps([one for path in paths for one in find_dictionary_paths(path)])
    dictionaries = [replace(dictionary, offload=offload) for dictionary in read]
    for dictionary in dictionaries:
        check_dictionary(dictionary, model)
    check_one_per_site(dictionaries)
    _check_memory(dictionaries, model)
    dictionaries = yield from _measure_fit(dictionaries, model)
    return tuple(sorted(dictionaries, key=lambda dictionary: site_sort_key(dictionary.site.name)))


def read_sources_steps(
    sources: Sequence[Path | SaelensRelease | HubFolder],
) -> ProgressSteps[list[Dictionary]]:
    """Read folders, files and names; Hugging Face is asked once whether it answers, for names alone."""
    has_names = any(not isinstance(source, Path) for source in sources)
    hub_answers = has_names and (yield from probe_hub_steps())
    dictionaries: list[Dictionary] = []
    for number, source in enumerate(sources):
        yield Progress(number, len(sources), "Opening dictionaries")
        if isinstance(source, Path):
            dictionaries += read_dictionaries(source)
        else:
            dictionaries += yield from read_named_steps(source, hub_answers)
    return dictionaries


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


def find_dictionary_paths(path: str | Path) -> list[Path | SaelensRelease | HubFolder]:
    """Return the folders and files below a path that hold dictionaries, or what a name stands for.

    Raises:
        InputError: There are none.
    """
    if name := parse_dictionary_name(path):
        return [name]
    expanded_path = Path(path).expanduser()
    if paths := find_dictionary_folders(expanded_path):
        return [*paths]
    raise InputError(
        f"'{path}' holds no dictionary{describe_files(expanded_path)}; give a folder or a file with "
        f"{describe_formats()}, a folder of such folders, or the name of a release or of a repository on "
        f"Hugging Face.{suggest_release(str(path))}"
    )


def check_one_per_site(dictionaries: Sequence[Dictionary]) -> None:
    """Raise InputError where two dictionaries belong to one site."""
    by_site: dict[str, Dictionary] = {}
    for dictionary in dictionaries:
        other = by_site.setdefault(dictionary.site.name, dictionary)
        if other is not dictionary:
            raise InputError(
                f"The dictionaries '{other.name}' and '{dictionary.name}' both belong to "
                f"{dictionary.site.name} ({dictionary.site.description}); give one of them."
            )


def check_dictionary(dictionary: Dictionary, model: Model) -> None:
    """Raise InputError where a dictionary belongs to another site or width than the model has."""
    site, shape = dictionary.site, model.shape
    if not 0 <= site.layer < shape.n_layers + site.is_residual or (site.part == "m" and not shape.mlp):
        raise InputError(
            f"The dictionary '{dictionary.name}' belongs to {site.name}; '{model.name}' has layers 0 to "
            f"{shape.n_layers - 1}{'' if shape.mlp else ' and no MLPs'}."
        )
    weights = model.layers[min(site.layer, shape.n_layers - 1)]
    post_norm = weights.mlp_post_norm if site.part == "m" else weights.post_norm
    if dictionary.is_before_post_norm and post_norm and not site.is_residual:
        raise InputError(
            f"The dictionary '{dictionary.name}' rebuilds what {site.name} gives before a normalisation that "
            f"'{model.name}' has after it; one of what is added to the residual stream can be used."
        )
    heads, inner = weights.o.shape[:2]
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
    if dictionary.later_decoder is not None and dictionary.last_layer >= shape.n_layers:
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


def _check_memory(dictionaries: Sequence[Dictionary], model: Model) -> None:
    """Raise InputError where what dictionaries hold while they are in use would not fit.

    Offloaded to disk, the largest encoder alone is in memory at a time. What is copied to a device is there
    whole.
    """
    sizes = [dictionary.bytes_by_tensor for dictionary in dictionaries]
    is_on_disk = any(dictionary.offload == OFFLOAD_TO_DISK for dictionary in dictionaries)
    needed_bytes = sum(dictionary.held_bytes for dictionary in dictionaries)
    if is_on_disk:
        encoders = [size["encoder"] for size in sizes]
        needed_bytes += max(encoders) - sum(encoders)
    _check_fits(dictionaries, needed_bytes, int(psutil.virtual_memory().available), "memory")
    is_copied = model.device.type == "cuda" and any(one.offload == NO_OFFLOAD for one in dictionaries)
    if is_copied:
        free_bytes, _ = torch.cuda.mem_get_info(model.device)
        _check_fits(dictionaries, sum(sum(size.values()) for size in sizes), free_bytes, "the GPU's memory")


def _check_fits(dictionaries: Sequence[Dictionary], needed_bytes: int, free_bytes: int, where: str) -> None:
    if needed_bytes > free_bytes:
        raise InputError(
            f"The weights of {len(dictionaries)} dictionaries take about {needed_bytes / 2**30:.1f} GB, and "
            f"{free_bytes / 2**30:.1f} GB of {where} are free; give fewer layers or smaller dictionaries, or "
            "leave them on disk (offload to disk)."
        )
