"""What dictionaries read of many rows of tokens at once: the same as in a run of each row alone."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from circuitviz.features.dictionary import Dictionary
from circuitviz.features.hook_points import site_hooks
from circuitviz.models import Model


@torch.no_grad()
def batch_dictionary_inputs(model: Model, dictionaries: Sequence[Dictionary], tokens: Tensor) -> list[Tensor]:
    """tokens: [row, time], padded on the right → what each dictionary reads, [row, time, d_in].

    dictionaries: at most one a site.
    """
    tokens = tokens.to(model.device)
    seen: dict[str, Tensor] = {}

    def keep(one: Dictionary, read: Tensor, _written: Tensor) -> None:
        seen[one.site.name] = read

    with model.hooks(site_hooks(model, dictionaries, keep)):
        model.logits(tokens, torch.zeros_like(tokens[:, 0]))
    return [seen[one.site.name] for one in dictionaries]
