"""Inputs of dictionaries for batches of token rows."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from circuitviz.features.dictionary import Dictionary
from circuitviz.features.hook_points import site_hooks
from circuitviz.models import Model


@torch.no_grad()
def batch_dictionary_inputs(model: Model, dictionaries: Sequence[Dictionary], tokens: Tensor) -> list[Tensor]:
    """Return what each dictionary reads, [row, time, d_in].

    Args:
        model: The model.
        dictionaries: At most one for each site.
        tokens: [row, time], padded on the right.
    """
    tokens = tokens.to(model.device)
    inputs: dict[str, Tensor] = {}

    def store_input(dictionary: Dictionary, read: Tensor, _written: Tensor) -> None:
        inputs[dictionary.site.name] = read

    with model.hooks(site_hooks(model, dictionaries, store_input)):
        model.logits(tokens, torch.zeros_like(tokens[:, 0]))
    return [inputs[dictionary.site.name] for dictionary in dictionaries]
