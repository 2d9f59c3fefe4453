"""Interventions applied to one batch: a node's output scaled, or taken from another run."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from circuitviz.errors import InputError
from circuitviz.graph import Intervention, Interventions, NodeKind
from circuitviz.graph.names import split_span
from circuitviz.models.model import Model
from circuitviz.models.sender_activations import Activations

ReferenceActivations = Mapping[str, Activations]
"""Kind of ablation → every sender's output of it on the batch; made before the pass, not within."""


class BatchInterventions:
    """What nodes of one batch write instead of their own output.

    Args:
        model: The model.
        positions: The answer position of each prompt [batch].
        time: Tokens of the batch.
        interventions: By node name, what is done to it.
        references: By kind of ablation, every sender's ablation value on this batch.
        spans: By name, which tokens are in a span, bool [batch, time]: a node such as ``a5.h3@S2`` is
            replaced there only.

    Raises:
        InputError: A node cannot be replaced.
    """

    def __init__(
        self,
        model: Model,
        positions: Tensor,
        time: int,
        interventions: Interventions,
        references: ReferenceActivations,
        spans: Mapping[str, Tensor] | None = None,
    ) -> None:
        self.interventions = dict(interventions)
        self._model = model
        self._positions, self._time, self._references = positions, time, references
        self._spans = spans or {}
        self._heads: dict[int, list[tuple[int, Intervention, str]]] = {}
        self._mlps: dict[int, list[tuple[Intervention, str]]] = {}
        for name, intervention in interventions.items():
            component, span = split_span(name)
            node = model.graph.node(component)
            if node.kind is NodeKind.MLP and node.layer is not None:
                self._mlps.setdefault(node.layer, []).append((intervention, span))
            elif node.kind is NodeKind.HEAD and node.layer is not None and node.head is not None:
                if model.layers[node.layer].post_norm is not None:
                    raise InputError(
                        f"{name} cannot be changed: '{model.name}' normalises what its heads write "
                        "together: changing one would change the others; ablate the node instead."
                    )
                self._heads.setdefault(node.layer, []).append((node.head, intervention, span))
            else:
                raise InputError(
                    f"{name} cannot be changed; only the outputs of heads and MLPs can, such as "
                    f"{next(n.name for n in model.graph.nodes if n.kind is NodeKind.HEAD)}."
                )

    def replace_heads(self, layer: int, z: Tensor) -> Tensor | None:
        """A layer's head outputs with replacements; None where unchanged.

        Args:
            layer: The layer.
            z: Head outputs [copies · batch, time, head, d_head].
        """
        if layer not in self._heads:
            return None
        z = z.clone()
        for head, intervention, span in self._heads[layer]:
            own = z[:, :, head]
            if intervention.value == "scale":
                replacement = own * intervention.amount
            else:
                replacement = self._references[intervention.value].z[layer][:, :, head]
            z[:, :, head] = self.mix_positions(own, replacement, intervention, span)
        return z

    def replace_mlp(self, layer: int, output: Tensor) -> Tensor | None:
        """A layer's MLP output [copies · batch, time, d_model] with its replacement; None where unchanged.

        A factor multiplies the whole output with its bias, as zero ablation removes all of it (methods.md,
        Ablation).
        """
        if layer not in self._mlps:
            return None
        for intervention, span in self._mlps[layer]:
            if intervention.value == "scale":
                replacement = output * intervention.amount
            else:
                replacement = self._references[intervention.value].mlp[layer]
            output = self.mix_positions(output, replacement, intervention, span)
        return output

    def mix_positions(
        self, own: Tensor, replacement: Tensor, intervention: Intervention, span: str = ""
    ) -> Tensor:
        """The replacement at the intervention's positions in its node's span, the own output elsewhere.

        Both and the result are [copies · batch, time, width].
        """
        batch = len(self._positions)
        copies = len(own) // batch
        if len(replacement) != len(own) or replacement.shape[1] != self._time:
            replacement = replacement[:, : self._time].expand(batch, self._time, replacement.shape[-1])
            replacement = replacement.repeat(copies, 1, 1)
        if not intervention.positions and not span:
            return replacement
        mask = self._position_mask(intervention)
        mask = mask & self._spans[span] if span else mask
        return torch.where(mask.repeat(copies, 1)[..., None], replacement, own)

    def _position_mask(self, intervention: Intervention) -> Tensor:
        """The intervention's positions, bool [batch, time]; all where it names none.

        A position that a prompt does not have is false everywhere.
        """
        columns = torch.arange(self._time, device=self._positions.device)[None]
        sizes = len(self._positions), self._time
        if not intervention.positions:
            return torch.ones(sizes, dtype=torch.bool, device=columns.device)
        mask = torch.zeros(sizes, dtype=torch.bool, device=columns.device)
        for position in intervention.positions:
            mask |= columns == (position if position >= 0 else self._positions[:, None] + 1 + position)
        return mask
