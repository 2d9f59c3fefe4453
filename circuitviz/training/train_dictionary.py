"""Training of SAEs and transcoders by one loop; an SAE is a transcoder from a site to itself.

Batch-top-k [bussmann2024batchtopk]: of a batch's activations the largest ``sparsity`` per token are kept;
the mean of the smallest kept becomes the threshold of the JumpReLU dictionary that is saved. Features that
are never active learn from what the others leave over [gao2024scaling]. SAELens' own trainer cannot be
stepped, shown while it runs, or resumed to the same numbers.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from circuitviz.cancellation import Cancelled, check_cancelled
from circuitviz.errors import ComputationError, InputError
from circuitviz.features.dictionary import Dictionary
from circuitviz.features.passages import Passages
from circuitviz.features.sites import DictionarySite
from circuitviz.models import Model
from circuitviz.progress import Progress, ProgressSteps
from circuitviz.training.activation_pool import ActivationPool
from circuitviz.training.checkpoint import TrainingCheckpoint
from circuitviz.training.learner import DictionaryLearner
from circuitviz.training.recipe import DictionaryRecipe, TrainingPoint

REPORT_INTERVAL_STEPS = 25  # steps
MIN_TRAINING_TOKENS = 256  # tokens: fewer are learnt by heart
CHECKPOINT_INTERVAL_STEPS = 500


@dataclass(frozen=True, eq=False)
class TrainedDictionary:
    """A dictionary with the history of its training.

    Attributes:
        dictionary: The dictionary.
        recipe: What decided its weights.
        history: Points of the training.
        is_complete: False where it was stopped.
    """

    dictionary: Dictionary
    recipe: DictionaryRecipe
    history: tuple[TrainingPoint, ...]
    is_complete: bool


def check_training_text(passages: Passages) -> None:
    """InputError on a text that is too short to train on."""
    if passages.n_tokens < MIN_TRAINING_TOKENS:
        raise InputError(
            f"The text has {passages.n_tokens:,} tokens to learn from; at least {MIN_TRAINING_TOKENS:,} are "
            "needed, and a few hundred thousand make a dictionary of use."
        )


def train_dictionary_steps(
    model: Model,
    site: DictionarySite,
    passages: Passages,
    recipe: DictionaryRecipe,
    checkpoint: Path | None = None,
) -> ProgressSteps[TrainedDictionary]:
    """Train a dictionary on a text.

    Args:
        model: The model.
        site: Where the dictionary reads and writes.
        passages: The text.
        recipe: What decides the weights.
        checkpoint: A file in which the state is written now and then and when the training is stopped. A
            training that finds one of the same model, site, text and recipe resumes from it, to the same
            weights as if it had never stopped. It is deleted at the end.

    Returns:
        A generator whose result is the dictionary; partial results are the dictionary so far.

    Raises:
        InputError: The text is too short, or the checkpoint is of another training.
        ComputationError: The loss is not finite.
    """
    check_training_text(passages)
    yield Progress(0, recipe.steps, "Collecting activations")
    pool = ActivationPool(model, site, passages, recipe.seed)
    learner = DictionaryLearner(
        pool.measure_scaling(), recipe.features, recipe.sparsity, recipe.rate, recipe.seed
    )
    course: list[TrainingPoint] = []
    files = None
    if checkpoint is not None:
        files = TrainingCheckpoint(checkpoint, model, site, passages, recipe)
        course = files.restore(learner, pool)

    def trained(complete: bool) -> TrainedDictionary:
        return TrainedDictionary(
            learner.to_dictionary(site.name, site, model.name), recipe, tuple(course), complete
        )

    try:
        while learner.steps < recipe.steps:
            check_cancelled()
            x, y = pool.next_batch(recipe.batch)
            learner.step(x, y, rate_factor(learner.steps, recipe.steps))
            if learner.steps % REPORT_INTERVAL_STEPS == 0 or learner.steps == recipe.steps:
                course.append(TrainingPoint(learner.steps, *learner.take_averages()))
                if not course[-1].loss < float("inf"):
                    raise ComputationError(
                        f"The training of {site.name} came apart at step {learner.steps}: its loss is no "
                        f"number. A learning rate below {recipe.rate:g} would be right."
                    )
                if files is not None and learner.steps % CHECKPOINT_INTERVAL_STEPS == 0:
                    files.write(learner, pool, course)
                yield Progress(learner.steps, recipe.steps, str(course[-1]), trained(False))
    except (GeneratorExit, Cancelled):
        if files is not None and learner.steps < recipe.steps:
            files.write(learner, pool, course)
        raise
    if files is not None:
        files.delete()
    return trained(True)


def rate_factor(step: int, steps: int) -> float:
    """Return the factor of the learning rate: warm-up, then 1, then linear decay over the last third."""
    warm = max(1, steps // 50)
    return min(1.0, (step + 1) / warm, 3 * (steps - step) / steps)
