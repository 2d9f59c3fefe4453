"""A training as a person asks for it: from a text into a folder, with figures on text that was held out.

Command line and window run the same steps. Stopped or diverged, what was trained so far is written too.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, replace
from pathlib import Path

from circuitviz.cancellation import Cancelled
from circuitviz.errors import ComputationError
from circuitviz.features.cross_layer_files import write_cross_layer_folder
from circuitviz.features.dictionary_formats.saelens import write_saelens_folder
from circuitviz.features.dictionary_formats.sparsify import write_sparsify_folder
from circuitviz.features.passages import Passages
from circuitviz.models import Model
from circuitviz.progress import Progress, ProgressRunner, ProgressSteps
from circuitviz.training.checkpoint import TrainingHistory
from circuitviz.training.cross_layer_quality import CrossLayerQuality, measure_cross_layer_steps
from circuitviz.training.dictionary_quality import DictionaryQuality, measure_dictionaries_steps
from circuitviz.training.recipe import DictionaryRecipe
from circuitviz.training.site_activations import parse_sites
from circuitviz.training.train_dictionaries import (
    TrainedDictionaries,
    TrainingDiverged,
    check_recipe,
    cross_layer_sites,
    train_cross_layer_steps,
    train_dictionaries_steps,
)

CROSS_LAYER = "cross-layer"
MAX_MEASURED_TOKENS = 2**13


@dataclass(frozen=True)
class FolderTraining:
    """Where a training into a folder stands; figures and folders once dictionaries are written.

    Attributes:
        history: Points of the training, by site.
        folders: Where the dictionaries are, by site; of a cross-layer transcoder one.
        quality: Figures on held-out text, by site.
        cross_layer_quality: Of a cross-layer transcoder.
    """

    history: TrainingHistory
    folders: dict[str, Path] = dataclasses.field(default_factory=dict)
    quality: dict[str, DictionaryQuality] = dataclasses.field(default_factory=dict)
    cross_layer_quality: CrossLayerQuality | None = None


def checkpoint_path(folder: Path, site_names: str) -> Path:
    """Return the file of a training's state.

    Args:
        folder: Where the dictionaries are written.
        site_names: Names of sites with commas, or ``cross-layer``.
    """
    return folder / f"{site_names.replace(',', '-')[:100]}.training"


def check_training(model: Model, site_names: str, recipe: DictionaryRecipe) -> None:
    """Check what can be checked before a text is read.

    Args:
        model: The model.
        site_names: Names of sites with commas, or ``cross-layer``.
        recipe: What decides the weights.

    Raises:
        InputError: There is no such site, or the recipe does not fit.
    """
    is_cross_layer = site_names == CROSS_LAYER
    sites = cross_layer_sites(model) if is_cross_layer else parse_sites(site_names, model)
    check_recipe(model, sites, recipe, is_cross_layer)


def train_into_folder_steps(
    model: Model, site_names: str, passages: Passages, recipe: DictionaryRecipe, folder: Path
) -> ProgressSteps[FolderTraining]:
    """Train dictionaries on most of a text, write them, and measure them on the rest.

    Args:
        model: The model.
        site_names: Names of sites with commas, each written into ``folder``/site, or ``cross-layer``: a
            cross-layer transcoder, written into ``folder`` itself.
        passages: The text.
        recipe: What decides the weights.
        folder: Where they are written. The state of a stopped training is kept in it; the same training
            goes on from there.

    Returns:
        A generator whose partial results hold the history so far.

    Raises:
        InputError: There is no such site, or the training cannot begin.
        ComputationError: The loss is no number; what was trained before is written.
    """
    sites = () if site_names == CROSS_LAYER else parse_sites(site_names, model)
    names = ",".join(site.name for site in sites) or CROSS_LAYER
    learned, held_out = passages.train_test_split()
    state = checkpoint_path(folder, names)
    if sites:
        steps = train_dictionaries_steps(model, sites, learned, recipe, state)
    else:
        steps = train_cross_layer_steps(model, learned, recipe, state)
    writer = _Writer(folder, recipe, learned.n_tokens, is_cross_layer=not sites)
    last: TrainedDictionaries | None = None
    driven = ProgressRunner(steps)
    try:
        for step in driven:
            last = step.partial or last  # type: ignore[assignment]
            history = {} if last is None else last.history
            yield Progress(step.done, 1.1 * step.total, step.message, FolderTraining(history))
    except (GeneratorExit, Cancelled):
        steps.close()
        if last is not None:
            writer.write(last)
        raise
    except TrainingDiverged as error:
        if error.last is None:
            raise
        writer.write(error.last)
        raise ComputationError(
            f"{error} What was trained up to step {error.last.steps:,} was written to '{folder}'."
        ) from error
    trained = driven.result
    folders, dictionaries = writer.write(trained), trained.dictionaries
    written = FolderTraining(trained.history, folders)
    measured = held_out.first_tokens(MAX_MEASURED_TOKENS)
    if not sites:
        measuring = ProgressRunner(measure_cross_layer_steps(model, dictionaries, measured))
        for step in measuring:
            yield Progress(1 + 0.1 * step.fraction, 1.1, step.message, written)
        return replace(written, cross_layer_quality=measuring.result)
    figures = ProgressRunner(measure_dictionaries_steps(model, dictionaries, measured))
    for step in figures:
        yield Progress(1 + 0.1 * step.fraction, 1.1, step.message, written)
    return replace(written, quality=dict(zip(folders, figures.result, strict=True)))


@dataclass(frozen=True)
class _Writer:
    """Writes dictionaries into a folder, with what they were trained by."""

    folder: Path
    recipe: DictionaryRecipe
    n_tokens: int
    is_cross_layer: bool

    def write(self, trained: TrainedDictionaries) -> dict[str, Path]:
        """Write them; the folders by site."""
        training = dataclasses.asdict(self.recipe) | {"steps_done": trained.steps}
        about = {"training": training, "training_tokens": self.n_tokens}
        dictionaries = [replace(one, about=about) for one in trained.dictionaries]
        try:
            if self.is_cross_layer:
                write_cross_layer_folder(dictionaries, self.folder)
                return {CROSS_LAYER: self.folder}
            folders = {}
            for one in dictionaries:
                if one.architecture.startswith("topk_"):  # SAELens has none
                    path = self.folder / one.name / f"layers.{one.site.layer}.mlp"
                    write_sparsify_folder(one, path)
                else:
                    path = self.folder / one.name
                    write_saelens_folder(one, path)
                folders[one.name] = path
        except OSError as error:
            raise ComputationError(
                f"The dictionaries could not be written to '{self.folder}' ({error.strerror})."
            ) from error
        return folders
