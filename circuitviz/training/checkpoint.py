"""The state of a training in one safetensors file, so that a stopped one resumes to the same weights."""

from __future__ import annotations

import dataclasses
import json
import os
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from circuitviz.errors import ComputationError, InputError
from circuitviz.features.passages import Passages
from circuitviz.features.sites import DictionarySite
from circuitviz.models import Model
from circuitviz.training.recipe import DictionaryRecipe, TrainingPoint

CHECKPOINT_FORMAT = "circuitviz-training-2"
TrainingHistory = dict[str, tuple[TrainingPoint, ...]]  # by site


@dataclass(frozen=True, eq=False)
class StoredTraining:
    """What a file holds: the learner's state after a number of steps, and the history so far."""

    state: dict[str, Tensor]
    steps: int
    history: TrainingHistory


class TrainingCheckpoint:
    """The file of one training, identified by its model's weights, its sites, its text and its recipe."""

    def __init__(
        self,
        path: Path,
        model: Model,
        sites: Sequence[DictionarySite],
        passages: Passages,
        recipe: DictionaryRecipe,
        is_cross_layer: bool,
    ) -> None:
        self.path = path
        hooks = [hook for site in sites for hook in site.hooks]
        identity = [model.parameter_hash, *hooks, passages.hash, dataclasses.asdict(recipe), is_cross_layer]
        self._run_hash = sha256(json.dumps(identity).encode()).hexdigest()

    def write(self, state: dict[str, Tensor], steps: int, history: TrainingHistory) -> None:
        """Write the state; the file is complete or not there.

        Raises:
            ComputationError: It cannot be written.
        """
        metadata = {
            "form": CHECKPOINT_FORMAT,
            "run": self._run_hash,
            "steps": steps,
            "history": {
                site: [dataclasses.astuple(point) for point in points] for site, points in history.items()
            },
        }
        temporary = self.path.with_name(self.path.name + ".part")
        tensors = {name: tensor.contiguous() for name, tensor in state.items()}
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            save_file(tensors, temporary, {"training": json.dumps(metadata)})
            os.replace(temporary, self.path)
        except (OSError, SafetensorError) as error:
            raise ComputationError(
                f"The training's state could not be written to '{self.path}' "
                f"({getattr(error, 'strerror', None) or error})."
            ) from error

    def read(self) -> StoredTraining | None:
        """Return what the file holds; None where there is none.

        Raises:
            InputError: The file is of another training, or damaged.
        """
        if not self.path.exists():
            return None
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
                f"'{self.path}' is the state of another training (its model, sites, text or options differ "
                "from those given); give the same ones to go on, or remove it to begin anew."
            )
        history = {
            site: tuple(TrainingPoint(*point) for point in points)
            for site, points in metadata["history"].items()
        }
        return StoredTraining(state, metadata["steps"], history)

    def delete(self) -> None:
        """Delete the file."""
        self.path.unlink(missing_ok=True)
