"""Which features are active at a token, by kind of dictionary, and what each kind adds to the gradients.

Sizes are activations times the length of what a feature writes. A rule never sees encoder or decoder.
"""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor, nn

from circuitviz.training.recipe import BATCH_TOP_K, JUMP_RELU, RELU, TOP_K, DictionaryRecipe

AVERAGED_STEPS = 100  # of the running threshold, at most
AVERAGED_SHARE = 0.05  # of all steps, of the running threshold
CANDIDATE_SHARE = 0.7  # of the running threshold, above which the strongest of a batch are looked for first
WARM_UP_SHARE = 0.1  # of the steps, in which thresholds to be learned are not yet
BANDWIDTH = 0.5  # of a threshold: how near to it a size must be to move it
TARGET_WEIGHT = 0.1  # of the squared relative distance of L0 from its target, in the loss
PENALTY_GAIN = 10  # of the logarithm of the L1 penalty over all steps, for L0 at e times its target
FIRST_PENALTY = 2e-3


class ActivationRule:
    """Batch-top-k [bussmann2024batchtopk]: of a batch the largest ``sparsity`` sizes for each token.

    The running mean of the smallest kept becomes the threshold of the JumpReLU dictionary that is saved.

    Attributes:
        penalty: Factor of the L1 penalty on sizes, in the loss.
    """

    penalty = 0.0

    def __init__(self, recipe: DictionaryRecipe, device: torch.device) -> None:
        self.sparsity = min(recipe.sparsity, recipe.features)
        self.steps, self.n_features = recipe.steps, recipe.features
        self.threshold = torch.zeros((), device=device)
        self.n_selections = torch.zeros((), device=device)
        self._averaged_steps = min(AVERAGED_STEPS, int(AVERAGED_SHARE * recipe.steps))

    @property
    def parameters(self) -> dict[str, nn.Parameter]:
        """What it learns by gradient."""
        return {}

    @property
    def counters(self) -> dict[str, Tensor]:
        """What else it learns."""
        return {"threshold": self.threshold, "selections": self.n_selections}

    def select(self, sizes: Tensor) -> tuple[Tensor, Tensor]:
        """Return tokens and features that are active, sorted by token, of sizes [token, features]."""
        n_kept = self.sparsity * len(sizes)
        flat = sizes.flatten()
        candidates = (flat > CANDIDATE_SHARE * self.threshold).nonzero()[:, 0]
        if len(candidates) < n_kept:
            candidates = (flat > 0).nonzero()[:, 0]
        values = flat[candidates]
        if len(values) > n_kept:
            smallest = values.topk(n_kept, sorted=False).values.min()
            candidates = candidates[values >= smallest]
        else:
            smallest = values.min() if len(values) else flat.new_zeros(())
        new_share = 1 / (1 + self.n_selections.clamp_max(self._averaged_steps))
        self.threshold += new_share * (smallest - self.threshold)
        self.n_selections += 1
        return candidates // sizes.shape[1], candidates % sizes.shape[1]

    def set_gradients(self, sizes: Tensor, by_size: Tensor) -> None:
        """Set the gradients of what it learns.

        Args:
            sizes: [token, features].
            by_size: Derivative of the loss by each size, [token, features].
        """

    def dictionary_fields(self, lengths: Tensor) -> dict[str, Any]:
        """Return the fields of a dictionary whose activations are the sizes times ``lengths`` [features]."""
        return {"threshold": self.threshold * lengths}


class _TopKRule(ActivationRule):
    """Top-k [gao2024scaling]: the largest ``sparsity`` sizes above 0 of each token."""

    def select(self, sizes: Tensor) -> tuple[Tensor, Tensor]:
        best = sizes.topk(self.sparsity, dim=1, sorted=False)
        tokens, places = (best.values > 0).nonzero().unbind(1)
        return tokens, best.indices[tokens, places]

    def dictionary_fields(self, lengths: Tensor) -> dict[str, Any]:  # noqa: ARG002 - others need them
        return {"k": self.sparsity}


class _ReluRule(ActivationRule):
    """ReLU with an L1 penalty on sizes, which grows while L0 is above ``sparsity`` and shrinks below it."""

    def __init__(self, recipe: DictionaryRecipe, device: torch.device) -> None:
        super().__init__(recipe, device)
        self._log_penalty = torch.tensor(math.log(FIRST_PENALTY), device=device)

    @property
    def counters(self) -> dict[str, Tensor]:
        return {**super().counters, "log_penalty": self._log_penalty}

    @property
    def penalty(self) -> float:  # type: ignore[override]
        return float(self._log_penalty.exp())

    def select(self, sizes: Tensor) -> tuple[Tensor, Tensor]:
        tokens, features = (sizes > 0).nonzero().unbind(1)
        excess = math.log(max(1, len(tokens)) / len(sizes) / self.sparsity)
        self._log_penalty += PENALTY_GAIN / self.steps * min(1.0, max(-1.0, excess))
        self.n_selections += 1
        return tokens, features

    def dictionary_fields(self, lengths: Tensor) -> dict[str, Any]:  # noqa: ARG002 - others need them
        return {}


class _JumpReluRule(ActivationRule):
    """JumpReLU: thresholds of each feature, learned with straight-through gradients.

    The loss has a penalty (L0 / target − 1)² [rajamanoharan2024jumprelu]. Thresholds begin as the one of
    batch-top-k after a few steps, so that L0 is near its target from the beginning.
    """

    def __init__(self, recipe: DictionaryRecipe, device: torch.device) -> None:
        super().__init__(recipe, device)
        self._log_thresholds = nn.Parameter(torch.zeros(recipe.features, device=device))
        self._warm_up = max(1, int(WARM_UP_SHARE * recipe.steps))
        self._l0 = 0.0

    @property
    def parameters(self) -> dict[str, nn.Parameter]:
        return {"log_threshold": self._log_thresholds}

    @property
    def _is_warm(self) -> bool:
        return float(self.n_selections) >= self._warm_up

    def select(self, sizes: Tensor) -> tuple[Tensor, Tensor]:
        if not self._is_warm:
            selected = super().select(sizes)
            self._log_thresholds.data.copy_(self.threshold.clamp_min(1e-6).log().expand(self.n_features))
            return selected
        self.n_selections += 1
        tokens, features = (sizes > self._log_thresholds.exp()).nonzero().unbind(1)
        self._l0 = len(tokens) / len(sizes)
        return tokens, features

    def set_gradients(self, sizes: Tensor, by_size: Tensor) -> None:
        thresholds = self._log_thresholds.data.exp()
        width = BANDWIDTH * thresholds
        near = (sizes - thresholds).abs() < width / 2
        by_l0 = 2 * TARGET_WEIGHT * (self._l0 / self.sparsity - 1) / self.sparsity / len(sizes)
        by_threshold = -((thresholds * by_size + by_l0) * near).sum(0) / width
        gradient = by_threshold * thresholds
        self._log_thresholds.grad = gradient if self._is_warm else torch.zeros_like(gradient)

    def dictionary_fields(self, lengths: Tensor) -> dict[str, Any]:
        return {"threshold": self._log_thresholds.data.exp() * lengths}


_RULES: dict[str, type[ActivationRule]] = {
    BATCH_TOP_K: ActivationRule,
    TOP_K: _TopKRule,
    JUMP_RELU: _JumpReluRule,
    RELU: _ReluRule,
}


def make_activation_rule(recipe: DictionaryRecipe, device: torch.device) -> ActivationRule:
    """Return the rule of a recipe."""
    return _RULES[recipe.activation](recipe, device)
