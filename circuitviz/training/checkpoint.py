"""The state of a training in one safetensors file, so that a stopped one resumes to the same weights."""

from __future__ import annotations

import dataclasses
import json
import os
from hashlib import sha256
from pathlib import Path

from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from circuitviz.errors import ComputationError, InputError
from circuitviz.features.passages import Passages
from circuitviz.features.sites import DictionarySite
from circuitviz.models import Model
from circuitviz.training.activation_pool import ActivationPool
from circuitviz.training.learner import DictionaryLearner
from circuitviz.training.recipe import DictionaryRecipe, TrainingPoint

CHECKPOINT_FORMAT = "circuitviz-training-1"


class TrainingCheckpoint:
    """The file of one training, identified by its model's weights, its site, its text and its recipe."""

    def __init__(
        self, path: Path, model: Model, site: DictionarySite, passages: Passages, recipe: DictionaryRecipe
    ) -> None:
        self.path = path
        identity = [model.parameter_hash, *site.hooks, passages.hash, dataclasses.asdict(recipe)]
        self._run_hash = sha256(json.dumps(identity).encode()).hexdigest()

    def write(self, learner: DictionaryLearner, pool: ActivationPool, history: list[TrainingPoint]) -> None:
        """Write the state; the file is complete or not there.

        Raises:
            ComputationError: It cannot be written.
        """
        metadata = {
            "form": CHECKPOINT_FORMAT,
            "run": self._run_hash,
            "steps": learner.steps,
            "chunk": pool.chunk,
            "taken": pool.tokens_taken,
            "course": [dataclasses.astuple(point) for point in history],
        }
        temporary = self.path.with_name(self.path.name + ".part")
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            save_file(learner.state(), temporary, {"training": json.dumps(metadata)})
            os.replace(temporary, self.path)
        except OSError as error:
            raise ComputationError(
                f"The training's state could not be written to '{self.path}' ({error.strerror})."
            ) from error

    def restore(self, learner: DictionaryLearner, pool: ActivationPool) -> list[TrainingPoint]:
        """Restore learner and pool from the file, if there is one, and return the history so far.

        Raises:
            InputError: The file is of another training, or damaged.
        """
        if not self.path.exists():
            return []
        try:
            with safe_open(self.path, "pt") as file:
                metadata = json.loads((file.metadata() or {}).get("training", "{}"))
                state: dict[str, Tensor] = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        except (OSError, SafetensorError, ValueError) as error:
            raise InputError(
                f"'{self.path}' is no state of a training; remove it, or name another."
            ) from error
        if metadata.get("form") != CHECKPOINT_FORMAT or metadata.get("run") != self._run_hash:
            raise InputError(
                f"'{self.path}' is the state of another training (its model, site, text or options differ "
                "from those given); give the same ones to go on, or remove it to begin anew."
            )
        learner.restore(state, metadata["steps"])
        pool.resume_at(metadata["chunk"], metadata["taken"])
        return [TrainingPoint(*point) for point in metadata["course"]]

    def delete(self) -> None:
        """Delete the file."""
        self.path.unlink(missing_ok=True)
