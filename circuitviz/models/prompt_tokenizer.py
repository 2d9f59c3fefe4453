"""Tokenisation of prompts and answers, with one rule for the beginning-of-sequence token."""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache, partial
from typing import Any

import torch
from torch import Tensor

from circuitviz.errors import InputError

MAX_CACHED_TEXTS = 4096  # a prompt is tokenised again for each answer, and whenever its task is opened
MAX_CACHED_CHARS = 500  # of each of them


class PromptTokenizer:
    """A model's tokenizer with the application's rule for the beginning-of-sequence token.

    The token is prepended exactly where the tokenizer defines one and the text does not begin with it
    (methods.md, Tasks): never twice, whether the tokenizer adds it by itself or not. ``bos=False`` adds none.
    The rule is read from the tokenizer once, at construction: other libraries set a missing token later.

    Args:
        tokenizer: A Hugging Face tokenizer.
        n_ctx: The longest prompt, in tokens.
        n_embeddings: How many token ids the model has embeddings for; all where it is not given.

    Raises:
        InputError: The beginning-of-sequence token has no embedding.
    """

    def __init__(self, tokenizer: Any, n_ctx: int, n_embeddings: int | None = None) -> None:
        self._tokenizer = tokenizer
        self._tokenize_short = lru_cache(MAX_CACHED_TEXTS)(partial(_tokenize, tokenizer))
        self.n_ctx = n_ctx
        self.vocabulary_size = len(tokenizer) if n_embeddings is None else min(len(tokenizer), n_embeddings)
        self._n_embeddings = n_embeddings
        unknown = tokenizer.unk_token_id  # GPT-2's is its separator, which stands for no word
        self.bos_id: int | None = tokenizer.bos_token_id
        self._check_embedded([] if self.bos_id is None else [self.bos_id])
        self._unknown_id: int | None = None if unknown in (self.bos_id, tokenizer.eos_token_id) else unknown

    @property
    def text_token_ids(self) -> list[int]:
        """The ids that stand for text: all but the special ones."""
        special = set(self._tokenizer.all_special_ids)
        return [i for i in range(self.vocabulary_size) if i not in special]

    def encode(self, text: str, bos: bool | None = None) -> list[int]:
        """The token ids of a prompt.

        Args:
            text: The prompt.
            bos: False to leave out the beginning-of-sequence token.

        Raises:
            InputError: The prompt is longer than the context, or holds a word that the tokenizer does not
                know.
        """
        ids = self._encode_plain(text)
        self._check_known(text, ids)
        if bos is not False:
            ids = self._with_bos(ids)
        if len(ids) > self.n_ctx:
            raise InputError(
                f"A prompt of {len(ids)} tokens was given; this model reads at most {self.n_ctx}. "
                f"It begins: {text[:60]!r}."
            )
        return ids

    def character_ranges(self, text: str, bos: bool | None = None) -> list[tuple[int, int]]:
        """First character and end of each token of a prompt; of the beginning-of-sequence token (0, 0).

        Args:
            text: The prompt.
            bos: False to leave out the beginning-of-sequence token.

        Raises:
            InputError: The tokenizer does not tell characters of tokens, or ``encode`` refuses the prompt.
        """
        if not self._tokenizer.is_fast:
            raise InputError(
                "Spans of prompts need a tokenizer that tells which characters a token stands for, as those "
                "of the tokenizers library do; this model's does not."
            )
        encoding = self._tokenizer(text, add_special_tokens=False, return_offsets_mapping=True)
        ranges = [(int(first), int(end)) for first, end in encoding["offset_mapping"]]
        return [(0, 0)] * (len(self.encode(text, bos)) - len(ranges)) + ranges

    @property
    def has_bos(self) -> bool:
        """Whether a prompt begins with a beginning-of-sequence token."""
        return self.bos_id is not None

    @property
    def eos_id(self) -> int | None:
        """The token that ends a text; None where the tokenizer has none."""
        return None if self._tokenizer.eos_token_id is None else int(self._tokenizer.eos_token_id)

    def starts_with_bos(self, ids: Tensor) -> Tensor:
        """Which rows of token ids [prompts, time] begin with that token, bool [prompts]."""
        none = torch.zeros(len(ids), dtype=torch.bool, device=ids.device)
        return none if self.bos_id is None or not ids.shape[1] else ids[:, 0] == self.bos_id

    def context_windows(self, text: str, bos: bool | None = None) -> list[list[int]]:
        """Token ids of a text of any length, in windows no longer than the context.

        Each window begins as a prompt does; with ``bos`` False, without the beginning-of-sequence token.
        Unknown words keep the token that the tokenizer gives them.
        """
        begin = list if bos is False else self._with_bos
        ids, prefix = begin(self._encode_plain(text)), begin([])
        window_size = self.n_ctx - len(prefix)
        return [
            begin(ids[start : start + window_size])  # SmolLM2's begins each turn of a conversation
            for start in range(len(prefix), len(ids), window_size)
        ]

    def decode(self, ids: Iterable[int]) -> str:
        """The text of tokens, without the beginning-of-sequence token.

        ``encode`` mostly gives the same ids.
        """
        text_ids = list(ids)
        if self.has_bos and text_ids[:1] == [self.bos_id]:
            text_ids = text_ids[1:]
        return str(self._tokenizer.decode(text_ids, clean_up_tokenization_spaces=False))

    def answer_ids(self, prompt: str, answer: str) -> list[int]:
        """The tokens that an answer adds after a prompt.

        Found by tokenising the prompt alone and both together.
        """
        prompt_ids, full_ids = self._encode_plain(prompt), self._encode_plain(prompt + answer)
        if full_ids[: len(prompt_ids)] == prompt_ids:
            return full_ids[len(prompt_ids) :]
        return self._encode_plain(answer)  # the answer merges with the prompt's last token

    def answer_id(self, prompt: str, answer: str) -> int:
        """The one token that an answer is after a prompt.

        Raises:
            InputError: The answer is not one token, or a word that the tokenizer does not know.
        """
        ids = self.answer_ids(prompt, answer)
        self._check_known(answer, ids)
        if len(ids) != 1:
            pieces = " ".join(repr(piece) for piece in self.token_strings(ids))
            raise InputError(
                f"The answer {answer!r} is {len(ids)} tokens for this tokenizer ({pieces}); "
                "an answer must be one token, so choose a shorter word or mind its leading space."
            )
        return ids[0]

    def is_known(self, ids: Iterable[int]) -> bool:
        """Whether no token stands for a word that the tokenizer does not know."""
        return self._unknown_id is None or self._unknown_id not in ids

    def _check_known(self, text: str, ids: list[int]) -> None:
        if not self.is_known(ids):
            raise InputError(
                f"{text!r} holds a word that this model's tokenizer does not know; it would be read as "
                f"{self.token_strings([self._unknown_id or 0])[0]}. Use the words of its vocabulary."
            )

    def token_strings(self, ids: Iterable[int]) -> list[str]:
        """Tokens as they are shown: a real leading space, line breaks as ⏎."""
        return [self._token_string(int(i)) for i in ids]

    def _with_bos(self, ids: list[int]) -> list[int]:
        """Token ids with the beginning-of-sequence token before them, once."""
        return ids if self.bos_id is None or ids[:1] == [self.bos_id] else [self.bos_id, *ids]

    def _encode_plain(self, text: str) -> list[int]:
        is_short = len(text) <= MAX_CACHED_CHARS
        ids = list(self._tokenize_short(text) if is_short else _tokenize(self._tokenizer, text))
        self._check_embedded(ids)
        return ids

    def _check_embedded(self, ids: list[int]) -> None:
        if self._n_embeddings is not None and (unembedded := [i for i in ids if i >= self._n_embeddings]):
            raise InputError(
                f"The tokenizer gives {self.token_strings(unembedded)[0]!r} the id {unembedded[0]}, but "
                f"the model has embeddings for 0 to {self._n_embeddings - 1}; the tokenizer of this model "
                "would be right."
            )

    def _token_string(self, token: int) -> str:
        piece = self._tokenizer.convert_ids_to_tokens(token)
        if piece is None:
            return f"[{token}]"
        if piece in self._tokenizer.all_special_tokens:
            return str(piece)
        if "▁" in piece:
            text = piece.replace("▁", " ")
        else:
            text = self._tokenizer.decode([token])
            if "\ufffd" in text:  # part of a character: show its bytes
                text = str(piece)
        return str(text).replace("\n", "⏎")


def _tokenize(tokenizer: Any, text: str) -> tuple[int, ...]:
    """The token ids of a text alone."""
    return tuple(tokenizer(text, add_special_tokens=False)["input_ids"])
