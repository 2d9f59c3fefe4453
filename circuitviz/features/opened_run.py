"""A batch run with some nodes alone: heads, MLPs and features outside take their ablation values.

Nodes are taken out at all positions and on all their edges, as feature circuits are judged (Marks et al.
2024); nodes of the circuit have whatever value they take in this very run.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from circuitviz.features.opening import Opening, OpenSite
from circuitviz.graph import BoolMatrix, Intervention, Interventions, Kind
from circuitviz.graph.opened import site_of
from circuitviz.models import Activations
from circuitviz.models.model import Hook
from circuitviz.models.replacements import Replacements

ERRORS = ("judged", "kept", "dropped")


@dataclass(frozen=True, eq=False)
class OpenedChanges:
    """What nodes are made to write: of the model's own nodes, and of features and errors by name.

    values: by kind of ablation, what the sites' features have and what the senders write.
    """

    of_model: Replacements
    of_sites: Interventions
    values: Mapping[str, tuple[Activations, Mapping[str, Tensor]]] = field(default_factory=dict)


@dataclass(eq=False)
class OpenedRun:
    """One batch [batch, time] with its ablation values; ``logits`` runs it with a set of nodes.

    features: of each site, ablation values of what is listed [batch or 1, time or 1, listed].
    errors: ``judged``, a site's error is a node as any other; ``kept``, it always has its own value;
    ``dropped``, nothing but the decoder's bias stands for it.
    """

    opening: Opening
    tokens: Tensor
    positions: Tensor
    ablated: Activations
    features: Mapping[str, Tensor]
    errors: str = "judged"

    def __post_init__(self) -> None:
        self.graph = self.opening.graph()
        self._rows = {
            site: [i for i, node in enumerate(self.graph.nodes) if site_of(node) == site]
            for site in {site_of(node) for node in self.graph.nodes}
        }

    @torch.no_grad()
    def logits(self, edges: BoolMatrix, changes: OpenedChanges | None = None) -> Tensor:
        """Logits [batch, vocabulary] of the nodes that ``edges`` [senders, receivers] lead out of.

        An edge alone that is missing changes nothing: nodes are judged.
        """
        model, alone = self.opening.model, np.append(edges.any(axis=1), True)
        with model.hooks(self._of_model(alone, changes)), model.hooks(self._of_sites(alone, changes)):
            return model.logits(self.tokens, self.positions)

    def _of_sites(self, alone: NDArray[np.bool_], changes: OpenedChanges | None) -> dict[str, Hook]:
        return self.opening.hooks(lambda site, read, own: self._site(site, read, own, alone, changes))

    def _site(
        self,
        site: OpenSite,
        read: Tensor,
        written: Tensor,
        alone: NDArray[np.bool_],
        changes: OpenedChanges | None,
    ) -> Tensor | None:
        """What an opened site writes when the features and the error outside have other values."""
        stays = torch.from_numpy(alone[self._rows[site.name]]).to(written.device)
        own, rows = site.active(read), site.rows()
        features = torch.where(stays[:-1], own, self.features[site.name])
        error = written - own @ rows
        if self.errors == "dropped":
            rest = site.dictionary.decoder_bias.expand_as(error)
        elif bool(stays[-1]) or self.errors == "kept":
            rest = error
        else:
            rest = self._rest(site, self.ablated, self.features[site.name]).expand_as(error)
        if changes is not None:
            for name, what in changes.of_sites.items():
                node = self.graph.node(name)
                if site_of(node) != site.name or not bool(alone[self.graph.node_index[name]]):
                    continue
                if node.kind is Kind.ERROR:
                    rest = self._changed(rest, None, site, what, changes)
                else:
                    at = self._rows[site.name].index(self.graph.node_index[name])
                    features = features.clone()
                    one = features[..., at, None]
                    features[..., at, None] = self._changed(one, at, site, what, changes)
        return written + (features - own) @ rows + (rest - error)

    def _changed(
        self, own: Tensor, at: int | None, site: OpenSite, what: Intervention, changes: OpenedChanges
    ) -> Tensor:
        """A feature's activations [batch, time, 1], or the error, as an intervention makes them."""
        if what.value == "scale":
            return changes.of_model.mixed(own, own * what.share, what)
        ablated, features = changes.values[what.value]
        values = features[site.name]
        other = self._rest(site, ablated, values) if at is None else values[..., at, None]
        return changes.of_model.mixed(own, other.expand_as(own), what)

    def _rest(self, site: OpenSite, ablated: Activations, features: Tensor) -> Tensor:
        """What a site's error writes under an ablation: all that the site does, without its features."""
        at = site.dictionary.site
        if at.part == "m":
            whole = ablated.mlp[at.layer]
        else:
            whole = ablated.z[at.layer].flatten(2)
            if not site.of_values:
                bias = site.model.bridge.blocks[at.layer].attn.b_O.detach()
                whole = whole @ site.model.layers[at.layer].o.flatten(0, 1) + bias
        return whole - features @ site.rows()

    def _of_model(self, alone: NDArray[np.bool_], changes: OpenedChanges | None) -> dict[str, Hook]:
        """Hooks of the sites that are not opened."""
        model, found = self.opening.model, dict[str, Hook]()
        of_model = None if changes is None else changes.of_model
        if not alone[0]:
            found["embed.hook_out"] = lambda x: self.ablated.embed.expand_as(x)
        for layer, weights in enumerate(model.layers):
            if f"a{layer}" not in self.opening.sites:
                out = torch.from_numpy(np.flatnonzero(~alone[self._rows[f"a{layer}"]])).to(model.device)
                kept: list[Tensor] = []
                if of_model is not None or len(out):
                    hook = partial(self._heads, layer, kept, of_model)
                    found[f"blocks.{layer}.attn.hook_z"] = hook
                if len(out):
                    if weights.post is not None:
                        scaled = partial(_scale, kept, weights.post.scale)
                        found[f"blocks.{layer}.ln1_post.hook_in"] = scaled
                    found[weights.after_attention] = partial(self._without, layer, kept, out)
            if model.shape.mlp and f"m{layer}" not in self.opening.sites:
                if not alone[self._rows[f"m{layer}"][0]]:
                    found[weights.after_mlp] = lambda x, at=layer: self.ablated.mlp[at].expand_as(x)  # type: ignore[misc]
                elif of_model is not None:
                    found[weights.after_mlp] = partial(of_model.mlp, layer)
        return found

    @staticmethod
    def _heads(layer: int, kept: list[Tensor], changes: Replacements | None, z: Tensor) -> Tensor | None:
        new = None if changes is None else changes.heads(layer, z)
        kept[:] = [z if new is None else new]
        return new

    def _without(self, layer: int, kept: list[Tensor], out: Tensor, written: Tensor) -> Tensor:
        """What attention writes when some heads have their ablation values."""
        more = (self.ablated.z[layer] - kept[0])[:, :, out].flatten(2)
        return written + more @ self.opening.model.layers[layer].o[out].flatten(0, 1)


def _scale(kept: list[Tensor], scale: Hook, written: Tensor) -> None:
    factor = scale(written)
    assert factor is not None
    kept[0] = kept[0] * factor
