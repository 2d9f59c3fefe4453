"""Runs of a batch in which heads, MLPs and features outside a circuit have their ablation values.

Nodes are ablated at all positions and on all their edges. Nodes of the circuit have the values that they
take in this run. Source: [marks2024sparse].
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from circuitviz.features.feature_basis import FeatureBasis, SiteBasis
from circuitviz.graph import BoolMatrix, Intervention, Interventions, NodeKind
from circuitviz.graph.feature_sites import site_of
from circuitviz.models import Activations
from circuitviz.models.batch_interventions import BatchInterventions
from circuitviz.models.device_arrays import copy_arrays
from circuitviz.models.model import Hook

TASK_ERROR_MODES = ("judged", "kept", "dropped")


@dataclass(frozen=True, eq=False)
class BasisInterventions:
    """What nodes are made to write: the model's own nodes, and features and errors by name.

    Attributes:
        of_model: Interventions on heads, MLPs and the embedding.
        of_sites: Interventions on features and errors.
        values: By kind of ablation, what the senders write and what the sites' features have.
    """

    of_model: BatchInterventions
    of_sites: Interventions
    values: Mapping[str, tuple[Activations, Mapping[str, Tensor]]] = field(default_factory=dict)


@dataclass(eq=False)
class FeatureBasisRun:
    """One batch [batch, time] with its ablation values; ``logits`` runs it with a set of nodes.

    Attributes:
        basis: The sites shown in features.
        tokens: [batch, time].
        positions: Answer positions [batch].
        ablation_values: What senders write when ablated.
        feature_values: By site, ablation values of what is listed, [batch or 1, time or 1, listed]; of sites
            of the residual stream also those of the error, by its name, [batch or 1, time or 1, d_model].
        errors: ``judged``: a site's error is a node like any other; ``kept``: it always has its own value;
            ``dropped``: the decoder's bias alone stands for it.
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
        """Return logits [batch, vocabulary] of the nodes that ``edges`` [senders, receivers] lead out of.

        Removing one of a node's several edges changes nothing, because whole nodes are ablated.
        """
        model, kept_nodes = self.basis.model, np.append(edges.any(axis=1), True)
        masks = self._device_masks(kept_nodes)
        with (
            model.hooks(self._model_hooks(kept_nodes, masks, interventions)),
            model.hooks(self._basis_hooks(kept_nodes, masks, interventions)),
        ):
            return model.logits(self.tokens, self.positions)

    def _device_masks(self, kept_nodes: NDArray[np.bool_]) -> dict[str, Tensor]:
        """What a pass needs on the device, copied there in one piece, by site.

        Of a site shown in features, which of its nodes are kept [nodes]; of other attention, the heads that
        are ablated.
        """
        arrays: dict[str, NDArray[Any]] = {s: kept_nodes[self._rows[s]] for s in self.basis.sites}
        for layer in range(self.basis.model.shape.n_layers):
            if (site := f"a{layer}") not in arrays:
                arrays[site] = np.flatnonzero(~kept_nodes[self._rows[site]])
        return dict(zip(arrays, copy_arrays(list(arrays.values()), self.basis.model.device), strict=True))

    def _basis_hooks(
        self,
        kept_nodes: NDArray[np.bool_],
        masks: dict[str, Tensor],
        interventions: BasisInterventions | None,
    ) -> dict[str, Hook]:
        return self.basis.hooks(
            lambda site, read, written: self._site_output(
                site, read, written, kept_nodes, masks[site.name], interventions
            )
        )

    def _site_output(
        self,
        site: SiteBasis,
        read: Tensor,
        written: Tensor,
        kept_nodes: NDArray[np.bool_],
        is_kept: Tensor,
        interventions: BasisInterventions | None,
    ) -> Tensor | None:
        """Return what a site writes when the features and the error outside have other values."""
        activations, rows = site.listed_activations(read), site.listed_decoder_rows()
        features = torch.where(is_kept[:-1], activations, self.feature_values[site.name])
        error = written - activations @ rows
        if self.errors == "dropped":
            new_error = site.dictionary.decoder_bias.expand_as(error)
        elif kept_nodes[self._rows[site.name][-1]] or self.errors == "kept":
            new_error = error
        else:
            new_error = self._ablated_error(site, self.ablation_values, self.feature_values).expand_as(error)
        if interventions is not None:
            for name, intervention in interventions.of_sites.items():
                node = self.graph.node(name)
                if site_of(node) != site.name or not bool(kept_nodes[self.graph.node_index[name]]):
                    continue
                if node.kind is NodeKind.ERROR:
                    new_error = self._intervened(new_error, None, site, intervention, interventions)
                else:
                    listed_index = self._rows[site.name].index(self.graph.node_index[name])
                    features = features.clone()
                    activation = features[..., listed_index, None]
                    features[..., listed_index, None] = self._intervened(
                        activation, listed_index, site, intervention, interventions
                    )
        return written + (features - activations) @ rows + (new_error - error)

    def _intervened(
        self,
        value: Tensor,
        listed_index: int | None,
        site: SiteBasis,
        intervention: Intervention,
        interventions: BasisInterventions,
    ) -> Tensor:
        """Return a feature's activations [batch, time, 1], or the error, as an intervention makes them."""
        if intervention.value == "scale":
            return interventions.of_model.mix_positions(value, value * intervention.amount, intervention)
        ablated, features = interventions.values[intervention.value]
        replacement = (
            self._ablated_error(site, ablated, features)
            if listed_index is None
            else features[site.name][..., listed_index, None]
        )
        return interventions.of_model.mix_positions(value, replacement.expand_as(value), intervention)

    def _ablated_error(self, site: SiteBasis, ablated: Activations, features: Mapping[str, Tensor]) -> Tensor:
        """Return what a site's error writes under an ablation: the site's output without its features."""
        site_info = site.dictionary.site
        if site.is_residual:
            return features[site.error_name]
        if site_info.part == "m":
            site_output = ablated.mlp[site_info.layer]
        else:
            site_output = ablated.z[site_info.layer].flatten(2)
            if not site.is_of_head_values:
                bias = site.model.bridge.blocks[site_info.layer].attn.b_O.detach().to(ablated.embed)
                site_output = site_output @ site.model.layers[site_info.layer].o.flatten(0, 1) + bias
        return site_output - features[site.name] @ site.listed_decoder_rows()

    def _model_hooks(
        self,
        kept_nodes: NDArray[np.bool_],
        masks: dict[str, Tensor],
        interventions: BasisInterventions | None,
    ) -> dict[str, Hook]:
        """Return hooks of the sites that are not shown in features."""
        model, hooks = self.basis.model, dict[str, Hook]()
        of_model = None if interventions is None else interventions.of_model
        if not kept_nodes[0]:
            hooks[model.embed_hook] = lambda x: self.ablation_values.embed.expand_as(x)
        for layer, weights in enumerate(model.layers):
            if f"a{layer}" not in self.basis.sites:
                ablated_heads = masks[f"a{layer}"]
                cached_z: list[Tensor] = []
                if of_model is not None or len(ablated_heads):
                    hook = partial(self._intervene_on_heads, layer, cached_z, of_model)
                    hooks[f"blocks.{layer}.attn.hook_z"] = hook
                if len(ablated_heads):
                    if weights.post_norm is not None:
                        scale_hook = partial(_scale_cached_z, cached_z, weights.post_norm.inverse_scale)
                        hooks[weights.post_norm_hook] = scale_hook
                    hooks[weights.attn_out_hook] = partial(self._ablate_heads, layer, cached_z, ablated_heads)
            if model.shape.mlp and f"m{layer}" not in self.basis.sites:
                if not kept_nodes[self._rows[f"m{layer}"][0]]:
                    hooks[weights.mlp_out_hook] = lambda x, layer_index=layer: self.ablation_values.mlp[
                        layer_index
                    ].expand_as(x)  # type: ignore[misc]
                elif of_model is not None:
                    hooks[weights.mlp_out_hook] = partial(of_model.replace_mlp, layer)
        return hooks

    @staticmethod
    def _intervene_on_heads(
        layer: int, cached_z: list[Tensor], changes: BatchInterventions | None, z: Tensor
    ) -> Tensor | None:
        changed_z = None if changes is None else changes.replace_heads(layer, z)
        cached_z[:] = [z if changed_z is None else changed_z]
        return changed_z

    def _ablate_heads(self, layer: int, cached_z: list[Tensor], heads: Tensor, written: Tensor) -> Tensor:
        """Return what attention writes when some heads have their ablation values."""
        difference = (self.ablation_values.z[layer] - cached_z[0])[:, :, heads].flatten(2)
        return written + difference @ self.basis.model.layers[layer].o[heads].flatten(0, 1)


def _scale_cached_z(cached_z: list[Tensor], scale: Hook, written: Tensor) -> None:
    factor = scale(written)
    assert factor is not None
    cached_z[0] = cached_z[0] * factor
