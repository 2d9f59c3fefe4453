"""Encoder and decoder of one site as they are trained, with gradients written out.

Where a feature is active it is linear, so that the gradients of encoder and decoder are sums over active
features alone: of some thousand features a few dozen are active at a token. Autograd would multiply whole
matrices four times more a step.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from circuitviz.cancellation import check_cancelled
from circuitviz.training.activation_rules import ActivationRule, make_activation_rule
from circuitviz.training.recipe import DictionaryRecipe

DEAD_AFTER_TOKENS = 60_000  # a feature that was active at none of so many tokens is dead
AUXILIARY_LOSS_WEIGHT = 1 / 32  # of the loss, for dead features [gao2024scaling]
FIRST_DECODER_LENGTH = 0.3  # shorter than 1: features that overlap would overshoot at first
SPARSE_SHARE = 0.1  # share of activations above 0 from which on whole matrices are multiplied


class FeatureLayer:
    """Features that read one site and write to one or more.

    A feature's size at a token is its activation times the length of all that it writes; sizes are what is
    compared with each other and with thresholds.

    Args:
        recipe: Number of features, and which of them are active.
        d_in: Width of what is read.
        d_out: Width of what is written; of several sites, side by side.
        is_autoencoder: Whether the targets are the inputs: then each feature writes at first what it reads.
        draw: Of the first weights, on the host.
        device: Where they are trained.
    """

    def __init__(
        self,
        recipe: DictionaryRecipe,
        d_in: int,
        d_out: int,
        is_autoencoder: bool,
        draw: torch.Generator,
        device: torch.device,
    ) -> None:
        encoder = nn.functional.normalize(torch.randn(recipe.features, d_in, generator=draw))
        decoder = encoder
        if not is_autoencoder:
            decoder = nn.functional.normalize(torch.randn(recipe.features, d_out, generator=draw))
        self.encoder = nn.Parameter(encoder.T.contiguous().to(device))
        self.encoder_bias = nn.Parameter(torch.zeros(recipe.features, device=device))
        self.decoder = nn.Parameter((FIRST_DECODER_LENGTH * decoder).to(device))
        self.rule: ActivationRule = make_activation_rule(recipe, device)
        self.tokens_since_fired = torch.zeros(recipe.features, device=device)
        self.n_active = torch.zeros((), device=device)  # pairs of token and feature, at the last step
        self._active: tuple[Tensor, Tensor, Tensor] | None = None
        self._inputs = self._preactivations = self._lengths = torch.empty(0)

    @property
    def parameters(self) -> dict[str, nn.Parameter]:
        """What the optimiser changes, by name."""
        weights = {"encoder": self.encoder, "encoder_bias": self.encoder_bias, "decoder": self.decoder}
        return weights | self.rule.parameters

    @property
    def counters(self) -> dict[str, Tensor]:
        """What else the state of a training holds, by name."""
        return {"silent": self.tokens_since_fired, **self.rule.counters}

    @property
    def is_dead(self) -> Tensor:
        """Which features are dead, bool [features]."""
        return self.tokens_since_fired > DEAD_AFTER_TOKENS

    def rebuild(self, x: Tensor) -> Tensor:
        """Return what the active features write, [token, d_out], of scaled inputs [token, d_in]."""
        self._inputs = x
        self._preactivations = torch.addmm(self.encoder_bias, x, self.encoder)
        self._lengths = self.decoder.norm(dim=1)
        check_cancelled()
        tokens, features = self.rule.select(self._preactivations * self._lengths)
        values = self._preactivations[tokens, features]
        self._active = tokens, features, values
        check_cancelled()
        self.n_active = torch.tensor(len(values) / len(x), device=x.device)
        self.tokens_since_fired += len(x)
        self.tokens_since_fired[features] = 0
        return self._combine(tokens, features, values, self.decoder, len(x))

    def set_gradients(self, error_gradient: Tensor, error: Tensor) -> None:
        """Set the gradients of the loss at what ``rebuild`` returned.

        Args:
            error_gradient: Derivative of the loss by what was rebuilt, [token, d_out].
            error: What was rebuilt minus the target, which dead features learn from.
        """
        assert self._active is not None
        tokens, features, values = self._active
        x, (n_features, _) = self._inputs, self.decoder.shape
        by_activation = error_gradient @ self.decoder.T
        check_cancelled()
        gradient = by_activation[tokens, features]
        if self.rule.parameters:
            self.rule.set_gradients(self._preactivations * self._lengths, by_activation / self._lengths)
        if self.rule.penalty:
            gradient += self.rule.penalty * self._lengths[features] / len(x)
        order = features.argsort()
        tokens, features, values, gradient = (v[order] for v in (tokens, features, values, gradient))
        self.decoder.grad = self._combine(features, tokens, values, error_gradient, n_features)
        # contiguous, as fused Adam takes a gradient to be laid out as its parameter
        self.encoder.grad = self._combine(features, tokens, gradient, x, n_features).T.contiguous()
        self.encoder_bias.grad = x.new_zeros(n_features).index_add(0, features, gradient)
        if self.rule.penalty:
            total = x.new_zeros(n_features).index_add(0, features, values)
            self.decoder.grad += (self.rule.penalty * total / len(x) / self._lengths)[:, None] * self.decoder
        dead = self.is_dead.nonzero()[:, 0]
        if len(dead):
            self._add_auxiliary_gradients(dead, error)

    def _combine(self, rows: Tensor, columns: Tensor, values: Tensor, matrix: Tensor, n_rows: int) -> Tensor:
        """Return the product of a sparse matrix [n_rows, n] and a matrix [n, d].

        Args:
            rows: Rows of its entries, in order.
            columns: Their columns.
            values: The entries.
            matrix: [n, d].
            n_rows: Number of rows.
        """
        if len(values) > SPARSE_SHARE * n_rows * len(matrix):
            dense = matrix.new_zeros(n_rows, len(matrix))
            dense[rows, columns] = values
            return dense @ matrix
        starts = torch.searchsorted(rows, torch.arange(n_rows, device=rows.device))
        return nn.functional.embedding_bag(
            columns, matrix, starts, mode="sum", per_sample_weights=values.to(matrix)
        )

    def _add_auxiliary_gradients(self, dead: Tensor, error: Tensor) -> None:
        """Add gradients of the loss of the dead features on what the others leave [gao2024scaling].

        The strongest dead features of each token rebuild the error; the loss is what they leave of it, a
        share.
        """
        x, decoder = self._inputs, self.decoder[dead]
        preactivations = self._preactivations[:, dead].relu()
        n_kept = min(len(dead), max(1, x.shape[1] // 2))
        best = preactivations.topk(n_kept, dim=1, sorted=False)
        activations = torch.zeros_like(preactivations).scatter(1, best.indices, best.values)
        left = activations @ decoder + error
        gradient = left * (2 * AUXILIARY_LOSS_WEIGHT / error.square().sum().clamp_min(1e-12))
        by_activation = (gradient @ decoder.T) * (activations > 0)
        assert self.decoder.grad is not None and self.encoder.grad is not None
        assert self.encoder_bias.grad is not None
        self.decoder.grad[dead] += activations.T @ gradient
        self.encoder.grad[:, dead] += x.T @ by_activation
        self.encoder_bias.grad[dead] += by_activation.sum(0)
