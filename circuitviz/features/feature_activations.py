"""Activations of features on batches of prompts, and runs in which features have given values."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

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
    """One feature of a dictionary.

    Attributes:
        name: Its node's name.
        dictionary: Its dictionary.
        index: Its index.
        position: The position of its node, None where it has none.
    """

    name: str
    dictionary: Dictionary
    index: int
    position: int | None = None


@dataclass(frozen=True, eq=False)
class HeldFeature:
    """A feature with a given ``value`` [batch, time] at the tokens of ``token_mask`` [batch, time]."""

    feature: FeatureRef
    value: Tensor
    token_mask: Tensor


def is_feature_name(name: str) -> bool:
    """Return whether a node's name is a feature's, with its position or without.

    >>> is_feature_name("m3.f12@7"), is_feature_name("m3.f12"), is_feature_name("a1.h2@7")
    (True, True, False)
    """
    return parse_feature_name(name) is not None


def find_feature(name: str, dictionaries: Sequence[Dictionary]) -> FeatureRef:
    """Return a feature by its node's name.

    Raises:
        InputError: The name is no feature's, or its dictionary is not open.
    """
    parsed = parse_feature_name(name)
    if parsed is None:
        raise InputError(f"'{name}' is no feature; one is named as m3.f12, or m3.f12@7 at a position.")
    dictionary = next((d for d in dictionaries if d.site.name == parsed.site), None)
    if dictionary is None:
        open_sites = ", ".join(d.site.name for d in dictionaries) or "none"
        raise InputError(
            f"No dictionary of {parsed.site} is open, so '{name}' is unknown; open: {open_sites}."
        )
    if parsed.feature >= dictionary.features:
        raise InputError(
            f"'{name}' does not exist: '{dictionary.name}' has {dictionary.features:,} features."
        )
    return FeatureRef(name, dictionary, parsed.feature, parsed.position)


@torch.no_grad()
def feature_activations(model: Model, tokens: Tensor, features: Sequence[FeatureRef]) -> Tensor:
    """Return activations of some features on prompts [batch, time]: [features, batch, time]."""
    _, activations = run_with_held_features(model, tokens, torch.zeros_like(tokens[:, 0]), (), features)
    return activations


@torch.no_grad()
def run_with_held_features(
    model: Model,
    tokens: Tensor,
    positions: Tensor,
    held: Sequence[HeldFeature],
    read: Sequence[FeatureRef] = (),
) -> tuple[Tensor, Tensor]:
    """Run prompts with some features held, and everything else free to respond.

    Errors are as they are: a held feature's difference is added to what its site writes.

    Args:
        model: The model.
        tokens: [batch, time].
        positions: One position of each prompt, [batch], at which logits are returned.
        held: The features that are held.
        read: The features that are read in that run, before they are held.

    Returns:
        Logits [batch, vocabulary], and activations [read, batch, time].
    """
    batch = _HeldFeatureHooks(model, held, read)
    with model.hooks(batch.hooks()):
        logits = model.logits(tokens, positions)
    empty = logits.new_zeros(0, *tokens.shape)
    return logits, torch.stack([batch.activations[i] for i in range(len(read))]) if read else empty


class _HeldFeatureHooks:
    """Hooks of one pass, site by site; what is read is left in ``activations``."""

    def __init__(self, model: Model, held: Sequence[HeldFeature], read: Sequence[FeatureRef]) -> None:
        self.model, self.held, self.read = model, held, read
        self.activations: dict[int, Tensor] = {}
        self.differences: list[tuple[Dictionary, Tensor, Tensor]] = []  # dictionary, features, change

    def hooks(self) -> dict[str, Hook]:
        """Return the hooks by hook point; a site has one dictionary."""
        features = [*(held.feature for held in self.held), *self.read]
        sites = {feature.dictionary.site.name: feature.dictionary for feature in features}
        hooks = site_hooks(self.model, sites.values(), self._hold_features)
        later = {i for d in sites.values() for i in range(d.site.layer + 1, d.last_layer + 1)}
        for layer in later:  # features of cross-layer transcoders write there, too
            name = self.model.layers[layer].mlp_out_hook
            hooks[name] = partial(self._add_from_earlier, layer, hooks.get(name))
        return hooks

    def _add_from_earlier(self, layer: int, own_hook: Hook | None, written: Tensor) -> Tensor:
        """Return what an MLP writes, with what held features of earlier layers add to it."""
        changed = None if own_hook is None else own_hook(written)
        written = written if changed is None else changed
        for dictionary, index, difference in self.differences:
            if dictionary.site.layer < layer <= dictionary.last_layer:
                written = written + difference @ dictionary.rows_at(index, layer)
        return written

    def _hold_features(self, dictionary: Dictionary, read: Tensor, written: Tensor) -> Tensor | None:
        """Return a site's output with its held features, [batch, time, d_out]; records activations."""
        dictionary = dictionary.to(read)
        activation = dictionary.encode(read)
        for i, feature in enumerate(self.read):
            if feature.dictionary.site == dictionary.site:
                self.activations[i] = activation[..., feature.index].clone()
        held_at_site = [held for held in self.held if held.feature.dictionary.site == dictionary.site]
        if not held_at_site:
            return None
        index = torch.tensor([held.feature.index for held in held_at_site], device=read.device)
        value = torch.stack([held.value.to(read) for held in held_at_site], dim=-1)
        mask = torch.stack([held.token_mask.to(read.device) for held in held_at_site], dim=-1)
        difference = (value - activation[..., index]) * mask
        self.differences.append((dictionary, index, difference))
        return written + difference @ dictionary.decoder_rows(index)
