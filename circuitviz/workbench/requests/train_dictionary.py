"""A dictionary trained on the worker: its course as it goes, its figures at the end."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from circuitviz import features, training
from circuitviz.errors import InputError
from circuitviz.progress import Progress, ProgressRunner, ProgressSteps
from circuitviz.workbench.requests.priority import Priority
from circuitviz.workbench.requests.query import Query

if TYPE_CHECKING:
    from circuitviz.workbench.engine import Engine


MAX_SHORT_CHARS = 100_000  # of a text that may be too short: a longer one is not tokenised beforehand


@dataclass(frozen=True)
class TrainingProgress:
    """Where a training stands: its course so far, and once it is done its figures and its folder."""

    history: tuple[training.TrainingPoint, ...]
    figures: training.DictionaryQuality | None = None
    folder: Path | None = None


@dataclass(frozen=True)
class TrainDictionary(Query):
    """Train a site's dictionary on a text file (None: the demo's own text) into ``folder``/site.

    Cancelled, its state stays beside it; the same request goes on from there.
    """

    title = "Could not train the dictionary"
    activity = "Training a dictionary"
    priority = Priority.TRAIN
    needs_task = False

    site: str
    text_path: Path | None
    folder: Path
    recipe: training.DictionaryRecipe

    def check_input(self, engine: Engine) -> None:
        """InputError on a text that cannot be read or is too short."""
        training.parse_site(self.site, engine.model)
        self._require_text(engine)
        if self.text_path is not None and len(features.read_text_file(self.text_path)) < MAX_SHORT_CHARS:
            training.check_training_text(self._load_passages(engine).train_test_split()[0])

    def compute_steps(self, engine: Engine) -> ProgressSteps[TrainingProgress]:
        """The course at every few steps; then the dictionary is written and measured."""
        model = engine.model
        site = training.parse_site(self.site, model)
        yield Progress(0, self.recipe.steps, "Reading the text")
        learned, measured = self._load_passages(engine).train_test_split()
        state = self.folder / f"{site.name}.training"
        trained = yield from _with_history_only(
            training.train_dictionary_steps(model, site, learned, self.recipe, state)
        )
        about = {"training": dataclasses.asdict(self.recipe), "training_tokens": learned.n_tokens}
        one = replace(trained.dictionary, about=about)
        features.write_saelens_folder(one, self.folder / site.name)
        figures = yield from training.measure_dictionary_steps(model, one, measured)
        return TrainingProgress(trained.history, figures, self.folder / site.name)

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


def _with_history_only(
    steps: ProgressSteps[training.TrainedDictionary],
) -> ProgressSteps[training.TrainedDictionary]:
    """The same steps, with the course alone to show; closing them keeps the state (``train_steps``)."""
    driven = ProgressRunner(steps)
    for step in driven:
        so_far: training.TrainedDictionary | None = step.partial  # type: ignore[assignment]
        yield replace(step, partial=None if so_far is None else TrainingProgress(so_far.history))
    return driven.result
