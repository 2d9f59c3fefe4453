"""Statistics of all features of a dictionary, collected in one pass over a text for their dashboards."""

from __future__ import annotations

import torch
from torch import Tensor

from circuitviz.features.dictionary import Dictionary
from circuitviz.features.passages import PassageBatch

HISTOGRAM_BINS = 32
MAX_EXAMPLES = 20  # examples of a feature, each of another passage
TOKENS_BEFORE, TOKENS_AFTER = 40, 15  # tokens shown around the one that an example is of
_INITIAL_HISTOGRAM_MAX = 2.0**-12  # the first bin's range; a histogram's range doubles as larger values come


class ActivationTally:
    """Counts, histograms and strongest examples of every feature.

    Attributes:
        n_tokens: Number of tokens so far.
        fired: At how many tokens each feature is active [features].
        max_activation: Largest activation [features].
        total: Sum of activations [features].
        bins: Counts of activations in equal parts of (0, histogram_max] [features, HISTOGRAM_BINS].
        histogram_max: Upper end of each histogram [features].
        example_values: Activations of the strongest examples, 0 where there are fewer [MAX_EXAMPLES,
            features].
        example_passages: Their passages, of the same shape.
        example_positions: Their positions, of the same shape.
        example_windows: Activations around each [MAX_EXAMPLES, features, TOKENS_BEFORE + 1 + TOKENS_AFTER].
    """

    def __init__(self, dictionary: Dictionary) -> None:
        self.dictionary = dictionary
        size, width = dictionary.features, TOKENS_BEFORE + 1 + TOKENS_AFTER
        self.n_tokens = 0
        self.fired = torch.zeros(size, dtype=torch.long)
        self.max_activation, self.total = torch.zeros(size), torch.zeros(size, dtype=torch.double)
        self.bins = torch.zeros(size, HISTOGRAM_BINS, dtype=torch.long)
        self.histogram_max = torch.full((size,), _INITIAL_HISTOGRAM_MAX)
        self.example_values = torch.zeros(MAX_EXAMPLES, size)
        self.example_passages = torch.zeros(MAX_EXAMPLES, size, dtype=torch.long)
        self.example_positions = torch.zeros(MAX_EXAMPLES, size, dtype=torch.long)
        self.example_windows = torch.zeros(MAX_EXAMPLES, size, width)

    def add_batch(self, batch: PassageBatch, read: Tensor) -> None:
        """Add a batch; only the few activations above 0 are processed.

        Args:
            batch: The rows.
            read: [row, time, d_in], what the dictionary encodes.
        """
        values = self.dictionary.encode(read).cpu()
        row, time, feature = values.nonzero(as_tuple=True)
        is_token = batch.token_mask[row, time]
        row, time, feature = row[is_token], time[is_token], feature[is_token]
        active_values = values[row, time, feature]
        self.n_tokens += int(batch.token_mask.sum())
        self._add_to_histogram(feature, active_values)
        size = len(self.fired)
        peak = torch.zeros(len(values) * size).scatter_reduce(0, row * size + feature, active_values, "amax")
        peaks = peak.view(-1, size)
        strongest = active_values == peaks[row, feature]
        peak_positions = torch.zeros_like(peaks, dtype=torch.long)
        peak_positions[row[strongest], feature[strongest]] = time[strongest]
        self._keep_strongest(batch, values, peaks, peak_positions)

    def _add_to_histogram(self, feature: Tensor, values: Tensor) -> None:
        """Count activations; a range is doubled, and its bins merged in pairs, when a larger value comes."""
        size = len(self.fired)
        self.fired += torch.bincount(feature, minlength=size)
        self.total += torch.bincount(feature, weights=values.double(), minlength=size)
        self.max_activation = self.max_activation.scatter_reduce(0, feature, values, "amax")
        while (exceeded := self.max_activation > self.histogram_max).any():
            pairs = self.bins[exceeded].view(-1, HISTOGRAM_BINS // 2, 2).sum(-1)
            self.bins[exceeded] = torch.cat([pairs, torch.zeros_like(pairs)], 1)
            self.histogram_max[exceeded] *= 2
        # a bin holds its upper end, so that a halved bin's values stay where they were
        bin_index = (values / self.histogram_max[feature] * HISTOGRAM_BINS).ceil().long().clamp(
            1, HISTOGRAM_BINS
        ) - 1
        counts = torch.bincount(feature * HISTOGRAM_BINS + bin_index, minlength=self.bins.numel())
        self.bins += counts.view_as(self.bins)

    def _keep_strongest(
        self, batch: PassageBatch, values: Tensor, peaks: Tensor, peak_positions: Tensor
    ) -> None:
        """Keep the strongest examples, each of another passage.

        Args:
            batch: The rows.
            values: [row, time, features].
            peaks: Largest activation of each row, [row, features].
            peak_positions: Their positions, [row, features].
        """
        passage_numbers = torch.tensor(batch.row_numbers)[:, None].expand_as(peak_positions)
        best = torch.cat([self.example_values, peaks]).topk(MAX_EXAMPLES, dim=0)
        is_new = best.indices >= MAX_EXAMPLES
        old_rank = best.indices.clamp_max(MAX_EXAMPLES - 1)
        row = (best.indices - MAX_EXAMPLES).clamp_min(0)
        self.example_values = best.values
        self.example_passages = torch.where(
            is_new, passage_numbers.gather(0, row), self.example_passages.gather(0, old_rank)
        )
        self.example_positions = torch.where(
            is_new, peak_positions.gather(0, row), self.example_positions.gather(0, old_rank)
        )
        windows = self.example_windows.gather(0, old_rank[..., None].expand_as(self.example_windows))
        rank, feature = (is_new & (best.values > 0)).nonzero(as_tuple=True)
        window_positions = self.example_positions[rank, feature][:, None] + torch.arange(
            -TOKENS_BEFORE, TOKENS_AFTER + 1
        )
        is_inside = (window_positions >= 0) & (window_positions < values.shape[1])
        window_values = values[
            row[rank, feature][:, None], window_positions.clamp(0, values.shape[1] - 1), feature[:, None]
        ]
        windows[rank, feature] = window_values * is_inside
        self.example_windows = windows
