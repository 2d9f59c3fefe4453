"""A pass of the model in which everything outside a set of nodes has its ablation value, site by site."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from circuitviz.errors import InputError, suggest
from circuitviz.features.dictionary import Dictionary
from circuitviz.features.interventions import Change, embedded
from circuitviz.features.points import as_read, folded_value_bias
from circuitviz.features.run import Run
from circuitviz.features.table import KINDS, NodeTable
from circuitviz.graph import OUTSIDE, Kind
from circuitviz.graph.opened import site_of
from circuitviz.models.model import Hook


class Instead:
    """What every part of the model has under one ablation, each site's worked out when it is first asked for.

    references: for ``corrupted`` the run of the corrupted prompt, of as many tokens; for ``mean`` runs whose
    positions are averaged; for ``zero`` none. InputError on what does not fit.
    """

    def __init__(self, table: NodeTable, ablation: str, references: Sequence[Run] = ()) -> None:
        if ablation not in OUTSIDE:
            there = f"There is no ablation '{ablation}'; there is {', '.join(OUTSIDE)}."
            raise InputError(there + suggest(ablation, OUTSIDE))
        if ablation != "zero" and not references:
            raise InputError(f"The ablation '{ablation}' needs runs to take its values from; give one.")
        if ablation == "corrupted" and (len(references) != 1 or references[0].time != table.run.time):
            raise InputError(
                f"The ablation 'corrupted' needs one run of {table.run.time} tokens, as the prompt has."
            )
        self.ablation, self.references = ablation, references
        self._kept: dict[str, Tensor] = {}

    def features(self, one: Dictionary, like: Tensor) -> Tensor:
        """A dictionary's activations [time, features]."""
        return self._of(one.site.name, like, lambda: [one.encode(run.read(one)) for run in self.references])

    def heads(self, layer: int, like: Tensor) -> Tensor:
        """A layer's values [time, head, d_head]."""
        return self._of(f"z{layer}", like, lambda: [run.z[layer] for run in self.references])

    def mlp(self, layer: int, like: Tensor) -> Tensor:
        """What an MLP without a dictionary writes, its output bias included, [time, d]."""
        return self._of(f"mlp{layer}", like, lambda: [run.mlp[layer] for run in self.references])

    def _of(self, place: str, like: Tensor, values: Callable[[], list[Tensor]]) -> Tensor:
        if self.ablation == "zero":
            return torch.zeros_like(like)
        if place not in self._kept:
            made = values()
            self._kept[place] = made[0] if self.ablation == "corrupted" else torch.cat(made).mean(0)
        return self._kept[place].expand_as(like)


class Outside:
    """Hooks that put every node outside a set to its ablation value, and change some nodes besides.

    named: the set; or with ``without``, all but the set. Features that are not active in the table's run
    are in no named set. errors: ``kept``, or ``dropped`` where there is a dictionary.
    """

    def __init__(
        self,
        table: NodeTable,
        named: NDArray[np.bool_],
        instead: Instead,
        errors: str = "kept",
        without: bool = False,
        changes: Sequence[Change] = (),
    ) -> None:
        self.table, self.run, self.named, self.without = table, table.run, named, without
        self.instead, self.errors = instead, errors
        self.streams: dict[int, Tensor] = {}
        self.changes: dict[str, list[Change]] = {}
        for change in changes:
            self.changes.setdefault(site_of(change.node), []).append(change)

    def hooks(self) -> dict[str, Hook]:
        """By hook point."""
        model, found = self.run.model, dict[str, Hook]()
        if "" in self.changes:
            found["embed.hook_out"] = partial(embedded, self.changes[""], model.embed_scale)
        for layer, weights in enumerate(model.layers):
            one = self.table.dictionaries.get(f"a{layer}")
            if one is None or one.site.reads == "z":
                found[f"blocks.{layer}.attn.hook_z"] = partial(self._z, layer)
            else:
                found[weights.after_attention] = partial(self._written, one)
            if not model.shape.mlp:
                continue
            one = self.table.dictionaries.get(f"m{layer}")
            if one is not None and one.site.is_transcoder:
                found[weights.before_mlp] = partial(self._keep, layer)
            after = partial(self._leaf, layer) if one is None else partial(self._written, one)
            found[weights.after_mlp] = after
        return found

    def _keep(self, layer: int, stream: Tensor) -> None:
        self.streams[layer] = stream[0]

    def _z(self, layer: int, z: Tensor) -> Tensor:
        one = self.table.dictionaries.get(f"a{layer}")
        if one is not None:
            bias = folded_value_bias(self.run.model, one)
            flat = z[0].flatten(1) - bias
            return (self._changed(flat, flat, one) + bias).view_as(z)
        mask = self._mask(layer, True, Kind.HEAD, z.shape[2])
        made = torch.where(mask[..., None], z[0], self.instead.heads(layer, z[0]))
        for change in self.changes.get(f"a{layer}", []):
            at, head = change.node.position, change.node.head
            made[at, head] = change.own(z[0, at, head])
        return made[None]

    def _leaf(self, layer: int, written: Tensor) -> Tensor:
        mask = self._mask(layer, False, Kind.MLP, None)
        made = torch.where(mask[:, None], written[0], self.instead.mlp(layer, written[0]))
        for change in self.changes.get(f"m{layer}", []):
            at = change.node.position
            made[at] = change.own(written[0, at])
        return made[None]

    def _written(self, one: Dictionary, written: Tensor) -> Tensor:
        found = self.streams[one.site.layer] if one.site.is_transcoder else written[0]
        return self._changed(written[0], as_read(self.run.model, one, found), one)[None]

    def _changed(self, written: Tensor, read: Tensor, one: Dictionary) -> Tensor:
        """What a site writes when features outside the set have their ablation values."""
        activation = one.encode(read)
        mask = self._mask(one.site.layer, one.site.part == "a", Kind.FEATURE, one.features)
        new = torch.where(mask, activation, self.instead.features(one, activation))
        changes = self.changes.get(one.site.name, [])
        for change in changes:
            if change.node.kind is Kind.FEATURE:
                at = change.node.position, change.node.feature
                new[at] = activation[at] * change.factor if change.factor is not None else change.new or 0.0
        made = one.decode(new)
        skipped = torch.zeros_like(made) if one.skip is None else read @ one.skip.T
        error = torch.zeros_like(made)
        if self.errors == "kept":
            error = written - one.decode(activation) - skipped
        for change in changes:
            if change.node.kind in (Kind.ERROR, Kind.SKIP):
                part = error if change.node.kind is Kind.ERROR else skipped
                part[change.node.position] = change.own(part[change.node.position])
        return made + skipped + error

    def _mask(self, layer: int, part: bool, kind: Kind, items: int | None) -> Tensor:
        """Which of a site's items stay, [time, items], or [time] of one item."""
        table = self.table
        mine = self.named & (table.layer == layer) & (table.part == part) & (table.kind == KINDS.index(kind))
        at = torch.from_numpy(table.position[mine]).long()
        sizes = (self.run.time,) if items is None else (self.run.time, items)
        mask = torch.zeros(sizes, dtype=torch.bool)
        mask[at if items is None else (at, torch.from_numpy(table.item[mine]))] = True
        return (mask ^ self.without).to(table.written.device)
