"""Text files as token rows, for training, feature indexes and quality figures."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from hashlib import sha256
from itertools import accumulate
from pathlib import Path

import torch
from torch import Tensor

from circuitviz.cancellation import check_cancelled
from circuitviz.errors import InputError
from circuitviz.models import Model
from circuitviz.regular_files import read_regular_file

MAX_BATCH_TOKENS = 4096


@dataclass(frozen=True, eq=False)
class Passages:
    """Token rows, each a passage or, where one is longer than the context, a window of it.

    Attributes:
        rows: The rows.
        bos: Whether each begins with the beginning-of-sequence token.
    """

    rows: tuple[tuple[int, ...], ...]
    bos: bool

    @property
    def n_tokens(self) -> int:
        """Tokens in all rows, with the beginnings of sequence."""
        return sum(map(len, self.rows))

    @property
    def hash(self) -> str:
        """SHA-256 of the rows: the same text in the same tokens."""
        digest = sha256()
        for row in self.rows:
            digest.update(torch.tensor([len(row), *row], dtype=torch.int32).numpy().tobytes())
        return digest.hexdigest()

    def train_test_split(self, share: float = 0.05) -> tuple[Passages, Passages]:
        """Return rows to train on and, from the end, a share of them to measure on; a single row is both."""
        if len(self.rows) == 1:
            return self, self
        n_train = len(self.rows) - max(1, round(share * len(self.rows)))
        return Passages(self.rows[:n_train], self.bos), Passages(self.rows[n_train:], self.bos)

    def first_tokens(self, n_tokens: int) -> Passages:
        """Return the first rows, together not longer than a number of tokens; at least one."""
        ends = accumulate(map(len, self.rows))
        number = sum(end <= n_tokens for end in ends)
        return Passages(self.rows[: max(1, number)], self.bos)

    def batches(
        self, row_numbers: Iterable[int] | None = None, max_tokens: int = MAX_BATCH_TOKENS
    ) -> Iterator[PassageBatch]:
        """Iterate over batches of rows of similar length, padded on the right (attention is causal).

        Args:
            row_numbers: Only these rows.
            max_tokens: Tokens of a batch, with padding.
        """
        ordered = sorted(
            range(len(self.rows)) if row_numbers is None else row_numbers, key=lambda i: len(self.rows[i])
        )
        batch_rows: list[int] = []
        for row in ordered:
            if batch_rows and (len(batch_rows) + 1) * len(self.rows[row]) > max_tokens:
                yield self._make_batch(batch_rows)
                batch_rows = []
            batch_rows.append(row)
        if batch_rows:
            yield self._make_batch(batch_rows)

    def _make_batch(self, row_numbers: list[int]) -> PassageBatch:
        rows = [self.rows[i] for i in row_numbers]
        time = max(map(len, rows))
        tokens = torch.tensor([[*row, *[row[0]] * (time - len(row))] for row in rows])
        token_mask = torch.arange(time)[None] < torch.tensor([len(row) for row in rows])[:, None]
        return PassageBatch(tuple(row_numbers), tokens, token_mask)


@dataclass(frozen=True, eq=False)
class PassageBatch:
    """Rows that run together.

    Attributes:
        row_numbers: Their indices in ``Passages.rows``.
        tokens: [row, time].
        token_mask: [row, time], False for padding.
    """

    row_numbers: tuple[int, ...]
    tokens: Tensor
    token_mask: Tensor


def passages_from_texts(model: Model, texts: Iterable[str]) -> Passages:
    """Tokenise texts, one passage for each.

    Raises:
        InputError: No text holds a token.
    """
    rows = []
    for text in texts:
        check_cancelled()
        rows += [tuple(row) for row in model.tokens.context_windows(text)]
    if not rows:
        raise InputError("The text is empty; give one with a sentence or more on each line.")
    return Passages(tuple(rows), model.tokens.has_bos)


def read_passage_file(model: Model, path: Path) -> Passages:
    """Read a text file's passages: blank lines separate them where there are any, else every line is one.

    Raises:
        InputError: There is no such file, or it is empty or no UTF-8 text.
    """
    text = read_text_file(path).replace("\r\n", "\n").strip("\n")
    pieces = text.split("\n\n") if "\n\n" in text else text.split("\n")
    return passages_from_texts(model, (piece.strip("\n") for piece in pieces if piece.strip()))


def read_text_file(path: Path) -> str:
    """Read a file of plain text.

    Raises:
        InputError: There is no such file, or it is no UTF-8 text.
    """
    try:
        return read_regular_file(path).decode("utf-8-sig")
    except FileNotFoundError:
        raise InputError(f"There is no text file '{path}'; give a file of plain text.") from None
    except OSError as error:
        raise InputError(
            f"The text file '{path}' cannot be read ({error.strerror}); give a file of plain text."
        ) from None
    except UnicodeDecodeError:
        raise InputError(f"'{path}' is no UTF-8 text; save it as UTF-8, or give another file.") from None
