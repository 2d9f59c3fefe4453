"""A text file becomes token rows by one rule, so that training, index and figures mean the same text."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from hashlib import sha256
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

    ``bos``: whether each row begins with the beginning-of-sequence token.
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

    def first_tokens(self, n_tokens: int) -> Passages:
        """As many rows from the start as reach a number of tokens."""
        kept, held = 0, 0
        while kept < len(self.rows) and held < n_tokens:
            held += len(self.rows[kept])
            kept += 1
        return Passages(self.rows[:kept], self.bos)

    def train_test_split(self, share: float = 0.05) -> tuple[Passages, Passages]:
        """Rows to learn from and, from the end, a share of them to measure on; a single row is both."""
        if len(self.rows) == 1:
            return self, self
        at = len(self.rows) - max(1, round(share * len(self.rows)))
        return Passages(self.rows[:at], self.bos), Passages(self.rows[at:], self.bos)

    def batches(
        self, row_numbers: Iterable[int] | None = None, max_tokens: int = MAX_BATCH_TOKENS
    ) -> Iterator[PassageBatch]:
        """Rows of like length together, padded on the right, where causal attention never looks."""
        wanted = sorted(
            range(len(self.rows)) if row_numbers is None else row_numbers, key=lambda i: len(self.rows[i])
        )
        held: list[int] = []
        for row in wanted:
            if held and (len(held) + 1) * len(self.rows[row]) > max_tokens:
                yield self._make_batch(held)
                held = []
            held.append(row)
        if held:
            yield self._make_batch(held)

    def _make_batch(self, chosen: list[int]) -> PassageBatch:
        rows = [self.rows[i] for i in chosen]
        time = max(map(len, rows))
        tokens = torch.tensor([[*row, *[row[0]] * (time - len(row))] for row in rows])
        real = torch.arange(time)[None] < torch.tensor([len(row) for row in rows])[:, None]
        return PassageBatch(tuple(chosen), tokens, real)


@dataclass(frozen=True, eq=False)
class PassageBatch:
    """Rows that run together: their numbers, tokens [row, time], and which of them are no padding."""

    row_numbers: tuple[int, ...]
    tokens: Tensor
    token_mask: Tensor


def passages_from_texts(model: Model, texts: Iterable[str]) -> Passages:
    """One passage per text. Raises InputError where no text holds a token."""
    rows = []
    for text in texts:
        check_cancelled()
        rows += [tuple(row) for row in model.tokens.context_windows(text)]
    if not rows:
        raise InputError("The text is empty; give one with a sentence or more on each line.")
    return Passages(tuple(rows), model.tokens.has_bos)


def read_passage_file(model: Model, path: Path) -> Passages:
    """A text file's passages: blank lines separate them where there are any, else every line is one.

    Raises InputError where there is no such file, or where it is empty or no UTF-8 text.
    """
    try:
        text = read_regular_file(path).decode("utf-8-sig")
    except FileNotFoundError:
        raise InputError(f"There is no text file '{path}'; give a file of plain text.") from None
    except OSError as error:
        raise InputError(
            f"The text file '{path}' cannot be read ({error.strerror}); give a file of plain text."
        ) from None
    except UnicodeDecodeError:
        raise InputError(f"'{path}' is no UTF-8 text; save it as UTF-8, or give another file.") from None
    text = text.replace("\r\n", "\n").strip("\n")
    pieces = text.split("\n\n") if "\n\n" in text else text.split("\n")
    return passages_from_texts(model, (piece.strip("\n") for piece in pieces if piece.strip()))
