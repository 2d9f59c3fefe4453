"""Activations of a text at a dictionary's site: training inputs and targets."""

from __future__ import annotations

import re
from collections.abc import Iterable

import torch
from torch import Tensor

from circuitviz.cancellation import check_cancelled
from circuitviz.errors import InputError
from circuitviz.features.passages import Passages
from circuitviz.features.sites import DictionarySite
from circuitviz.models import Model
from circuitviz.models.model import Hook


def trainable_sites(model: Model) -> tuple[DictionarySite, ...]:
    """Return of every layer the heads' values before W_O (an SAE) and the MLP (a transcoder)."""
    parts = (("a", "z"), ("m", "normalised")) if model.shape.mlp else (("a", "z"),)
    return tuple(DictionarySite(layer, *part) for layer in range(model.shape.n_layers) for part in parts)


def parse_site(name: str, model: Model) -> DictionarySite:
    """Return the site that a name like ``a3`` or ``m3`` means.

    Raises:
        InputError: The model has no such site.
    """
    sites = {site.name: site for site in trainable_sites(model)}
    if name in sites:
        return sites[name]
    layers = model.shape.n_layers
    if not re.fullmatch(r"[am]\d+", name):
        raise InputError(
            f"'{name}' names no site; a site is aLAYER (an SAE on attention) or mLAYER (a transcoder of the "
            "MLP), for example a0."
        )
    raise InputError(
        f"There is no site '{name}'; '{model.name}' has layers 0 to {layers - 1}"
        f"{'' if model.shape.mlp else ' and no MLPs'}."
    )


@torch.no_grad()
def collect_activations(
    model: Model, site: DictionarySite, passages: Passages, row_numbers: Iterable[int] | None = None
) -> tuple[Tensor, Tensor]:
    """Run some rows of a text and return the site's inputs [token, d_in] and targets [token, d_out].

    Rows come in the order of ``passages.batches(row_numbers)``.
    """
    read: list[Tensor] = []
    written: list[Tensor] = []
    hook, hook_out = site.hooks
    for batch in passages.batches(row_numbers):
        captured: dict[str, Tensor] = {}
        tokens, real = batch.tokens.to(model.device), token_index(batch.token_mask, model.device)
        with model.hooks({name: capture_hook(captured, name) for name in (hook, hook_out)}):
            model.logits(tokens, torch.zeros_like(tokens[:, 0]))
        read.append(captured[hook].flatten(2)[real])
        written.append(read[-1] if hook == hook_out else captured[hook_out].flatten(2)[real])
    check_cancelled()
    x = torch.cat(read)
    return x, x if hook == hook_out else torch.cat(written)


def token_index(token_mask: Tensor, device: torch.device) -> tuple[Tensor, Tensor]:
    """Return rows and positions of a batch's tokens, as an index on a device.

    Args:
        token_mask: Bool [row, time], on the host: a device would be waited for to count its tokens.
        device: The device.
    """
    rows, positions = token_mask.nonzero().T.contiguous().to(device)
    return rows, positions


def capture_hook(captured: dict[str, Tensor], name: str) -> Hook:
    """Return a hook that stores its tensor under a name."""
    return lambda value: captured.__setitem__(name, value)
