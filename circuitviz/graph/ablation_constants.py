"""Constants that replace what senders write under ``optimal`` ablation, as plain data."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, eq=False)
class AblationConstants:
    """One vector for each sender, the same on every prompt and at every position (methods.md, Ablation).

    Attributes:
        embed: Of ``input``, before the embedding's scale, float32 [d_model].
        heads: Of heads, before W_O, float32 [layers, heads, d_head].
        mlps: Of MLPs, float32 [layers, d_model]; [0, d_model] without MLPs.
        weight_hash: Hash of the weights of the model that they were learned for.
        steps: Steps of training.
        seed: Seed of the training.
        loss: Loss with these constants, in nats.
        mean_loss: The same with means in their place, where training began.
    """

    embed: NDArray[np.float32]
    heads: NDArray[np.float32]
    mlps: NDArray[np.float32]
    weight_hash: str
    steps: int
    seed: int
    loss: float
    mean_loss: float

    @cached_property
    def digest(self) -> str:
        """SHA-256 over the vectors."""
        digest = hashlib.sha256()
        for array in (self.embed, self.heads, self.mlps):
            digest.update(np.ascontiguousarray(array, dtype=np.float32).tobytes())
        return digest.hexdigest()


@dataclass(eq=False)
class ConstantStore:
    """The constants of a task, which the task shares with its parts.

    Attributes:
        learned: The constants; None until they are needed.
    """

    learned: AblationConstants | None = None
