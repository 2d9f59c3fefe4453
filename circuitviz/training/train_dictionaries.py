"""Training of SAEs, transcoders and cross-layer transcoders by one loop, several sites from one pass.

An SAE is a transcoder from a site to itself. What kinds there are is in ``activation_rules``. Features that
are never active learn from what the others leave over [gao2024scaling]. SAELens' own trainer trains no
transcoders, and cannot be stepped, shown while it runs, or resumed to the same numbers.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from circuitviz.cancellation import Cancelled, check_cancelled
from circuitviz.errors import ComputationError, InputError
from circuitviz.features.dictionary import Dictionary
from circuitviz.features.passages import Passages
from circuitviz.features.sites import DictionarySite
from circuitviz.models import Model
from circuitviz.models.memory_needs import free_bytes
from circuitviz.progress import Progress, ProgressSteps
from circuitviz.training.activation_scaling import ActivationScaling
from circuitviz.training.activation_stream import ActivationStream
from circuitviz.training.checkpoint import TrainingCheckpoint, TrainingHistory
from circuitviz.training.cross_layer_learner import CrossLayerLearner
from circuitviz.training.learner import Learner, scalings_from_state
from circuitviz.training.recipe import TOP_K, DictionaryRecipe, TrainingPoint, rate_factor
from circuitviz.training.site_activations import site_widths, trainable_sites

POINT_INTERVAL_STEPS = 25  # steps
CHECKPOINT_INTERVAL_STEPS = 500
MESSAGE_INTERVAL_S = 0.2
MIN_TRAINING_TOKENS = 256  # tokens: fewer are learnt by heart
VALUES_PER_WEIGHT = 6  # held in a training: itself, gradient, two moments, two copies to save


@dataclass(frozen=True, eq=False)
class TrainedDictionaries:
    """Dictionaries with the history of their training.

    Attributes:
        dictionaries: One for each site; of a cross-layer transcoder, one for each layer.
        recipe: What decided their weights.
        history: Points of the training, by site.
        is_complete: False where it was stopped.
    """

    dictionaries: tuple[Dictionary, ...]
    recipe: DictionaryRecipe
    history: TrainingHistory
    is_complete: bool

    @property
    def steps(self) -> int:
        """Steps of the last point."""
        return max((points[-1].step for points in self.history.values() if points), default=0)


class TrainingDiverged(ComputationError):  # noqa: N818 - a name that says what happened
    """The loss is no number.

    Attributes:
        last: What was trained at the last point before.
    """

    def __init__(self, message: str, last: TrainedDictionaries | None) -> None:
        super().__init__(message)
        self.last = last


def check_training_text(passages: Passages) -> None:
    """InputError on a text that is too short to train on."""
    if passages.n_tokens < MIN_TRAINING_TOKENS:
        raise InputError(
            f"The text has {passages.n_tokens:,} tokens to learn from; at least {MIN_TRAINING_TOKENS:,} are "
            "needed, and a few hundred thousand make a dictionary of use."
        )


def cross_layer_sites(model: Model) -> list[DictionarySite]:
    """Return the sites of a cross-layer transcoder, the MLPs of all layers.

    Raises:
        InputError: The model has no MLPs.
    """
    if not model.shape.mlp:
        raise InputError(f"'{model.name}' has no MLPs, which a cross-layer transcoder reads and writes.")
    return [site for site in trainable_sites(model) if site.is_transcoder]


def check_recipe(
    model: Model, sites: Sequence[DictionarySite], recipe: DictionaryRecipe, is_cross_layer: bool = False
) -> None:
    """Check that a recipe fits the sites, and the training into memory.

    Raises:
        InputError: It does not.
    """
    if recipe.skip and not any(site.is_transcoder for site in sites):
        names = ", ".join(site.name for site in sites)
        raise InputError(
            f"--skip was given for {names}, of which none is a transcoder; a skip connection is of "
            "transcoders (mLAYER) alone."
        )
    for is_given, what in ((recipe.skip, "--skip"), (recipe.activation == TOP_K, "--activation top-k")):
        if is_given and is_cross_layer:
            raise InputError(
                f"{what} was given for a cross-layer transcoder, whose files have no place for it; leave it "
                "out, or train transcoders of single layers."
            )
    _check_memory(model, sites, recipe, is_cross_layer)


def train_dictionaries_steps(
    model: Model,
    sites: Sequence[DictionarySite],
    passages: Passages,
    recipe: DictionaryRecipe,
    checkpoint: Path | None = None,
) -> ProgressSteps[TrainedDictionaries]:
    """Train a dictionary of each of some sites on a text.

    Args:
        model: The model.
        sites: Where the dictionaries read and write; one pass of the model serves all.
        passages: The text.
        recipe: What decides the weights.
        checkpoint: A file in which the state is written now and then and when the training is stopped. A
            training that finds one of the same model, sites, text and recipe resumes from it, to the same
            weights as if it had never stopped. It is deleted at the end.

    Returns:
        A generator whose result is the dictionaries; partial results are the dictionaries so far.

    Raises:
        InputError: The text is too short, the weights do not fit into memory, the recipe fits no site, or the
            checkpoint is of another training.
        TrainingDiverged: The loss is no number.
    """
    check_recipe(model, sites, recipe)
    return (yield from _train(model, sites, passages, recipe, checkpoint, Learner))


def train_cross_layer_steps(
    model: Model, passages: Passages, recipe: DictionaryRecipe, checkpoint: Path | None = None
) -> ProgressSteps[TrainedDictionaries]:
    """Train a cross-layer transcoder on a text, from each MLP's input to the outputs of it and later ones.

    Args:
        model: The model.
        passages: The text.
        recipe: What decides the weights; features and sparsity are of each layer.
        checkpoint: As of ``train_dictionaries_steps``.

    Returns:
        A generator whose result has a dictionary for each layer; partial results are those so far.

    Raises:
        InputError: The model has no MLPs, or as in ``train_dictionaries_steps``.
        TrainingDiverged: The loss is no number.
    """
    sites = cross_layer_sites(model)
    check_recipe(model, sites, recipe, is_cross_layer=True)
    return (yield from _train(model, sites, passages, recipe, checkpoint, CrossLayerLearner))


def _train(
    model: Model,
    sites: Sequence[DictionarySite],
    passages: Passages,
    recipe: DictionaryRecipe,
    checkpoint: Path | None,
    learner_class: type[Learner],
) -> ProgressSteps[TrainedDictionaries]:
    check_training_text(passages)
    yield Progress(0, recipe.steps, "Running the model")
    files = stored = None
    if checkpoint is not None:
        is_cross_layer = learner_class is CrossLayerLearner
        files = TrainingCheckpoint(checkpoint, model, sites, passages, recipe, is_cross_layer)
        stored = files.read()
    stream = ActivationStream(model, sites, passages, recipe.batch, recipe.seed)
    for step in stream.start_steps(0 if stored is None else stored.steps):
        yield Progress(0, recipe.steps, step.message)
    if stored is None:
        scalings = [ActivationScaling.measure(x, y) for x, y in stream.activations]
    else:
        scalings = scalings_from_state(stored.state, len(sites), model.empty_stream)
    course = _Course(learner_class(sites, scalings, recipe), model.name)
    if stored is not None:
        course.learner.restore(stored.state, stored.steps)
        course.history = stored.history
    learner = course.learner
    try:
        while learner.steps < recipe.steps:
            check_cancelled()
            learner.step(stream.next_batch(), rate_factor(learner.steps, recipe.steps))
            is_point = learner.steps % POINT_INTERVAL_STEPS == 0 or learner.steps == recipe.steps
            if is_point:
                course.add_point()
                if files is not None and learner.steps % CHECKPOINT_INTERVAL_STEPS == 0:
                    files.write(learner.state(), learner.steps, course.history)
            if is_point or course.is_message_due():
                yield Progress(learner.steps, recipe.steps, course.message(), course.last)
    except (GeneratorExit, Cancelled):
        if files is not None and 0 < learner.steps < recipe.steps:
            files.write(learner.state(), learner.steps, course.history)
        raise
    if files is not None:
        files.delete()
    return course.trained(is_complete=True)


@dataclass(eq=False)
class _Course:
    """What is reported of a training while it runs."""

    learner: Learner
    model_name: str
    last: TrainedDictionaries | None = None
    history: TrainingHistory = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._start_s = self._message_s = time.perf_counter()
        self._first_step: int | None = None

    def trained(self, is_complete: bool) -> TrainedDictionaries:
        """Return the dictionaries so far."""
        dictionaries = self.learner.to_dictionaries(self.model_name)
        return TrainedDictionaries(dictionaries, self.learner.recipe, dict(self.history), is_complete)

    def add_point(self) -> None:
        """Add a point to each site's history.

        Raises:
            TrainingDiverged: A loss is no number.
        """
        learner = self.learner
        for site, averages in zip(learner.sites, learner.averages(), strict=True):
            point = TrainingPoint(learner.steps, *averages)
            if not point.loss < float("inf"):
                raise TrainingDiverged(
                    f"The training of {site.name} diverged before step {learner.steps}: its loss is no "
                    f"number. A learning rate below {learner.recipe.rate:g} would be right.",
                    self.last,
                )
            self.history[site.name] = (*self.history.get(site.name, ()), point)
        learner.begin_averages()
        self.last = self.trained(is_complete=False)

    def is_message_due(self) -> bool:
        """Whether some time has passed since the last message."""
        return time.perf_counter() - self._message_s > MESSAGE_INTERVAL_S

    def message(self) -> str:
        """Return figures, means over the sites, with speed and time left since this training was started."""
        self._message_s = time.perf_counter()
        learner, recipe = self.learner, self.learner.recipe
        if self._first_step is None:
            self._first_step, self._start_s = learner.steps, self._message_s
            speed = ""
        else:
            steps_per_s = (learner.steps - self._first_step) / max(1e-9, self._message_s - self._start_s)
            left_s = (recipe.steps - learner.steps) / max(1e-9, steps_per_s)
            speed = f" · {steps_per_s * recipe.batch:,.0f} tokens/s · {format_duration(left_s)} left"
        points = [points[-1] for points in self.history.values()]
        if not points or points[0].step != learner.steps:
            points = [TrainingPoint(learner.steps, *averages) for averages in learner.averages()]
        n = len(points)
        mean = TrainingPoint(
            learner.steps,
            *(sum(getattr(point, name) for point in points) / n for name in ("loss", "l0", "dead")),
        )
        return f"{mean}{'' if n == 1 else f' (mean of {n} sites)'}{speed}"


def format_duration(seconds: float) -> str:
    """Return a duration in words, rounded to what matters.

    >>> format_duration(7.4), format_duration(200), format_duration(9000)
    ('7 s', '3 min', '2.5 h')
    """
    if seconds < 100:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"


def _check_memory(
    model: Model, sites: Sequence[DictionarySite], recipe: DictionaryRecipe, is_cross_layer: bool
) -> None:
    """InputError where the weights with all that training holds beside them do not fit into memory."""
    widths = [site_widths(model, site) for site in sites]
    values = sum(
        d_in + d_out * (len(sites) - number if is_cross_layer else 1)
        for number, (d_in, d_out) in enumerate(widths)
    )
    needed = 4 * VALUES_PER_WEIGHT * values * recipe.features
    free = free_bytes(model.device)
    if needed > free:
        remedy = "fewer features" if is_cross_layer or len(sites) == 1 else "fewer sites or features"
        raise InputError(
            f"The training of {len(sites)} {'layers' if is_cross_layer else 'sites'} with "
            f"{recipe.features:,} features needs {needed / 1e9:.1f} GB, {free / 1e9:.1f} GB are free; "
            f"{remedy} would be right."
        )
