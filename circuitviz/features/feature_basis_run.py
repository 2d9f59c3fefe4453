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

from circuitviz.features.feature_basis import FeatureBasis, SiteBasis
from circuitviz.graph import BoolMatrix, Intervention, Interventions, NodeKind
from circuitviz.graph.feature_sites import site_of
from circuitviz.models import Activations
from circuitviz.models.batch_interventions import BatchInterventions
from circuitviz.models.model import Hook

TASK_ERROR_MODES = ("judged", "kept", "dropped")


@dataclass(frozen=True, eq=False)
class BasisInterventions:
    """What nodes are made to write: of the model's own nodes, and of features and errors by name.

    values: by kind of ablation, what the sites' features have and what the senders write.
    """

    of_model: BatchInterventions
    of_sites: Interventions
    values: Mapping[str, tuple[Activations, Mapping[str, Tensor]]] = field(default_factory=dict)


@dataclass(eq=False)
class FeatureBasisRun:
    """One batch [batch, time] with its ablation values; ``logits`` runs it with a set of nodes.

    feature_values: of each site, ablation values of what is listed [batch or 1, time or 1, listed].
    errors: ``judged``, a site's error is a node as any other; ``kept``, it always has its own value;
    ``dropped``, nothing but the decoder's bias stands for it.
    """

    basis: FeatureBasis
    tokens: Tensor
    positions: Tensor
    ablation_values: Activations
    feature_values: Mapping[str, Tensor]
    errors: str = "judged"

    def __post_init__(self) -> None:
        self.graph = self.basis.graph()
        self._rows = {
            site: [i for i, node in enumerate(self.graph.nodes) if site_of(node) == site]
            for site in {site_of(node) for node in self.graph.nodes}
        }

    @torch.no_grad()
    def logits(self, edges: BoolMatrix, interventions: BasisInterventions | None = None) -> Tensor:
        """Logits [batch, vocabulary] of the nodes that ``edges`` [senders, receivers] lead out of.

        An edge alone that is missing changes nothing: nodes are judged.
        """
        model, alone = self.basis.model, np.append(edges.any(axis=1), True)
        with (
            model.hooks(self._model_hooks(alone, interventions)),
            model.hooks(self._basis_hooks(alone, interventions)),
        ):
            return model.logits(self.tokens, self.positions)

    def _basis_hooks(
        self, kept_nodes: NDArray[np.bool_], interventions: BasisInterventions | None
    ) -> dict[str, Hook]:
        return self.basis.hooks(
            lambda site, read, own: self._site_output(site, read, own, kept_nodes, interventions)
        )

    def _site_output(
        self,
        site: SiteBasis,
        read: Tensor,
        written: Tensor,
        kept_nodes: NDArray[np.bool_],
        interventions: BasisInterventions | None,
    ) -> Tensor | None:
        """What an opened site writes when the features and the error outside have other values."""
        stays = torch.from_numpy(kept_nodes[self._rows[site.name]]).to(written.device)
        own, rows = site.listed_activations(read), site.listed_decoder_rows()
        features = torch.where(stays[:-1], own, self.feature_values[site.name])
        error = written - own @ rows
        if self.errors == "dropped":
            rest = site.dictionary.decoder_bias.expand_as(error)
        elif bool(stays[-1]) or self.errors == "kept":
            rest = error
        else:
            rest = self._ablated_error(site, self.ablation_values, self.feature_values[site.name]).expand_as(
                error
            )
        if interventions is not None:
            for name, what in interventions.of_sites.items():
                node = self.graph.node(name)
                if site_of(node) != site.name or not bool(kept_nodes[self.graph.node_index[name]]):
                    continue
                if node.kind is NodeKind.ERROR:
                    rest = self._intervened(rest, None, site, what, interventions)
                else:
                    at = self._rows[site.name].index(self.graph.node_index[name])
                    features = features.clone()
                    one = features[..., at, None]
                    features[..., at, None] = self._intervened(one, at, site, what, interventions)
        return written + (features - own) @ rows + (rest - error)

    def _intervened(
        self,
        own: Tensor,
        at: int | None,
        site: SiteBasis,
        what: Intervention,
        interventions: BasisInterventions,
    ) -> Tensor:
        """A feature's activations [batch, time, 1], or the error, as an intervention makes them."""
        if what.value == "scale":
            return interventions.of_model.mix_positions(own, own * what.amount, what)
        ablated, features = interventions.values[what.value]
        values = features[site.name]
        other = self._ablated_error(site, ablated, values) if at is None else values[..., at, None]
        return interventions.of_model.mix_positions(own, other.expand_as(own), what)

    def _ablated_error(self, site: SiteBasis, ablated: Activations, features: Tensor) -> Tensor:
        """What a site's error writes under an ablation: all that the site does, without its features."""
        at = site.dictionary.site
        if at.part == "m":
            whole = ablated.mlp[at.layer]
        else:
            whole = ablated.z[at.layer].flatten(2)
            if not site.is_of_head_values:
                bias = site.model.bridge.blocks[at.layer].attn.b_O.detach()
                whole = whole @ site.model.layers[at.layer].o.flatten(0, 1) + bias
        return whole - features @ site.listed_decoder_rows()

    def _model_hooks(
        self, kept_nodes: NDArray[np.bool_], interventions: BasisInterventions | None
    ) -> dict[str, Hook]:
        """Hooks of the sites that are not opened."""
        model, found = self.basis.model, dict[str, Hook]()
        of_model = None if interventions is None else interventions.of_model
        if not kept_nodes[0]:
            found["embed.hook_out"] = lambda x: self.ablation_values.embed.expand_as(x)
        for layer, weights in enumerate(model.layers):
            if f"a{layer}" not in self.basis.sites:
                out = torch.from_numpy(np.flatnonzero(~kept_nodes[self._rows[f"a{layer}"]])).to(model.device)
                kept: list[Tensor] = []
                if of_model is not None or len(out):
                    hook = partial(self._intervene_on_heads, layer, kept, of_model)
                    found[f"blocks.{layer}.attn.hook_z"] = hook
                if len(out):
                    if weights.post_norm is not None:
                        scaled = partial(_scale_cached_z, kept, weights.post_norm.inverse_scale)
                        found[f"blocks.{layer}.ln1_post.hook_in"] = scaled
                    found[weights.attn_out_hook] = partial(self._ablate_heads, layer, kept, out)
            if model.shape.mlp and f"m{layer}" not in self.basis.sites:
                if not kept_nodes[self._rows[f"m{layer}"][0]]:
                    found[weights.mlp_out_hook] = lambda x, at=layer: self.ablation_values.mlp[at].expand_as(
                        x
                    )  # type: ignore[misc]
                elif of_model is not None:
                    found[weights.mlp_out_hook] = partial(of_model.replace_mlp, layer)
        return found

    @staticmethod
    def _intervene_on_heads(
        layer: int, kept: list[Tensor], changes: BatchInterventions | None, z: Tensor
    ) -> Tensor | None:
        new = None if changes is None else changes.replace_heads(layer, z)
        kept[:] = [z if new is None else new]
        return new

    def _ablate_heads(self, layer: int, kept: list[Tensor], out: Tensor, written: Tensor) -> Tensor:
        """What attention writes when some heads have their ablation values."""
        more = (self.ablation_values.z[layer] - kept[0])[:, :, out].flatten(2)
        return written + more @ self.basis.model.layers[layer].o[out].flatten(0, 1)


def _scale_cached_z(kept: list[Tensor], scale: Hook, written: Tensor) -> None:
    factor = scale(written)
    assert factor is not None
    kept[0] = kept[0] * factor
