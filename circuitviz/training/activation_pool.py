"""Batches of activations in random order, with no more in memory than fits.

The order depends only on the seed and on how many tokens were taken, so that a training can be resumed to
the same numbers.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from circuitviz.cancellation import check_cancelled
from circuitviz.features.passages import Passages
from circuitviz.features.sites import DictionarySite
from circuitviz.models import Model
from circuitviz.training.site_activations import collect_activations

MAX_POOL_BYTES = 512 * 2**20  # bytes of activations held at once


@dataclass(frozen=True, eq=False)
class ActivationScaling:
    """Mean [d] and root mean square deviation of inputs and targets, measured once."""

    x_mean: Tensor
    x_scale: Tensor
    y_mean: Tensor
    y_scale: Tensor
    is_autoencoder: bool

    @property
    def d_in(self) -> int:
        """Width of the inputs."""
        return len(self.x_mean)

    @property
    def d_out(self) -> int:
        """Width of the targets."""
        return len(self.y_mean)

    @property
    def device(self) -> torch.device:
        """The device of the activations."""
        return self.x_mean.device

    def scale_inputs(self, x: Tensor) -> Tensor:
        """Return raw inputs, scaled."""
        return (x - self.x_mean) / self.x_scale

    def scale_targets(self, y: Tensor) -> Tensor:
        """Return raw targets, scaled to mean square 1: a mean square error is then unexplained variance."""
        return (y - self.y_mean) / self.y_scale


class ActivationPool:
    """Batches of activations of one site: the text's rows in chunks that fit into memory, each shuffled."""

    def __init__(self, model: Model, site: DictionarySite, passages: Passages, seed: int) -> None:
        self._model, self._site, self._passages, self._seed = model, site, passages, seed
        width = model.shape.d_model * (2 if site.is_transcoder else 1)
        rows = max(1, int(MAX_POOL_BYTES / 4 / width / (passages.n_tokens / len(passages.rows))))
        order = torch.randperm(len(passages.rows), generator=self._generator(-1))
        self._chunks = order.split(rows)
        self.chunk, self.tokens_taken = 0, 0
        self._activations: tuple[Tensor, Tensor] | None = None
        self._loaded_chunk = -1
        self._order = torch.empty(0, dtype=torch.long)

    def measure_scaling(self) -> ActivationScaling:
        """Return means and scales of the first chunk."""
        x, y = self._load_chunk()
        check_cancelled()
        same = not self._site.is_transcoder
        (x_mean, x_scale), (y_mean, y_scale) = _mean_and_scale(x), _mean_and_scale(y)
        return ActivationScaling(x_mean, x_scale, y_mean, y_scale, same)

    def next_batch(self, n_tokens: int) -> tuple[Tensor, Tensor]:
        """Return the next batch; at the end of a chunk the next one begins."""
        x, y = self._load_chunk()
        if self.tokens_taken and self.tokens_taken + n_tokens > len(x):
            self.chunk, self.tokens_taken = self.chunk + 1, 0
            x, y = self._load_chunk()
        rows = self._order[self.tokens_taken : self.tokens_taken + n_tokens]
        self.tokens_taken += n_tokens
        return x[rows], y[rows]

    def resume_at(self, chunk: int, tokens_taken: int) -> None:
        """Continue at the position of another pool of the same text and seed."""
        self.chunk, self.tokens_taken = chunk, tokens_taken

    def _load_chunk(self) -> tuple[Tensor, Tensor]:
        if self._loaded_chunk != self.chunk or self._activations is None:
            if self._activations is None or len(self._chunks) > 1:
                self._activations = None  # free the memory first
                rows = self._chunks[self.chunk % len(self._chunks)].tolist()
                self._activations = collect_activations(self._model, self._site, self._passages, rows)
            # drawn on the host, so that a seed gives the same order on every device
            order = torch.randperm(len(self._activations[0]), generator=self._generator(self.chunk))
            self._order = order.to(self._model.device)
            self._loaded_chunk = self.chunk
        return self._activations

    def _generator(self, chunk: int) -> torch.Generator:
        return torch.Generator().manual_seed((self._seed + 1) * 1_000_003 + chunk)


def _mean_and_scale(x: Tensor) -> tuple[Tensor, Tensor]:
    mean = x.mean(0)
    return mean, (x - mean).square().mean().sqrt().clamp_min(1e-8)
