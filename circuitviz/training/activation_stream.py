"""Batches of activations in random order, from a model that reads the text while it is trained on.

The text is read in blocks of rows. The first block is small, so that training begins at once; each further
one is twice as large, until two of them take the memory that is allowed. While a block is trained on, the
next is collected, a few rows before each batch. A block that holds the whole text is kept.

The order depends only on the seed and on how many batches were taken, so that a training can be resumed to
the same numbers.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import torch

from circuitviz.cancellation import check_cancelled
from circuitviz.features.passages import Passages
from circuitviz.features.sites import DictionarySite
from circuitviz.models import Model
from circuitviz.progress import Progress, ProgressSteps
from circuitviz.training.site_activations import SiteActivations, iterate_activations, site_widths

MAX_STREAM_BYTES = 512 * 2**20  # bytes of activations held at once
FIRST_BLOCK_BATCHES = 8


class ActivationStream:
    """Inputs and targets of some sites, from one pass of the model.

    Args:
        model: The model.
        sites: The sites.
        passages: The text; the first token of each row is left out.
        batch_tokens: Tokens of a batch.
        seed: Seed of the order.
    """

    def __init__(
        self, model: Model, sites: Sequence[DictionarySite], passages: Passages, batch_tokens: int, seed: int
    ) -> None:
        self._model, self._sites, self._passages = model, sites, passages
        self._batch_tokens, self._seed = batch_tokens, seed
        self._row_tokens = [len(row) - 1 for row in passages.rows]
        self._blocks = self._plan_blocks()
        self._block_number, self._batches_taken = 0, 0
        self._rows: list[int] = []
        self._order = torch.empty(0, dtype=torch.long)
        self._next_rows: list[int] = []
        self._next_parts: list[list[SiteActivations]] = []
        self._n_collected = 0
        self._reader: Iterator[list[SiteActivations]] = iter(())
        self.activations: list[SiteActivations] = []
        """Of the present block, by site."""

    def start_steps(self, batches_taken: int = 0) -> ProgressSteps[None]:
        """Collect the block from which the next batch comes.

        Args:
            batches_taken: Batches that another stream of the same text, sites and seed gave already.
        """
        rows = next(self._blocks)
        while batches_taken >= (n_batches := self._count_batches(rows)):
            check_cancelled()
            batches_taken -= n_batches
            rows, self._block_number = next(self._blocks), self._block_number + 1
        self._begin_reading(rows)
        total = self._count_tokens(rows)
        yield Progress(0, total, f"Running the model on the first {total:,} tokens")
        while self._collect_part():
            done = self._n_collected
            yield Progress(done, total, f"Running the model: {done:,} of {total:,} tokens")
        self._use_collected()
        self._batches_taken = batches_taken

    def next_batch(self) -> list[SiteActivations]:
        """Return inputs and targets [token, d] of each site; at the end of a block the next one begins."""
        if self._batches_taken == self._count_batches(self._rows):
            while self._collect_part():
                pass
            self._block_number += 1
            self._use_collected()
        share = (self._batches_taken + 1) / self._count_batches(self._rows)
        while self._n_collected < share * self._count_tokens(self._next_rows) and self._collect_part():
            pass
        start = self._batches_taken * self._batch_tokens
        places = self._order[start : start + self._batch_tokens]
        self._batches_taken += 1
        batch = []
        for x, y in self.activations:
            inputs = x[places]
            batch.append((inputs, inputs if y is x else y[places]))
        return batch

    def _plan_blocks(self) -> Iterator[list[int]]:
        """Yield the row numbers of each block, without end."""
        draw = torch.Generator().manual_seed(self._seed + 1)
        size, max_size = FIRST_BLOCK_BATCHES * self._batch_tokens, self._max_block_tokens
        rows: list[int] = []
        n_tokens = 0
        while size < sum(self._row_tokens) or sum(self._row_tokens) > max_size:
            for row in torch.randperm(len(self._row_tokens), generator=draw).tolist():
                rows.append(row)
                n_tokens += self._row_tokens[row]
                if n_tokens >= min(size, max_size):
                    yield rows
                    rows, n_tokens, size = [], 0, min(2 * size, max(max_size, 1))
                    if size >= sum(self._row_tokens):
                        break
        whole_text = list(range(len(self._row_tokens)))
        while True:
            yield whole_text

    @property
    def _max_block_tokens(self) -> int:
        values = 0
        for site in self._sites:
            d_in, d_out = site_widths(self._model, site)
            values += d_in + (d_out if site.is_transcoder else 0)
        return max(self._batch_tokens, MAX_STREAM_BYTES // 2 // (4 * values))

    def _count_tokens(self, rows: Sequence[int]) -> int:
        return sum(self._row_tokens[row] for row in rows)

    def _count_batches(self, rows: Sequence[int]) -> int:
        return max(1, self._count_tokens(rows) // self._batch_tokens)

    def _begin_reading(self, rows: list[int]) -> None:
        self._next_rows, self._next_parts, self._n_collected = rows, [], 0
        unread = [] if rows is self._rows else rows
        self._reader = iterate_activations(self._model, self._sites, self._passages, unread)

    def _collect_part(self) -> bool:
        """Run the model on a few rows; False where the block is collected."""
        part = next(self._reader, None)
        if part is None:
            return False
        self._next_parts.append(part)
        self._n_collected += len(part[0][0])
        return True

    def _use_collected(self) -> None:
        """Make the collected block the present one, and begin to read the next."""
        if self._next_rows is not self._rows:
            self.activations = []  # free the memory first
            self.activations = [_concatenate(parts) for parts in zip(*self._next_parts, strict=True)]
        self._rows, self._batches_taken = self._next_rows, 0
        # drawn on the host, so that a seed gives the same order on every device
        draw = torch.Generator().manual_seed((self._seed + 1) * 1_000_003 + self._block_number)
        self._order = torch.randperm(self._count_tokens(self._rows), generator=draw).to(self._model.device)
        self._begin_reading(next(self._blocks))


def _concatenate(parts: Sequence[SiteActivations]) -> SiteActivations:
    inputs = torch.cat([x for x, _ in parts])
    is_autoencoder = parts[0][0] is parts[0][1]
    return inputs, inputs if is_autoencoder else torch.cat([y for _, y in parts])
