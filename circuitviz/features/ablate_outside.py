"""Runs in which everything outside a set of nodes has its ablation value, site by site."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from circuitviz.errors import InputError, suggest_name
from circuitviz.features.cross_layer import SiteReconstructions
from circuitviz.features.dictionary import Dictionary
from circuitviz.features.hook_points import dictionary_input, folded_value_bias
from circuitviz.features.neurons import NeuronLayer
from circuitviz.features.node_changes import NodeChange, change_embeddings, change_rest
from circuitviz.features.node_rows import NODE_KINDS, NodeTable
from circuitviz.features.prompt_run import PromptRun
from circuitviz.features.sites import PARTS, RESIDUAL_PART
from circuitviz.graph import OUTSIDE_VALUES, NodeKind
from circuitviz.graph.feature_sites import site_of
from circuitviz.models.device_arrays import copy_arrays
from circuitviz.models.model import Hook


class PromptAblationValues:
    """The values of every part of the model under one ablation, computed when first needed.

    Args:
        table: The nodes of the prompt.
        ablation: ``zero``, ``mean`` or ``corrupted``.
        references: For ``corrupted`` the run of the corrupted prompt, of as many tokens; for ``mean`` runs
            whose positions are averaged; for ``zero`` none.

    Raises:
        InputError: There is no such ablation, or the references do not suit it.
    """

    def __init__(self, table: NodeTable, ablation: str, references: Sequence[PromptRun] = ()) -> None:
        if ablation not in OUTSIDE_VALUES:
            message = f"There is no ablation '{ablation}'; there is {', '.join(OUTSIDE_VALUES)}."
            raise InputError(message + suggest_name(ablation, OUTSIDE_VALUES))
        if ablation != "zero" and not references:
            raise InputError(f"The ablation '{ablation}' needs runs to take its values from; give one.")
        if ablation == "corrupted" and (len(references) != 1 or references[0].time != table.run.time):
            raise InputError(
                f"The ablation 'corrupted' needs one run of {table.run.time} tokens, as the prompt has."
            )
        self.ablation, self.references, self._table = ablation, references, table
        self._cache: dict[str, Tensor] = {}

    def activations(self, site: str, like: Tensor) -> Tensor:
        """Return a site's activations of features or neurons, [time, items]."""
        return self._values_at(
            site, like, lambda: [self._table.activations_in(run, site) for run in self.references]
        )

    def heads(self, layer: int, like: Tensor) -> Tensor:
        """Return a layer's head values, [time, head, d_head]."""
        return self._values_at(f"z{layer}", like, lambda: [run.z[layer] for run in self.references])

    def mlp(self, layer: int, like: Tensor) -> Tensor:
        """Return what an MLP without a dictionary writes, its output bias included, [time, d_model]."""
        return self._values_at(f"mlp{layer}", like, lambda: [run.mlp[layer] for run in self.references])

    def _values_at(self, key: str, like: Tensor, values: Callable[[], list[Tensor]]) -> Tensor:
        if self.ablation == "zero":
            return torch.zeros_like(like)
        if key not in self._cache:
            reference_values = values()
            self._cache[key] = (
                reference_values[0] if self.ablation == "corrupted" else torch.cat(reference_values).mean(0)
            )
        return self._cache[key].expand_as(like)


