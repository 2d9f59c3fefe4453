"""Dictionaries trained on the worker: their course as it goes, their figures at the end."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from circuitviz import features, training
from circuitviz.errors import InputError
from circuitviz.progress import Progress, ProgressSteps
from circuitviz.workbench.requests.priority import Priority
from circuitviz.workbench.requests.query import Query

if TYPE_CHECKING:
    from circuitviz.workbench.engine import Engine


MAX_SHORT_CHARS = 100_000  # of a text that may be too short: a longer one is not tokenised beforehand


@dataclass(frozen=True)
class TrainDictionary(Query):
    """Train dictionaries on a text file (None: the demo's own text) into a folder.

    Cancelled, what was trained so far and its state stay there; the same request goes on from there.

    Attributes:
        sites: Names of sites with commas, or ``cross-layer``.
        text_path: The text file.
        folder: Where they are written.
        recipe: What decides the weights.
    """

    title = "Could not train the dictionary"
    activity = "Training a dictionary"
    priority = Priority.TRAIN
    needs_task = False

    sites: str
    text_path: Path | None
    folder: Path
    recipe: training.DictionaryRecipe

    def check_input(self, engine: Engine) -> None:
        """InputError on sites or a recipe that do not fit the model, and on a text that cannot be read."""
        training.check_training(engine.model, self.sites, self.recipe)
        self._require_text(engine)
        if self.text_path is not None and len(features.read_text_file(self.text_path)) < MAX_SHORT_CHARS:
            training.check_training_text(self._load_passages(engine).train_test_split()[0])

    def compute_steps(self, engine: Engine) -> ProgressSteps[training.FolderTraining]:
        """The course every few steps; then the dictionaries are written and measured."""
        yield Progress(0, self.recipe.steps, "Reading the text")
        passages = self._load_passages(engine)
        return (
            yield from training.train_into_folder_steps(
                engine.model, self.sites, passages, self.recipe, self.folder
            )
        )

    def _require_text(self, engine: Engine) -> None:
        if self.text_path is None and engine.model.name != "demo":
            raise InputError(f"'{engine.model.name}' has no text of its own; choose a text file to train on.")

    def _load_passages(self, engine: Engine) -> features.Passages:
        self._require_text(engine)
        if self.text_path is not None:
            return features.read_passage_file(engine.model, self.text_path)
        return features.passages_from_texts(
            engine.model, training.demo_texts(training.TRAINING_SEED, training.TRAINING_PASSAGES)
        )
