"""One pass over a text keeps, for all features of a dictionary at once, what their dashboards show."""

from __future__ import annotations

import torch
from torch import Tensor

from circuitviz.features.dictionary import Dictionary
from circuitviz.features.passages import Batch

BINS = 32
KEPT = 20  # examples of a feature, each of another passage
BEFORE, AFTER = 40, 15  # tokens shown around the one that an example is of
_FINEST = 2.0**-12  # the first bin's range; a histogram's range doubles as larger values come


class Tally:
    """Counts, histograms and strongest examples of every feature.

    fired, greatest, total: [features]. bins: [features, BINS], counts of activations in equal parts of
    (0, reach]. value, passage, position: [KEPT, features], strongest first, value 0 where there are
    fewer; windows: [KEPT, features, BEFORE + 1 + AFTER], the activations around each.
    """

    def __init__(self, dictionary: Dictionary) -> None:
        self.dictionary = dictionary
        size, width = dictionary.features, BEFORE + 1 + AFTER
        self.tokens = 0
        self.fired = torch.zeros(size, dtype=torch.long)
        self.greatest, self.total = torch.zeros(size), torch.zeros(size, dtype=torch.double)
        self.bins = torch.zeros(size, BINS, dtype=torch.long)
        self.reach = torch.full((size,), _FINEST)
        self.value = torch.zeros(KEPT, size)
        self.passage = torch.zeros(KEPT, size, dtype=torch.long)
        self.position = torch.zeros(KEPT, size, dtype=torch.long)
        self.windows = torch.zeros(KEPT, size, width)

    def add(self, batch: Batch, read: Tensor) -> None:
        """Take in a batch: read [row, time, d_in], what the dictionary encodes.

        Of all values few are not zero; they alone are looked at.
        """
        values = self.dictionary.encode(read).cpu()
        row, time, feature = values.nonzero(as_tuple=True)
        real = batch.real[row, time]
        row, time, feature = row[real], time[real], feature[real]
        found = values[row, time, feature]
        self.tokens += int(batch.real.sum())
        self._count(feature, found)
        size = len(self.fired)
        peak = torch.zeros(len(values) * size).scatter_reduce(0, row * size + feature, found, "amax")
        peaks = peak.view(-1, size)
        strongest = found == peaks[row, feature]
        at = torch.zeros_like(peaks, dtype=torch.long)
        at[row[strongest], feature[strongest]] = time[strongest]
        self._keep(batch, values, peaks, at)

    def _count(self, feature: Tensor, found: Tensor) -> None:
        """feature, found: [n], what is not zero."""
        size = len(self.fired)
        self.fired += torch.bincount(feature, minlength=size)
        self.total += torch.bincount(feature, weights=found.double(), minlength=size)
        self.greatest = self.greatest.scatter_reduce(0, feature, found, "amax")
        while (wide := self.greatest > self.reach).any():
            pairs = self.bins[wide].view(-1, BINS // 2, 2).sum(-1)
            self.bins[wide] = torch.cat([pairs, torch.zeros_like(pairs)], 1)
            self.reach[wide] *= 2
        # a bin holds its upper end, so that a halved bin's values stay where they were
        part = (found / self.reach[feature] * BINS).ceil().long().clamp(1, BINS) - 1
        flat = torch.bincount(feature * BINS + part, minlength=self.bins.numel())
        self.bins += flat.view_as(self.bins)

    def _keep(self, batch: Batch, values: Tensor, peaks: Tensor, at: Tensor) -> None:
        """Add values [row, time, features]; peaks and their positions ``at`` [row, features]."""
        numbers = torch.tensor(batch.numbers)[:, None].expand_as(at)
        best = torch.cat([self.value, peaks]).topk(KEPT, dim=0)
        new = best.indices >= KEPT
        old = best.indices.clamp_max(KEPT - 1)
        row = (best.indices - KEPT).clamp_min(0)
        self.value = best.values
        self.passage = torch.where(new, numbers.gather(0, row), self.passage.gather(0, old))
        self.position = torch.where(new, at.gather(0, row), self.position.gather(0, old))
        windows = self.windows.gather(0, old[..., None].expand_as(self.windows))
        rank, feature = (new & (best.values > 0)).nonzero(as_tuple=True)
        around = self.position[rank, feature][:, None] + torch.arange(-BEFORE, AFTER + 1)
        inside = (around >= 0) & (around < values.shape[1])
        shown = values[row[rank, feature][:, None], around.clamp(0, values.shape[1] - 1), feature[:, None]]
        windows[rank, feature] = shown * inside
        self.windows = windows
