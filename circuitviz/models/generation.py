"""Passes of a model that writes on: token after token, with the keys and values of earlier tokens kept.

1. The prompt is run twice: whole, and in two parts of which the second, its last token, reads the keys and
   values that the first has kept. Where both give the same logits, the second run is gone on with.
2. Else (models whose attention counts positions from the tokens of the pass, such as MPT before
   TransformerLens 4) every further token runs the whole text again.
"""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor
from transformers import DynamicCache

from circuitviz.models.model import Model

CLOSE_LOGITS = (
    1e-3  # of the largest logit: between a pass of the whole text and one with kept keys and values
)


class GenerationPass:
    """The logits of the next token of a batch of texts that are written on, with whatever hooks are set.

    Args:
        model: The model.
        tokens: Token ids of the prompts [batch, time].

    Attributes:
        tokens: Token ids of the texts so far [batch, time].
        first_position: Position of the first token of the running pass; hooks see tokens from there on.
        keeps_keys: Whether keys and values of earlier tokens are kept.
    """

    def __init__(self, model: Model, tokens: Tensor) -> None:
        self.tokens, self.first_position, self.keeps_keys = tokens, 0, False
        self._model = model
        self._cache: Any = None

    @torch.no_grad()
    def read_prompt(self) -> Tensor:
        """Run the prompts; returns the logits of the next token [batch, vocabulary]."""
        logits = self._run_whole_text()
        if self.tokens.shape[1] < 2:
            return logits
        self._cache = DynamicCache(config=self._model.hf.config)
        self._run_part(0, self.tokens.shape[1] - 1)
        kept = self._run_part(self.tokens.shape[1] - 1, self.tokens.shape[1])
        self.keeps_keys = bool((kept - logits).abs().max() <= CLOSE_LOGITS * logits.abs().max())
        return logits

    @torch.no_grad()
    def read_token(self, ids: Tensor) -> Tensor:
        """Append a token to each text [batch]; returns the logits of the next one [batch, vocabulary]."""
        self.tokens = torch.cat([self.tokens, ids[:, None]], 1)
        if self.keeps_keys:
            return self._run_part(self.tokens.shape[1] - 1, self.tokens.shape[1])
        return self._run_whole_text()

    def _run_whole_text(self) -> Tensor:
        self.first_position = 0
        positions = self.tokens.new_full((len(self.tokens),), self.tokens.shape[1] - 1)
        return self._model.logits(self.tokens, positions)

    def _run_part(self, first: int, end: int) -> Tensor:
        self.first_position = first
        positions = self.tokens.new_full((len(self.tokens),), end - first - 1)
        arguments = {
            "attention_mask": torch.ones_like(self.tokens[:, :end]),
            "use_cache": True,
            _cache_argument(self._model.hf): self._cache,
        }
        with _kept_keys(self._model, self._cache):
            return self._model.logits(self.tokens[:, first:end], positions, **arguments)


@contextmanager
def _kept_keys(model: Model, cache: Any) -> Iterator[None]:
    """Hand kept keys and values to every attention of the bridge.

    It looks for ``past_key_values``, a name that not every version of transformers hands them over by.
    """

    def add_cache(_module: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[Any, dict[str, Any]]:
        return args, {**kwargs, "past_key_values": cache}

    handles = [
        block.attn.register_forward_pre_hook(add_cache, with_kwargs=True)
        for block in model.bridge.blocks[: model.shape.n_layers]
    ]
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()


def _cache_argument(hf: Any) -> str:
    """The name that a Hugging Face model's pass has for kept keys and values."""
    return "cache" if "cache" in inspect.signature(type(hf).forward).parameters else "past_key_values"