class OutsideAblation:
    """Hooks that set every node outside a set to its ablation value, and change some nodes of the set.

    Features that are not active in the table's run are in no set.

    Args:
        table: The nodes of the prompt.
        inside: The set, bool [nodes].
        ablation_values: What nodes outside take.
        errors: ``kept``, or ``dropped`` where there is a dictionary.
        is_complement: Whether the set is everything except ``inside``.
        changes: Changes of nodes of the set.
    """

    def __init__(
        self,
        table: NodeTable,
        inside: NDArray[np.bool_],
        ablation_values: PromptAblationValues,
        errors: str = "kept",
        is_complement: bool = False,
        changes: Sequence[NodeChange] = (),
    ) -> None:
        self.table, self.run, self.inside, self.is_complement = table, table.run, inside, is_complement
        self.ablation_values, self.errors = ablation_values, errors
        self.mlp_inputs: dict[int, Tensor] = {}
        self.rests: dict[int, Tensor] = {}
        self.before = SiteReconstructions(table.dictionaries)  # of what sites read in this pass
        self.after = SiteReconstructions(table.dictionaries)  # of what they are put to
        self.inside_at_site: dict[str, tuple[Tensor, Tensor]] = {}
        self.changes: dict[str, list[NodeChange]] = {}
        for change in changes:
            self.changes.setdefault(site_of(change.node), []).append(change)

    def hooks(self) -> dict[str, Hook]:
        """Return the hooks by hook point."""
        model, hooks = self.run.model, dict[str, Hook]()
        self.inside_at_site = self._copy_inside()
        if "" in self.changes:
            hooks[model.embed_hook] = partial(change_embeddings, self.changes[""], model.embed_scale)
        for layer in self.table.residual_layers:
            of_stream = self.table.dictionaries[f"{RESIDUAL_PART}{layer}"]
            hooks[model.stream_hook(layer)] = partial(self._ablate_site_output, of_stream)
        for layer, weights in enumerate(model.layers):
            dictionary = self.table.dictionaries.get(f"a{layer}")
            if self.table.is_transparent(layer):
                pass  # heads are no nodes: they respond
            elif dictionary is None or dictionary.site.reads == "z":
                hooks[f"blocks.{layer}.attn.hook_z"] = partial(self._ablate_z, layer)
            else:
                hooks[weights.attn_out_hook] = partial(self._ablate_site_output, dictionary)
            if not model.shape.mlp:
                continue
            if layer in self.table.neurons:
                neurons = self.table.neurons[layer]
                values = self.ablation_values.activations(f"m{layer}", neurons.activation)
                hooks[f"blocks.{layer}.mlp.out.hook_in"] = partial(self._ablate_neurons, neurons, values)
                hooks[weights.mlp_out_hook] = partial(self._change_rest, layer)
                continue
            dictionary = self.table.dictionaries.get(f"m{layer}")
            if dictionary is not None and dictionary.site.is_transcoder:
                hooks[weights.mlp_in_hook] = partial(self._keep_mlp_input, layer)
            output_hook = (
                partial(self._ablate_mlp, layer)
                if dictionary is None
                else partial(self._ablate_site_output, dictionary)
            )
            hooks[weights.mlp_out_hook] = output_hook
        return hooks

    def _keep_mlp_input(self, layer: int, stream: Tensor) -> None:
        self.mlp_inputs[layer] = stream[0]

    def _ablate_z(self, layer: int, z: Tensor) -> Tensor:
        dictionary = self.table.dictionaries.get(f"a{layer}")
        if dictionary is not None:
            bias = folded_value_bias(self.run.model, dictionary)
            flat = z[0].flatten(1) - bias
            return (self._ablated_output(flat, flat, dictionary) + bias).view_as(z)
        mask = self._kept_mask(f"a{layer}", z.shape[2])
        new_z = torch.where(mask[..., None], z[0], self.ablation_values.heads(layer, z[0]))
        for change in self.changes.get(f"a{layer}", []):
            position, head = change.node.position, change.node.head
            new_z[position, head] = change.apply_to(z[0, position, head])
        return new_z[None]

    def _ablate_mlp(self, layer: int, written: Tensor) -> Tensor:
        mask = self._kept_mask(f"m{layer}", None)
        output = torch.where(mask[:, None], written[0], self.ablation_values.mlp(layer, written[0]))
        for change in self.changes.get(f"m{layer}", []):
            position = change.node.position
            output[position] = change.apply_to(written[0, position])
        return output[None]

    def _ablate_neurons(self, neurons: NeuronLayer, values: Tensor, hidden: Tensor) -> Tensor:
        """Return the hidden activations of an MLP; neurons that are no nodes are its error."""
        layer = neurons.weights.layer
        activation = hidden.view(self.run.time, -1)
        mask = self._kept_mask(f"m{layer}", activation.shape[1])
        new = torch.where(mask, activation, values)
        rest = activation * ~neurons.listed * (self.errors == "kept")
        new = torch.where(neurons.listed, new, rest)
        for change in self.changes.get(f"m{layer}", []):
            if change.node.kind is NodeKind.NEURON:
                index = change.node.position, change.node.feature
                new[index] = change.activation_from(activation[index])
        self.rests[layer] = neurons.output(rest)
        return new.view_as(hidden)

    def _change_rest(self, layer: int, written: Tensor) -> Tensor:
        return change_rest(self.changes.get(f"m{layer}", []), self.rests[layer], written)

    def _ablate_site_output(self, dictionary: Dictionary, written: Tensor) -> Tensor:
        raw_input = self.mlp_inputs[dictionary.site.layer] if dictionary.site.is_transcoder else written[0]
        return self._ablated_output(
            written[0], dictionary_input(self.run.model, dictionary, raw_input), dictionary
        )[None]

    def _ablated_output(self, written: Tensor, read: Tensor, dictionary: Dictionary) -> Tensor:
        """Return what a site writes when features outside the set have their ablation values."""
        activation = dictionary.encode(read)
        mask = self._kept_mask(dictionary.site.name, dictionary.features)
        values = self.ablation_values.activations(dictionary.site.name, activation)
        new_activation = torch.where(mask, activation, values)
        changes = self.changes.get(dictionary.site.name, [])
        for change in changes:
            if change.node.kind is NodeKind.FEATURE:
                index = change.node.position, change.node.feature
                new_activation[index] = change.activation_from(activation[index])
        reconstruction = self.after.reconstruct(dictionary, new_activation)
        rebuilt = self.before.reconstruct(dictionary, activation)
        skipped = torch.zeros_like(reconstruction) if dictionary.skip is None else read @ dictionary.skip.T
        error = torch.zeros_like(reconstruction)
        if self.errors == "kept":
            error = written - rebuilt - skipped
        for change in changes:
            if change.node.kind in (NodeKind.ERROR, NodeKind.SKIP):
                output = error if change.node.kind is NodeKind.ERROR else skipped
                output[change.node.position] = change.apply_to(output[change.node.position])
        return reconstruction + skipped + error

    def _copy_inside(self) -> dict[str, tuple[Tensor, Tensor]]:
        """Return positions and items of the set by site, on the device; they are copied in one piece."""
        table, shape = self.table, self.run.model.shape
        arrays: dict[str, tuple[NDArray[np.int64], NDArray[np.int64]]] = {}
        for layer in range(shape.n_layers + 1):
            for part in PARTS:
                of_site = self.inside & (table.layer == layer) & (table.part == PARTS.index(part))
                here = of_site & (table.kind == NODE_KINDS.index(self._item_kind(f"{part}{layer}")))
                arrays[f"{part}{layer}"] = table.position[here].astype(np.int64), table.item[here]
        flat = [array for pair in arrays.values() for array in pair]
        copied = iter(copy_arrays(flat, table.written.device))
        return dict(zip(arrays, zip(copied, copied, strict=True), strict=True))

    def _item_kind(self, site: str) -> NodeKind:
        """Return the kind of a site's items: features, heads, neurons, or the one MLP."""
        if site in self.table.dictionaries:
            return NodeKind.FEATURE
        if site[0] == "m" and int(site[1:]) in self.table.neurons:
            return NodeKind.NEURON
        return NodeKind.HEAD if site[0] == "a" else NodeKind.MLP

    def _kept_mask(self, site: str, n_items: int | None) -> Tensor:
        """Return which of a site's items are in the set, bool [time, items], or [time] of one item."""
        positions, items = self.inside_at_site[site]
        sizes = (self.run.time,) if n_items is None else (self.run.time, n_items)
        mask = torch.zeros(sizes, dtype=torch.bool, device=positions.device)
        mask[positions if n_items is None else (positions, items)] = True
        return mask ^ self.is_complement
