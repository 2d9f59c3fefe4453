"""One masked forward serves ablation, evaluation and exact patching.

A receiver's input is either the baseline's input plus what its senders in the circuit write beyond
their ablation values, or the run's own stream minus what the others do, whichever is the shorter sum.
Everything before the first changed receiver, and before the first position at which anything can
differ, is kept; variants of one receiver share all that lies before it.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch
from torch import Tensor

from circuitviz.graph import BoolMatrix
from circuitviz.models.activations import Activations, head_rows, mlp_row
from circuitviz.models.baseline import baseline
from circuitviz.models.batches import budget
from circuitviz.models.model import Model
from circuitviz.models.passes import Pass
from circuitviz.models.rows import Rows
from circuitviz.models.scratch import Scratch


class PatchedRun:
    """Forward passes of one batch with chosen edges ablated, restarting as late as possible.

    tokens: [batch, time]; positions: the answer position of each prompt [batch]; ``ablated`` holds
    each sender's ablation value.
    """

    def __init__(self, model: Model, tokens: Tensor, positions: Tensor, ablated: Activations) -> None:
        self.model, self.ablated = model, ablated
        self.tokens, self.positions = tokens, positions
        self.begin = min(ablated.begin, int(positions.min()))
        self.base = baseline(model, tokens, positions, ablated)
        self.streams: list[Tensor] = []
        self.middles: list[Tensor] = []
        self.final = torch.empty(0)
        self.last = self.base.final
        self.projections: dict[tuple[int, str], Tensor] = {}
        self.rows = Rows(model, ablated, self.begin)
        self.rows.put_embed(self.base.embed)
        self.scratch = Scratch()
        self._edges: BoolMatrix | None = None
        self._logits = self.base.logits
        self._layers = np.array([_layer(model, name) for name in model.graph.receivers])

    @torch.no_grad()
    def logits(self, edges: BoolMatrix) -> Tensor:
        """Logits [batch, vocabulary] with the edges outside ``edges`` [senders, receivers] ablated."""
        edges = edges & self.model.graph.mask
        return self._run(edges) if edges.any() else self.base.logits

    def _run(self, edges: BoolMatrix) -> Tensor:
        """Run what differs from the last run, and keep it."""
        start = self._first_change(edges)
        if start is None:
            return self._logits
        self._edges = None  # a run that is interrupted leaves nothing to restart from
        self.model.block_calls(self.tokens.shape[1])  # before our edits are on
        one = Pass(self, edges, start, self.rows, keep=self)
        if start == self.model.shape.n_layers:
            logits = self.model.unembed(one.final(self.last))
        else:
            stream = self.streams[start] if start else self.base.start
            del self.streams[start:], self.middles[start:]
            logits = self.model.resume(stream, start, self.positions, one.edits())
        self._edges, self._logits = edges.copy(), logits
        return logits

    @torch.no_grad()
    def variants(
        self, edges: BoolMatrix, receiver: int, columns: BoolMatrix
    ) -> Iterator[tuple[range, Tensor]]:
        """Logits of circuits that differ from ``edges`` in one receiver's incoming edges only.

        columns: [variants, senders], what the receiver reads in each. Yields (which variants, their
        logits [variants · batch, vocabulary]) in portions that fit into memory.
        """
        model, layer = self.model, int(self._layers[receiver])
        self._run(edges & model.graph.mask)
        name = model.graph.receivers[receiver]
        first = len(model.graph.senders)
        if layer < model.shape.n_layers:
            is_mlp = name.startswith("m")
            first = mlp_row(model, layer) if is_mlp else head_rows(model, layer).start
        size = self.portion(layer)
        for begin in range(0, len(columns), size):
            part = columns[begin : begin + size]
            copies = len(part)
            rows = Rows(model, self.ablated, self.begin, first, copies, self.scratch)
            one = Pass(self, edges, layer, rows, copies=copies, varied=(receiver, part))
            if layer < model.shape.n_layers:
                stream = one.spread(self.streams[layer])
                logits = model.resume(stream, layer, self.positions.repeat(copies), one.edits())
            else:
                logits = model.unembed(one.final(one.spread(self.last)))
            yield range(begin, begin + copies), logits

    def portion(self, layer: int) -> int:
        """How many variants fit: each has streams, projections and rows of its own."""
        shape, batch, time = self.model.shape, *self.tokens.shape
        senders = len(self.model.graph.senders) * (shape.n_layers - layer) / shape.n_layers
        each = 4 * batch * (time * shape.d_model * (12 + senders) + 2 * self._logits.shape[-1])
        return int(max(1, min(64, budget(self.model.device) / each)))

    def _first_change(self, edges: BoolMatrix) -> int | None:
        """The first layer with a receiver whose edges differ from the last run; None: no change."""
        if self._edges is None:
            return 0
        changed = (self._edges != edges).any(axis=0)
        return int(self._layers[changed].min()) if changed.any() else None


def _layer(model: Model, receiver: str) -> int:
    return model.shape.n_layers if receiver == "logits" else int(receiver[1:].partition(".")[0])

