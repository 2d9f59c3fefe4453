"""What features do over many prompts at once: where they fire, and what follows when they are held.

A node's name says one position of one prompt; what a feature means is said of any prompt.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from circuitviz.errors import InputError
from circuitviz.features.dictionary import Dictionary
from circuitviz.features.hook_points import site_hooks
from circuitviz.graph.names import parse_feature_name
from circuitviz.models import Model
from circuitviz.models.model import Hook


@dataclass(frozen=True, eq=False)
class FeatureRef:
    """One feature of a dictionary; ``position`` where its node stands, None where it has none."""

    name: str
    dictionary: Dictionary
    index: int
    position: int | None = None


@dataclass(frozen=True, eq=False)
class HeldFeature:
    """A feature that is made to fire with ``value`` [batch, time] where ``token_mask`` [batch, time] says so."""

    feature: FeatureRef
    value: Tensor
    token_mask: Tensor


def is_feature_name(name: str) -> bool:
    """Whether a node's name is a feature's, with its position or without.

    >>> is_feature_name("m3.f12@7"), is_feature_name("m3.f12"), is_feature_name("a1.h2@7")
    (True, True, False)
    """
    return parse_feature_name(name) is not None


def find_feature(name: str, dictionaries: Sequence[Dictionary]) -> FeatureRef:
    """A feature by its node's name; InputError where that is none, or its dictionary is not open."""
    found = parse_feature_name(name)
    if found is None:
        raise InputError(f"'{name}' is no feature; one is named as m3.f12, or m3.f12@7 at a position.")
    one = next((d for d in dictionaries if d.site.name == found.site), None)
    if one is None:
        there = ", ".join(d.site.name for d in dictionaries) or "none"
        raise InputError(f"No dictionary of {found.site} is open, so '{name}' is unknown; open: {there}.")
    if found.feature >= one.features:
        raise InputError(f"'{name}' does not exist: '{one.name}' has {one.features:,} features.")
    return FeatureRef(name, one, found.feature, found.position)


@torch.no_grad()
def feature_activations(model: Model, tokens: Tensor, features: Sequence[FeatureRef]) -> Tensor:
    """Activations of some features on prompts [batch, time]: [features, batch, time]."""
    _, found = run_with_held_features(model, tokens, torch.zeros_like(tokens[:, 0]), (), features)
    return found


@torch.no_grad()
def run_with_held_features(
    model: Model,
    tokens: Tensor,
    positions: Tensor,
    held: Sequence[HeldFeature],
    read: Sequence[FeatureRef] = (),
) -> tuple[Tensor, Tensor]:
    """Run prompts [batch, time] with some features held, and everything else free to respond.

    Errors are as they are: a held feature's difference is added to what its site writes. Returns logits
    [batch, vocabulary] at one position of each prompt, and the activations of ``read`` in that very run,
    before they are held: [read, batch, time].
    """
    batch = _HeldFeatureHooks(model, held, read)
    with model.hooks(batch.hooks()):
        logits = model.logits(tokens, positions)
    empty = logits.new_zeros(0, *tokens.shape)
    return logits, torch.stack([batch.activations[i] for i in range(len(read))]) if read else empty


class _HeldFeatureHooks:
    """Hooks of one pass, site by site."""

    def __init__(self, model: Model, held: Sequence[HeldFeature], read: Sequence[FeatureRef]) -> None:
        self.model, self.held, self.read = model, held, read
        self.activations: dict[int, Tensor] = {}

    def hooks(self) -> dict[str, Hook]:
        """By hook point; a site has one dictionary (``loading.check_set``)."""
        features = [*(h.feature for h in self.held), *self.read]
        sites = {one.dictionary.site.name: one.dictionary for one in features}
        return site_hooks(self.model, sites.values(), self._hold_features)

    def _hold_features(self, one: Dictionary, read: Tensor, written: Tensor) -> Tensor | None:
        """What a site writes with its held features, [batch, time, d_out]; keeps what is read."""
        one = one.to(read)
        activation = one.encode(read)
        for i, feature in enumerate(self.read):
            if feature.dictionary.site == one.site:
                self.activations[i] = activation[..., feature.index].clone()
        mine = [h for h in self.held if h.feature.dictionary.site == one.site]
        if not mine:
            return None
        index = torch.tensor([h.feature.index for h in mine], device=read.device)
        value = torch.stack([h.value.to(read) for h in mine], dim=-1)
        at = torch.stack([h.token_mask.to(read.device) for h in mine], dim=-1)
        return written + ((value - activation[..., index]) * at) @ one.decoder_rows(index)
