"""Hyperparameters and reports of a training, shared by the loop, the learners and the checkpoint."""

from __future__ import annotations

from dataclasses import dataclass

from circuitviz.options import option

BATCH_TOP_K, TOP_K, JUMP_RELU, RELU = "batch-top-k", "top-k", "jump-relu", "relu"


@dataclass(frozen=True)
class DictionaryRecipe:
    """Hyperparameters of a training."""

    features: int = option(1024, "features of the dictionary", low=2)
    sparsity: int = option(16, "active features per token, on average", low=1)
    steps: int = option(2500, "training steps", low=1)
    batch: int = option(1024, "tokens of one step", low=16)
    rate: float = option(2e-3, "learning rate; it falls to zero over the last third", above=0)
    seed: int = option(0, "seed of weights and order", low=0)
    activation: str = option(
        BATCH_TOP_K,
        "which features are active: the strongest of a batch, saved with their threshold (batch-top-k); "
        "the strongest of each token (top-k); those above a learned threshold (jump-relu); those above 0, "
        "with an L1 penalty (relu)",
        choices=(BATCH_TOP_K, TOP_K, JUMP_RELU, RELU),
    )
    skip: bool = option(False, "give transcoders a skip connection: a linear map beside the features")


@dataclass(frozen=True)
class TrainingPoint:
    """The state of a dictionary's training at a step.

    Attributes:
        step: The step.
        loss: Unexplained variance of the batches since the last point, a share.
        l0: Active features for each token.
        dead: Share of features that are dead.
    """

    step: int
    loss: float
    l0: float
    dead: float

    def __str__(self) -> str:
        return f"unexplained {self.loss:.3f} · L0 {self.l0:.1f} · dead {self.dead:.1%}"


def rate_factor(step: int, steps: int) -> float:
    """Return the factor of the learning rate: warm-up, then 1, then linear decay over the last third."""
    warm = max(1, steps // 50)
    return min(1.0, (step + 1) / warm, 3 * (steps - step) / steps)
