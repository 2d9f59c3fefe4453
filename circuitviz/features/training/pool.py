"""Training looks at tokens in random order, many times, without holding more of them than memory has.

The order depends on the seed and on how many tokens were taken alone, so that a run can be resumed
to the same numbers.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from circuitviz.features.passages import Passages
from circuitviz.features.sites import Site
from circuitviz.features.training.activations import activations
from circuitviz.models import Model
from circuitviz.stopping import pause

LARGEST = 512 * 2**20  # bytes of activations held at once


@dataclass(frozen=True, eq=False)
class Scaling:
    """Mean [d] and root mean square deviation of inputs and targets, measured once."""

    x_mean: Tensor
    x_scale: Tensor
    y_mean: Tensor
    y_scale: Tensor
    same: bool

    @property
    def d_in(self) -> int:
        """Width of what is read."""
        return len(self.x_mean)

    @property
    def d_out(self) -> int:
        """Width of what is rebuilt."""
        return len(self.y_mean)

    @property
    def device(self) -> torch.device:
        """Where the activations lie."""
        return self.x_mean.device

    def inputs(self, x: Tensor) -> Tensor:
        """Raw inputs, scaled."""
        return (x - self.x_mean) / self.x_scale

    def targets(self, y: Tensor) -> Tensor:
        """Raw targets, scaled: their mean square is 1, so a mean square error is unexplained variance."""
        return (y - self.y_mean) / self.y_scale


class Pool:
    """Batches of activations of one site: the text's rows in chunks that fit, each shuffled."""

    def __init__(self, model: Model, site: Site, text: Passages, seed: int) -> None:
        self._model, self._site, self._text, self._seed = model, site, text, seed
        width = model.shape.d_model * (2 if site.is_transcoder else 1)
        rows = max(1, int(LARGEST / 4 / width / (text.n_tokens / len(text.rows))))
        order = torch.randperm(len(text.rows), generator=self._draw(-1))
        self._chunks = order.split(rows)
        self.chunk, self.taken = 0, 0
        self._held: tuple[Tensor, Tensor] | None = None
        self._loaded = -1
        self._order = torch.empty(0, dtype=torch.long)

    def scaling(self) -> Scaling:
        """Means and scales of the first chunk."""
        x, y = self._load()
        pause()
        same = not self._site.is_transcoder
        (x_mean, x_scale), (y_mean, y_scale) = _moments(x), _moments(y)
        return Scaling(x_mean, x_scale, y_mean, y_scale, same)

    def take(self, tokens: int) -> tuple[Tensor, Tensor]:
        """The next batch; where a chunk is at its end, the next begins."""
        x, y = self._load()
        if self.taken and self.taken + tokens > len(x):
            self.chunk, self.taken = self.chunk + 1, 0
            x, y = self._load()
        chosen = self._order[self.taken : self.taken + tokens]
        self.taken += tokens
        return x[chosen], y[chosen]

    def go_to(self, chunk: int, taken: int) -> None:
        """Stand where another pool of the same text and seed stood."""
        self.chunk, self.taken = chunk, taken

    def _load(self) -> tuple[Tensor, Tensor]:
        if self._loaded != self.chunk or self._held is None:
            if self._held is None or len(self._chunks) > 1:
                self._held = None  # the old one goes before the new one comes
                rows = self._chunks[self.chunk % len(self._chunks)].tolist()
                self._held = activations(self._model, self._site, self._text, rows)
            self._order = torch.randperm(len(self._held[0]), generator=self._draw(self.chunk))
            self._loaded = self.chunk
        return self._held

    def _draw(self, chunk: int) -> torch.Generator:
        return torch.Generator().manual_seed((self._seed + 1) * 1_000_003 + chunk)


def _moments(x: Tensor) -> tuple[Tensor, Tensor]:
    mean = x.mean(0)
    return mean, (x - mean).square().mean().sqrt().clamp_min(1e-8)
