"""A dictionary trained on the worker: its course as it goes, its figures at the end."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from circuitviz.jobs.look import Look
from circuitviz.progress import Driven, Progress, Steps

if TYPE_CHECKING:
    from circuitviz.features.passages import Passages
    from circuitviz.features.training import Figures, Point, Recipe, Trained
    from circuitviz.jobs.engine import Engine


@dataclass(frozen=True)
class Training:
    """Where a training stands: its course so far, and once it is done its figures and its folder."""

    course: tuple[Point, ...]
    figures: Figures | None = None
    folder: Path | None = None


@dataclass(frozen=True)
class TrainDictionary(Look):
    """Train a site's dictionary on a text file (None: the demo's own text) into ``folder``/site.

    Cancelled, its state stays beside it; the same request goes on from there.
    """

    title = "Training a dictionary"
    rank = 60
    of_task = False

    site: str
    text: Path | None
    folder: Path
    recipe: Recipe

    def see(self, engine: Engine) -> Steps[Training]:
        """The course at every few steps; then the dictionary is written and measured."""
        from circuitviz.features import write_folder
        from circuitviz.features.training import measure_steps, parse_site, train_steps

        model = engine.model
        site = parse_site(self.site, model)
        yield Progress(0, self.recipe.steps, "Reading the text")
        learned, measured = self._passages(engine).parted()
        state = self.folder / f"{site.name}.training"
        trained = yield from _shown(train_steps(model, site, learned, self.recipe, state))
        about = {"training": dataclasses.asdict(self.recipe), "training_tokens": learned.n_tokens}
        one = replace(trained.dictionary, about=about)
        write_folder(one, self.folder / site.name)
        figures = yield from measure_steps(model, one, measured)
        return Training(trained.course, figures, self.folder / site.name)

    def _passages(self, engine: Engine) -> Passages:
        from circuitviz.demo.dictionaries import PASSAGES, TRAINING_SEED, texts
        from circuitviz.errors import InputError
        from circuitviz.features.passages import passages, read_passages

        if self.text is not None:
            return read_passages(engine.model, self.text)
        if engine.model.name != "demo":
            raise InputError(f"'{engine.model.name}' has no text of its own; choose a text file to train on.")
        return passages(engine.model, texts(TRAINING_SEED, PASSAGES))


def _shown(steps: Steps[Trained]) -> Steps[Trained]:
    """The same steps, with the course alone to show; closing them keeps the state (``train_steps``)."""
    driven = Driven(steps)
    for step in driven:
        so_far: Trained | None = step.partial  # type: ignore[assignment]
        yield replace(step, partial=None if so_far is None else Training(so_far.course))
    return driven.result
