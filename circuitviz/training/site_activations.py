"""Activations of a text at a dictionary's site: training inputs and targets."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterable, Iterator, Sequence, Set

import torch
from torch import Tensor

from circuitviz.errors import InputError
from circuitviz.features.passages import Passages
from circuitviz.features.sites import DictionarySite
from circuitviz.models import Model
from circuitviz.models.model import Hook

READ_TOKENS = 2048  # tokens of one pass: few, so that a slow model says soon how fast it is
SiteActivations = tuple[Tensor, Tensor]  # inputs [token, d_in] and targets [token, d_out]


def trainable_sites(model: Model) -> tuple[DictionarySite, ...]:
    """Return of every layer the heads' values before W_O (an SAE) and the MLP (a transcoder)."""
    parts = (("a", "z"), ("m", "normalised")) if model.shape.mlp else (("a", "z"),)
    return tuple(DictionarySite(layer, *part) for layer in range(model.shape.n_layers) for part in parts)


def parse_site(name: str, model: Model) -> DictionarySite:
    """Return the site that a name like ``a3``, ``m3`` or ``r3`` means.

    Raises:
        InputError: The model has no such site.
    """
    n_layers = model.shape.n_layers
    sites = {site.name: site for site in trainable_sites(model)}
    sites |= {f"r{layer}": DictionarySite(layer, "r", "written") for layer in range(n_layers + 1)}
    if name in sites:
        return sites[name]
    if not re.fullmatch(r"[amr]\d+", name):
        raise InputError(
            f"'{name}' names no site; a site is aLAYER (an SAE on attention), mLAYER (a transcoder of the "
            "MLP) or rLAYER (an SAE of the residual stream before a layer), for example a0."
        )
    raise InputError(
        f"There is no site '{name}'; '{model.name}' has layers 0 to {n_layers - 1}"
        f"{'' if model.shape.mlp else ' and no MLPs'}."
    )


def parse_sites(names: str, model: Model) -> tuple[DictionarySite, ...]:
    """Return the sites of names with commas between them; of an empty text, every site.

    Raises:
        InputError: The model has no such site, or one is named twice.
    """
    if not names.strip():
        return trainable_sites(model)
    sites = tuple(parse_site(name.strip(), model) for name in names.split(","))
    if len(set(sites)) < len(sites):
        raise InputError(f"The sites '{names}' name one twice; each once would be right.")
    return sites


def site_widths(model: Model, site: DictionarySite) -> tuple[int, int]:
    """Return the widths of a site's inputs and targets."""
    width = model.shape.n_heads * int(model.bridge.cfg.d_head) if site.reads == "z" else model.shape.d_model
    return (width, width) if not site.is_transcoder else (model.shape.d_model, model.shape.d_model)


def iterate_activations(
    model: Model,
    sites: Sequence[DictionarySite],
    passages: Passages,
    row_numbers: Iterable[int] | None = None,
) -> Iterator[list[SiteActivations]]:
    """Run some rows of a text and yield inputs [token, d_in] and targets [token, d_out] of each site.

    The first token of each row is left out: its activations are outliers in most models. Rows come in the
    order of ``passages.batches(row_numbers)``; the targets of an SAE are the inputs, the same tensor.
    """
    hooks = [site.hooks for site in sites]
    for batch in passages.batches(row_numbers, READ_TOKENS):
        token_mask = batch.token_mask.clone()
        token_mask[:, 0] = False
        if not token_mask.any():
            continue
        captured = capture_hooks(model, batch.tokens, {name for pair in hooks for name in pair})
        real = token_index(token_mask, model.device)
        kept = {name: captured.pop(name).flatten(2)[real].float() for name in list(captured)}
        yield [(kept[hook], kept[hook_out]) for hook, hook_out in hooks]


def collect_activations(
    model: Model, site: DictionarySite, passages: Passages, row_numbers: Iterable[int] | None = None
) -> SiteActivations:
    """Return all that ``iterate_activations`` yields of one site."""
    parts = [part[0] for part in iterate_activations(model, [site], passages, row_numbers)]
    x = torch.cat([x for x, _ in parts])
    return x, torch.cat([y for _, y in parts]) if site.is_transcoder else x


class _PassStopped(Exception):  # noqa: N818 - it is no error: what was asked for is there
    """Ends a pass of the model once all hook points that are read have been passed."""


@torch.no_grad()
def capture_hooks(model: Model, tokens: Tensor, names: Set[str]) -> dict[str, Tensor]:
    """Run a model up to the last of some hook points and return their tensors.

    Args:
        model: The model.
        tokens: [row, time]; padding on the right.
        names: Hook points.
    """
    captured: dict[str, Tensor] = {}

    def capture(name: str) -> Hook:
        def store(value: Tensor) -> None:
            captured[name] = value
            if len(captured) == len(names):
                raise _PassStopped

        return store

    tokens = tokens.to(model.device)
    with model.hooks({name: capture(name) for name in names}), contextlib.suppress(_PassStopped):
        model.logits(tokens, torch.zeros_like(tokens[:, 0]))
    return captured


def token_index(token_mask: Tensor, device: torch.device) -> tuple[Tensor, Tensor]:
    """Return rows and positions of a batch's tokens, as an index on a device.

    Args:
        token_mask: Bool [row, time], on the host: a device would be waited for to count its tokens.
        device: The device.
    """
    rows, positions = token_mask.nonzero().T.contiguous().to(device)
    return rows, positions
