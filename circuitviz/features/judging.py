"""A feature circuit is judged as a circuit of heads is: everything outside it is put to something else.

Faithfulness is what of the target's value the circuit keeps, completeness what the rest without the
circuit keeps (Marks et al. 2024). Nodes outside take zero, their mean, or a corrupted prompt's value.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from circuitviz.errors import InputError, suggest
from circuitviz.features.dictionary import Dictionary
from circuitviz.features.free import ERRORS, value_in
from circuitviz.features.run import Run, before_mlp_point, run_prompt
from circuitviz.features.table import KINDS, NodeTable
from circuitviz.features.targets import Target
from circuitviz.graph import Kind
from circuitviz.models.model import Hook

ABLATIONS = ("zero", "mean", "corrupted")


@dataclass(frozen=True)
class Judged:
    """A target's value: in the model, with everything ablated, with the circuit alone, without it.

    faithfulness: (circuit − ablated) / (model − ablated); completeness: the same of all but the circuit,
    near 0 where the circuit is all that matters. None where model and ablated do not differ.
    """

    model: float
    ablated: float
    circuit: float
    rest: float

    @property
    def faithfulness(self) -> float | None:
        """What the circuit alone keeps."""
        return self._share(self.circuit)

    @property
    def completeness(self) -> float | None:
        """What everything but the circuit keeps."""
        return self._share(self.rest)

    def _share(self, value: float) -> float | None:
        range_ = self.model - self.ablated
        return (value - self.ablated) / range_ if abs(range_) > 1e-9 * max(1.0, abs(self.model)) else None


def judge(
    table: NodeTable,
    target: Target,
    nodes: Collection[str],
    ablation: str = "mean",
    references: Sequence[Run] = (),
    errors: str = "kept",
) -> Judged:
    """Measure a circuit, by the names of its nodes, in the real model.

    errors: ``kept``, then reconstruction errors stay; ``dropped``, then they are put to zero in all runs
    but the model's own. InputError on a name that is no node, and on references that do not fit.
    """
    for given, known, what in ((ablation, ABLATIONS, "ablation"), (errors, ERRORS, "way with errors")):
        if given not in known:
            there = f"There is no {what} '{given}'; there is {', '.join(known)}."
            raise InputError(there + suggest(given, known))
    if ablation != "zero" and not references:
        raise InputError(f"The ablation '{ablation}' needs runs to take its values from; give one.")
    if ablation == "corrupted" and (len(references) != 1 or references[0].time != table.run.time):
        raise InputError(
            f"The ablation 'corrupted' needs one run of {table.run.time} tokens, as the prompt has."
        )
    own = {target.node.name}
    inside = np.zeros(len(table), dtype=bool)
    inside[[table.index(name) for name in nodes if name not in own]] = True

    def value(named: NDArray[np.bool_], without: bool = False) -> float:
        hooks = _Outside(table, named, without, ablation, references, errors).hooks()
        return value_in(run_prompt(table.run.model, table.run.tokens, hooks), table, target)

    return Judged(target.value, value(np.zeros_like(inside)), value(inside), value(inside, without=True))


class _Outside:
    """Hooks that put every node outside a set to its ablation value, site by site.

    named: the set; or with ``without``, all but the set. Features that are not active in the table's run
    are in no named set.
    """

    def __init__(
        self,
        table: NodeTable,
        named: NDArray[np.bool_],
        without: bool,
        ablation: str,
        references: Sequence[Run],
        errors: str,
    ) -> None:
        self.table, self.run, self.named, self.without = table, table.run, named, without
        self.ablation, self.references, self.errors = ablation, references, errors
        self.streams: dict[int, Tensor] = {}

    def hooks(self) -> dict[str, Hook]:
        """By hook point."""
        model, found = self.run.model, dict[str, Hook]()
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
                found[before_mlp_point(model, layer)] = partial(self._keep, layer)
            after = partial(self._leaf, layer) if one is None else partial(self._written, one)
            found[weights.after_mlp] = after
        return found

    def _keep(self, layer: int, stream: Tensor) -> None:
        self.streams[layer] = stream[0]

    def _z(self, layer: int, z: Tensor) -> Tensor:
        one = self.table.dictionaries.get(f"a{layer}")
        if one is not None:
            bias = self.run.value_bias(layer).flatten() if one.processing == "folded" else 0.0
            flat = z[0].flatten(1) - bias
            return (self._changed(flat, flat, one) + bias).view_as(z)
        mask = self._mask(layer, True, Kind.HEAD, z.shape[2])
        others = self._instead([run.z[layer] for run in self.references], z[0])
        return torch.where(mask[..., None], z[0], others)[None]

    def _leaf(self, layer: int, written: Tensor) -> Tensor:
        bias = self.run.model.layers[layer].mlp_bias
        rest = torch.zeros_like(written[0, 0]) if bias is None else bias
        mask = self._mask(layer, False, Kind.MLP, None)
        others = self._instead([run.mlp[layer] - rest for run in self.references], written[0]) + rest
        return torch.where(mask[:, None], written[0], others)[None]

    def _written(self, one: Dictionary, written: Tensor) -> Tensor:
        read = written[0]
        if one.site.is_transcoder:
            read, norm = self.streams[one.site.layer], self.run.mlp_norm(one.site.layer)
            if one.site.reads == "normalised":
                read = norm.parts(read)[0] if one.processing == "folded" else norm(read)
        return self._changed(written[0], read, one)[None]

    def _changed(self, written: Tensor, read: Tensor, one: Dictionary) -> Tensor:
        """What a site writes when features outside the set have their ablation values."""
        activation = one.encode(read)
        mask = self._mask(one.site.layer, one.site.part == "a", Kind.FEATURE, one.features)
        others = self._instead([one.encode(run.read(one)) for run in self.references], activation)
        new = torch.where(mask, activation, others)
        if self.errors == "kept":
            return written + one.decode(new) - one.decode(activation)
        made = one.decode(new)
        return made if one.skip is None else made + read @ one.skip.T

    def _instead(self, references: list[Tensor], like: Tensor) -> Tensor:
        """Ablation values [time, ...]."""
        if self.ablation == "zero":
            return torch.zeros_like(like)
        if self.ablation == "corrupted":
            return references[0]
        return torch.cat(references).mean(0).expand_as(like)

    def _mask(self, layer: int, part: bool, kind: Kind, items: int | None) -> Tensor:
        """Which of a site's items stay, [time, items], or [time] of one item."""
        table = self.table
        mine = self.named & (table.layer == layer) & (table.part == part) & (table.kind == KINDS.index(kind))
        at = torch.from_numpy(table.position[mine]).long()
        sizes = (self.run.time,) if items is None else (self.run.time, items)
        mask = torch.zeros(sizes, dtype=torch.bool)
        mask[at if items is None else (at, torch.from_numpy(table.item[mine]))] = True
        return (mask ^ self.without).to(table.written.device)
