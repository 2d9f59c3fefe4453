"""A training that was stopped goes on to the same weights: its whole state lies in one safetensors file."""

from __future__ import annotations

import dataclasses
import json
import os
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from circuitviz.errors import ComputationError, InputError

if TYPE_CHECKING:
    from circuitviz.features.passages import Passages
    from circuitviz.features.sites import Site
    from circuitviz.models import Model
    from circuitviz.training.activation_pool import ActivationPool
    from circuitviz.training.learner import DictionaryLearner
    from circuitviz.training.train_dictionary import DictionaryRecipe, TrainingPoint

CHECKPOINT_FORMAT = "circuitviz-training-1"


class TrainingCheckpoint:
    """The file of one run; a run is its model's weights, its site, its text and its recipe."""

    def __init__(
        self, path: Path, model: Model, site: Site, passages: Passages, recipe: DictionaryRecipe
    ) -> None:
        self.path = path
        told = [model.parameter_hash, *site.hooks, passages.hash, dataclasses.asdict(recipe)]
        self._run_hash = sha256(json.dumps(told).encode()).hexdigest()

    def write(self, learner: DictionaryLearner, pool: ActivationPool, history: list[TrainingPoint]) -> None:
        """Keep the state; the file is whole or not there. ComputationError where it cannot be written."""
        from safetensors.torch import save_file

        told = {
            "form": CHECKPOINT_FORMAT,
            "run": self._run_hash,
            "steps": learner.steps,
            "chunk": pool.chunk,
            "taken": pool.tokens_taken,
            "course": [dataclasses.astuple(point) for point in history],
        }
        beside = self.path.with_name(self.path.name + ".part")
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            save_file(learner.state(), beside, {"training": json.dumps(told)})
            os.replace(beside, self.path)
        except OSError as error:
            raise ComputationError(
                f"The training's state could not be written to '{self.path}' ({error.strerror})."
            ) from error

    def restore(self, learner: DictionaryLearner, pool: ActivationPool) -> list[TrainingPoint]:
        """Bring learner and pool to where the file stands and return the course so far; without a file
        nothing happens. InputError where it is of another run, or damaged.
        """
        from safetensors import SafetensorError, safe_open

        from circuitviz.training.train_dictionary import TrainingPoint

        if not self.path.exists():
            return []
        try:
            with safe_open(self.path, "pt") as file:
                told = json.loads((file.metadata() or {}).get("training", "{}"))
                state: dict[str, Tensor] = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        except (OSError, SafetensorError, ValueError) as error:
            raise InputError(
                f"'{self.path}' is no state of a training; remove it, or name another."
            ) from error
        if told.get("form") != CHECKPOINT_FORMAT or told.get("run") != self._run_hash:
            raise InputError(
                f"'{self.path}' is the state of another training (its model, site, text or options differ "
                "from those given); give the same ones to go on, or remove it to begin anew."
            )
        learner.restore(state, told["steps"])
        pool.seek(told["chunk"], told["taken"])
        return [TrainingPoint(*point) for point in told["course"]]

    def delete(self) -> None:
        """Nothing is left to go on with."""
        self.path.unlink(missing_ok=True)


def optimizer_tensors(optimizer: torch.optim.Optimizer, names: list[str]) -> dict[str, Tensor]:
    """An optimiser's moments by parameter name."""
    states = optimizer.state_dict()["state"]
    return {
        f"{name}/{key}": value for at, name in enumerate(names) for key, value in states.get(at, {}).items()
    }


def restore_optimizer(optimizer: torch.optim.Optimizer, names: list[str], state: dict[str, Tensor]) -> None:
    """The inverse of ``optimizer_tensors``."""
    told = optimizer.state_dict()
    told["state"] = {}
    for name, value in state.items():
        parameter, slash, key = name.partition("/")
        if slash:
            told["state"].setdefault(names.index(parameter), {})[key] = value
    optimizer.load_state_dict(told)
