"""A pass of the model in which everything outside a set of nodes has its ablation value, site by site."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from circuitviz.errors import InputError, suggest_name
from circuitviz.features.dictionary import Dictionary
from circuitviz.features.hook_points import dictionary_input, folded_value_bias
from circuitviz.features.node_changes import NodeChange, change_embeddings
from circuitviz.features.node_table import NODE_KINDS, NodeTable
from circuitviz.features.prompt_run import Run
from circuitviz.graph import OUTSIDE_VALUES, NodeKind
from circuitviz.graph.feature_sites import site_of
from circuitviz.models.model import Hook


class PromptAblationValues:
    """What every part of the model has under one ablation, each site's worked out when it is first asked for.

    references: for ``corrupted`` the run of the corrupted prompt, of as many tokens; for ``mean`` runs whose
    positions are averaged; for ``zero`` none. InputError on what does not fit.
    """

    def __init__(self, table: NodeTable, ablation: str, references: Sequence[Run] = ()) -> None:
        if ablation not in OUTSIDE_VALUES:
            there = f"There is no ablation '{ablation}'; there is {', '.join(OUTSIDE_VALUES)}."
            raise InputError(there + suggest_name(ablation, OUTSIDE_VALUES))
        if ablation != "zero" and not references:
            raise InputError(f"The ablation '{ablation}' needs runs to take its values from; give one.")
        if ablation == "corrupted" and (len(references) != 1 or references[0].time != table.run.time):
            raise InputError(
                f"The ablation 'corrupted' needs one run of {table.run.time} tokens, as the prompt has."
            )
        self.ablation, self.references = ablation, references
        self._cache: dict[str, Tensor] = {}

    def features(self, one: Dictionary, like: Tensor) -> Tensor:
        """A dictionary's activations [time, features]."""
        return self._values_at(
            one.site.name, like, lambda: [one.encode(run.dictionary_input(one)) for run in self.references]
        )

    def heads(self, layer: int, like: Tensor) -> Tensor:
        """A layer's values [time, head, d_head]."""
        return self._values_at(f"z{layer}", like, lambda: [run.z[layer] for run in self.references])

    def mlp(self, layer: int, like: Tensor) -> Tensor:
        """What an MLP without a dictionary writes, its output bias included, [time, d]."""
        return self._values_at(f"mlp{layer}", like, lambda: [run.mlp[layer] for run in self.references])

    def _values_at(self, key: str, like: Tensor, values: Callable[[], list[Tensor]]) -> Tensor:
        if self.ablation == "zero":
            return torch.zeros_like(like)
        if key not in self._cache:
            made = values()
            self._cache[key] = made[0] if self.ablation == "corrupted" else torch.cat(made).mean(0)
        return self._cache[key].expand_as(like)


class OutsideAblation:
    """Hooks that put every node outside a set to its ablation value, and change some nodes besides.

    inside: the set; or with ``is_complement``, all but the set. Features that are not active in the table's run
    are in no named set. errors: ``kept``, or ``dropped`` where there is a dictionary.
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
        self.changes: dict[str, list[NodeChange]] = {}
        for change in changes:
            self.changes.setdefault(site_of(change.node), []).append(change)

    def hooks(self) -> dict[str, Hook]:
        """By hook point."""
        model, found = self.run.model, dict[str, Hook]()
        if "" in self.changes:
            found["embed.hook_out"] = partial(change_embeddings, self.changes[""], model.embed_scale)
        for layer, weights in enumerate(model.layers):
            one = self.table.dictionaries.get(f"a{layer}")
            if one is None or one.site.reads == "z":
                found[f"blocks.{layer}.attn.hook_z"] = partial(self._ablate_z, layer)
            else:
                found[weights.attn_out_hook] = partial(self._ablate_site_output, one)
            if not model.shape.mlp:
                continue
            one = self.table.dictionaries.get(f"m{layer}")
            if one is not None and one.site.is_transcoder:
                found[weights.mlp_in_hook] = partial(self._keep_mlp_input, layer)
            after = (
                partial(self._ablate_mlp, layer) if one is None else partial(self._ablate_site_output, one)
            )
            found[weights.mlp_out_hook] = after
        return found

    def _keep_mlp_input(self, layer: int, stream: Tensor) -> None:
        self.mlp_inputs[layer] = stream[0]

    def _ablate_z(self, layer: int, z: Tensor) -> Tensor:
        one = self.table.dictionaries.get(f"a{layer}")
        if one is not None:
            bias = folded_value_bias(self.run.model, one)
            flat = z[0].flatten(1) - bias
            return (self._ablated_output(flat, flat, one) + bias).view_as(z)
        mask = self._kept_mask(layer, True, NodeKind.HEAD, z.shape[2])
        made = torch.where(mask[..., None], z[0], self.ablation_values.heads(layer, z[0]))
        for change in self.changes.get(f"a{layer}", []):
            at, head = change.node.position, change.node.head
            made[at, head] = change.apply_to(z[0, at, head])
        return made[None]

    def _ablate_mlp(self, layer: int, written: Tensor) -> Tensor:
        mask = self._kept_mask(layer, False, NodeKind.MLP, None)
        made = torch.where(mask[:, None], written[0], self.ablation_values.mlp(layer, written[0]))
        for change in self.changes.get(f"m{layer}", []):
            at = change.node.position
            made[at] = change.apply_to(written[0, at])
        return made[None]

    def _ablate_site_output(self, one: Dictionary, written: Tensor) -> Tensor:
        found = self.mlp_inputs[one.site.layer] if one.site.is_transcoder else written[0]
        return self._ablated_output(written[0], dictionary_input(self.run.model, one, found), one)[None]

    def _ablated_output(self, written: Tensor, read: Tensor, one: Dictionary) -> Tensor:
        """What a site writes when features outside the set have their ablation values."""
        activation = one.encode(read)
        mask = self._kept_mask(one.site.layer, one.site.part == "a", NodeKind.FEATURE, one.features)
        new = torch.where(mask, activation, self.ablation_values.features(one, activation))
        changes = self.changes.get(one.site.name, [])
        for change in changes:
            if change.node.kind is NodeKind.FEATURE:
                at = change.node.position, change.node.feature
                new[at] = (
                    activation[at] * change.factor
                    if change.factor is not None
                    else change.new_activation or 0.0
                )
        made = one.decode(new)
        skipped = torch.zeros_like(made) if one.skip is None else read @ one.skip.T
        error = torch.zeros_like(made)
        if self.errors == "kept":
            error = written - one.decode(activation) - skipped
        for change in changes:
            if change.node.kind in (NodeKind.ERROR, NodeKind.SKIP):
                part = error if change.node.kind is NodeKind.ERROR else skipped
                part[change.node.position] = change.apply_to(part[change.node.position])
        return made + skipped + error

    def _kept_mask(self, layer: int, is_attention: bool, kind: NodeKind, n_items: int | None) -> Tensor:
        """Which of a site's items stay, [time, items], or [time] of one item."""
        table = self.table
        mine = (
            self.inside
            & (table.layer == layer)
            & (table.part == is_attention)
            & (table.kind == NODE_KINDS.index(kind))
        )
        at = torch.from_numpy(table.position[mine]).long()
        sizes = (self.run.time,) if n_items is None else (self.run.time, n_items)
        mask = torch.zeros(sizes, dtype=torch.bool)
        mask[at if n_items is None else (at, torch.from_numpy(table.item[mine]))] = True
        return (mask ^ self.is_complement).to(table.written.device)
