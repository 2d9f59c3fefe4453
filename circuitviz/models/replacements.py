"""A node can be made to write something else: scaled, or as in another run, at chosen positions."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from circuitviz.errors import InputError
from circuitviz.graph import Intervention, Interventions, Kind
from circuitviz.models.activations import Activations
from circuitviz.models.model import Model

Others = Mapping[str, Activations]
"""Kind of ablation → every sender's output of it on the batch; made before the pass, not within."""


class Replacements:
    """What nodes of one batch write instead of their own output.

    positions: the answer position of each prompt [batch]; time: tokens of the batch; others: where
    values that are not the node's own come from. InputError on what cannot be replaced.
    """

    def __init__(
        self, model: Model, positions: Tensor, time: int, changed: Interventions, others: Others
    ) -> None:
        self.changed = dict(changed)
        self._model = model
        self._positions, self._time, self._others = positions, time, others
        self._heads: dict[int, list[tuple[int, Intervention]]] = {}
        self._mlps: dict[int, Intervention] = {}
        for name, what in changed.items():
            node = model.graph.node(name)
            if node.kind is Kind.MLP and node.layer is not None:
                self._mlps[node.layer] = what
            elif node.kind is Kind.HEAD and node.layer is not None and node.head is not None:
                if model.layers[node.layer].post is not None:
                    raise InputError(
                        f"{name} was to be changed, but '{model.name}' normalises what its heads write "
                        "together: changing one would change the others; take the node out instead."
                    )
                self._heads.setdefault(node.layer, []).append((node.head, what))
            else:
                raise InputError(
                    f"{name} was to be changed; only what heads and MLPs write can be, such as "
                    f"{next(n.name for n in model.graph.nodes if n.kind is Kind.HEAD)}."
                )

    def heads(self, layer: int, z: Tensor) -> Tensor | None:
        """A layer's heads [copies · batch, time, head, d_head] as they are to be; None where unchanged."""
        if layer not in self._heads:
            return None
        z = z.clone()
        for head, what in self._heads[layer]:
            ours = z[:, :, head]
            if what.value == "scale":
                z[:, :, head] = self.mixed(ours, ours * what.share, what)
            else:
                z[:, :, head] = self.mixed(ours, self._others[what.value].z[layer][:, :, head], what)
        return z

    def mlp(self, layer: int, output: Tensor) -> Tensor | None:
        """A layer's MLP output [copies · batch, time, d] as it is to be; None where unchanged.

        A factor multiplies the whole output, its bias too, as zero ablation takes all of it (METHODS).
        """
        what = self._mlps.get(layer)
        if what is None:
            return None
        if what.value != "scale":
            return self.mixed(output, self._others[what.value].mlp[layer], what)
        return self.mixed(output, output * what.share, what)

    def mixed(self, ours: Tensor, theirs: Tensor, what: Intervention) -> Tensor:
        """The other values at the positions that are meant, ours elsewhere; [copies · batch, time, width]."""
        batch = len(self._positions)
        copies = len(ours) // batch
        if len(theirs) != len(ours) or theirs.shape[1] != self._time:
            theirs = theirs[:, : self._time].expand(batch, self._time, theirs.shape[-1])
            theirs = theirs.repeat(copies, 1, 1)
        if not what.positions:
            return theirs
        return torch.where(self._there(what).repeat(copies, 1)[..., None], theirs, ours)

    def _there(self, what: Intervention) -> Tensor:
        """Which positions are meant, [batch, time]; one that a prompt does not have is nowhere."""
        here = torch.arange(self._time, device=self._positions.device)[None]
        found = torch.zeros(len(self._positions), self._time, dtype=torch.bool, device=here.device)
        for place in what.positions:
            found |= here == (place if place >= 0 else self._positions[:, None] + 1 + place)
        return found
