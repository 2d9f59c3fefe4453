"""Forward passes of one batch with edges ablated, restarted as late as possible.

One masked forward serves ablation, evaluation and exact patching. Everything before the first changed
receiver, and before the first position at which anything can differ, is kept; variants of one receiver share
all that lies before it.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch
from torch import Tensor

from circuitviz.graph import BoolMatrix, Interventions
from circuitviz.models.batch_interventions import BatchInterventions
from circuitviz.models.batching import batch_budget_bytes
from circuitviz.models.buffers import BufferPool
from circuitviz.models.fully_ablated import run_fully_ablated
from circuitviz.models.model import Model
from circuitviz.models.patched_forward import PatchedForward
from circuitviz.models.sender_activations import Activations, head_rows, mlp_row
from circuitviz.models.sender_deltas import SenderDeltas


class PatchedRun:
    """Forward passes of one batch with chosen edges ablated.

    Args:
        model: The model.
        tokens: Token ids [batch, time].
        positions: The answer position of each prompt [batch].
        ablated: Ablation values of all senders.
        allow_interventions: Whether nodes may be replaced, so that positions before the first ablated one can
            differ.
    """

    def __init__(
        self,
        model: Model,
        tokens: Tensor,
        positions: Tensor,
        ablated: Activations,
        allow_interventions: bool = False,
    ) -> None:
        self.model, self.ablated, self.allow_interventions = model, ablated, allow_interventions
        self.tokens, self.positions = tokens, positions
        self.first_changed_position = (
            0 if allow_interventions else min(ablated.first_changed_position, int(positions.min()))
        )
        self.fully_ablated = run_fully_ablated(model, tokens, positions, ablated)
        self.resid_pre: list[Tensor] = []
        self.resid_mid: list[Tensor] = []
        self.resid_final = torch.empty(0)
        self.answer_residual = self.fully_ablated.resid_final
        self.projections: dict[tuple[int, str], Tensor] = {}
        self.deltas = SenderDeltas(model, ablated, self.first_changed_position)
        self.deltas.put_embed(self.fully_ablated.embed)
        self.buffers = BufferPool()
        self.reference_activations: dict[
            str, Activations
        ] = {}  # other runs of these prompts, kept by whoever needs them
        self._edges: BoolMatrix | None = None
        self._interventions: Interventions = {}
        self._logits = self.fully_ablated.logits
        self._layers = np.array([_receiver_layer(model, name) for name in model.graph.receivers])

    @torch.no_grad()
    def logits(self, edges: BoolMatrix, interventions: BatchInterventions | None = None) -> Tensor:
        """Logits with all edges outside a circuit ablated.

        Args:
            edges: Edges of the circuit, bool [senders, receivers].
            interventions: What some nodes send along their edges instead of their own output.

        Returns:
            Logits [batch, vocabulary].
        """
        edges = edges & self.model.graph.mask
        return self._run_changes(edges, interventions) if edges.any() else self.fully_ablated.logits

    def _run_changes(self, edges: BoolMatrix, interventions: BatchInterventions | None = None) -> Tensor:
        """Run what differs from the last run, and keep it."""
        changed = {} if interventions is None else interventions.interventions
        if changed and not self.allow_interventions:
            raise ValueError("a run that nodes are replaced in has to be made free")
        start = self._first_changed_layer(edges, changed)
        if start is None:
            return self._logits
        self._edges = None  # a run that is interrupted leaves nothing to restart from
        self.model.block_calls(self.tokens.shape[1])  # before our edits are on
        one = PatchedForward(self, edges, start, self.deltas, cache_into=self, interventions=interventions)
        if start == self.model.shape.n_layers:
            logits = self.model.unembed(one.final_residual(self.answer_residual))
        else:
            stream = self.resid_pre[start] if start else self.fully_ablated.resid_start
            del self.resid_pre[start:], self.resid_mid[start:]
            logits = self.model.logits_from_layer(stream, start, self.positions, one.overrides())
        self._edges, self._interventions, self._logits = edges.copy(), dict(changed), logits
        return logits

    @torch.no_grad()
    def variants(
        self,
        edges: BoolMatrix,
        receiver: int,
        columns: BoolMatrix,
        interventions: BatchInterventions | None = None,
    ) -> Iterator[tuple[range, Tensor]]:
        """Logits of circuits that differ from one another in one receiver's incoming edges only.

        Args:
            edges: Edges of the circuit, bool [senders, receivers].
            receiver: Column of the receiver.
            columns: What it reads in each variant, bool [variants, senders].
            interventions: What some nodes send along their edges instead of their own output.

        Yields:
            Which variants, and their logits [variants · batch, vocabulary], in portions that fit into memory.
        """
        model, layer = self.model, int(self._layers[receiver])
        self._run_changes(edges & model.graph.mask, interventions)
        name = model.graph.receivers[receiver]
        first = len(model.graph.senders)
        if layer < model.shape.n_layers:
            is_mlp = name.startswith("m")
            first = mlp_row(model, layer) if is_mlp else head_rows(model, layer).start
        size = self.max_variants(layer)
        for begin in range(0, len(columns), size):
            part = columns[begin : begin + size]
            copies = len(part)
            rows = SenderDeltas(model, self.ablated, self.first_changed_position, first, copies, self.buffers)
            one = PatchedForward(
                self,
                edges,
                layer,
                rows,
                copies=copies,
                varied_receiver=(receiver, part),
                interventions=interventions,
            )
            if layer < model.shape.n_layers:
                stream = one.repeat_for_copies(self.resid_pre[layer])
                logits = model.logits_from_layer(
                    stream, layer, self.positions.repeat(copies), one.overrides()
                )
            else:
                logits = model.unembed(one.final_residual(one.repeat_for_copies(self.answer_residual)))
            yield range(begin, begin + copies), logits

    def max_variants(self, layer: int) -> int:
        """Number of variants that fit into memory; each has streams, projections and deltas of its own."""
        shape, batch, time = self.model.shape, *self.tokens.shape
        senders = len(self.model.graph.senders) * (shape.n_layers - layer) / shape.n_layers
        each = 4 * batch * (time * shape.d_model * (12 + senders) + 2 * self._logits.shape[-1])
        return int(max(1, min(64, batch_budget_bytes(self.model.device) / each)))

    def _first_changed_layer(self, edges: BoolMatrix, interventions: Interventions) -> int | None:
        """The first layer with a receiver or an intervention that differs from the last run.

        None where nothing differs.
        """
        if self._edges is None:
            return 0
        layers = self._layers[(self._edges != edges).any(axis=0)].tolist()
        names = interventions.keys() | self._interventions.keys()
        layers += [
            self.model.graph.node(n).layer
            for n in names
            if interventions.get(n) != self._interventions.get(n)
        ]
        return int(min(layers)) if layers else None


def _receiver_layer(model: Model, receiver: str) -> int:
    return model.shape.n_layers if receiver == "logits" else int(receiver[1:].partition(".")[0])
