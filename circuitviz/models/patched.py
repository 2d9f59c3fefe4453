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

from circuitviz.graph import BoolMatrix, Interventions
from circuitviz.models.activations import Activations, head_rows, mlp_row
from circuitviz.models.baseline import baseline
from circuitviz.models.batches import budget
from circuitviz.models.model import Model
from circuitviz.models.passes import Pass
from circuitviz.models.replacements import Replacements
from circuitviz.models.rows import Rows
from circuitviz.models.scratch import Scratch


class PatchedRun:
    """Forward passes of one batch with chosen edges ablated, restarting as late as possible.

    tokens: [batch, time]; positions: the answer position of each prompt [batch]; ``ablated`` holds
    each sender's ablation value. ``free``: nodes may be replaced, too, so that even what lies before
    the first ablated position can differ.
    """

    def __init__(
        self, model: Model, tokens: Tensor, positions: Tensor, ablated: Activations, free: bool = False
    ) -> None:
        self.model, self.ablated, self.free = model, ablated, free
        self.tokens, self.positions = tokens, positions
        self.begin = 0 if free else min(ablated.begin, int(positions.min()))
        self.base = baseline(model, tokens, positions, ablated)
        self.streams: list[Tensor] = []
        self.middles: list[Tensor] = []
        self.final = torch.empty(0)
        self.last = self.base.final
        self.projections: dict[tuple[int, str], Tensor] = {}
        self.rows = Rows(model, ablated, self.begin)
        self.rows.put_embed(self.base.embed)
        self.scratch = Scratch()
        self.others: dict[str, Activations] = {}  # other runs of these prompts, kept by whoever needs them
        self._edges: BoolMatrix | None = None
        self._changed: Interventions = {}
        self._logits = self.base.logits
        self._layers = np.array([_layer(model, name) for name in model.graph.receivers])

    @torch.no_grad()
    def logits(self, edges: BoolMatrix, replaced: Replacements | None = None) -> Tensor:
        """Logits [batch, vocabulary] with the edges outside ``edges`` [senders, receivers] ablated.

        ``replaced``: what some nodes send along their edges instead of their own output.
        """
        edges = edges & self.model.graph.mask
        return self._run(edges, replaced) if edges.any() else self.base.logits

    def _run(self, edges: BoolMatrix, replaced: Replacements | None = None) -> Tensor:
        """Run what differs from the last run, and keep it."""
        changed = {} if replaced is None else replaced.changed
        if changed and not self.free:
            raise ValueError("a run that nodes are replaced in has to be made free")
        start = self._first_change(edges, changed)
        if start is None:
            return self._logits
        self._edges = None  # a run that is interrupted leaves nothing to restart from
        self.model.block_calls(self.tokens.shape[1])  # before our edits are on
        one = Pass(self, edges, start, self.rows, keep=self, replaced=replaced)
        if start == self.model.shape.n_layers:
            logits = self.model.unembed(one.final(self.last))
        else:
            stream = self.streams[start] if start else self.base.start
            del self.streams[start:], self.middles[start:]
            logits = self.model.resume(stream, start, self.positions, one.edits())
        self._edges, self._changed, self._logits = edges.copy(), dict(changed), logits
        return logits

    @torch.no_grad()
    def variants(
        self,
        edges: BoolMatrix,
        receiver: int,
        columns: BoolMatrix,
        replaced: Replacements | None = None,
    ) -> Iterator[tuple[range, Tensor]]:
        """Logits of circuits that differ from ``edges`` in one receiver's incoming edges only.

        columns: [variants, senders], what the receiver reads in each. Yields (which variants, their
        logits [variants · batch, vocabulary]) in portions that fit into memory.
        """
        model, layer = self.model, int(self._layers[receiver])
        self._run(edges & model.graph.mask, replaced)
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
            one = Pass(self, edges, layer, rows, copies=copies, varied=(receiver, part), replaced=replaced)
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

    def _first_change(self, edges: BoolMatrix, changed: Interventions) -> int | None:
        """The first layer with a receiver whose edges, or a node whose output, differ from the last
        run; None: no change.
        """
        if self._edges is None:
            return 0
        layers = self._layers[(self._edges != edges).any(axis=0)].tolist()
        names = changed.keys() | self._changed.keys()
        layers += [self.model.graph.node(n).layer for n in names if changed.get(n) != self._changed.get(n)]
        return int(min(layers)) if layers else None


def _layer(model: Model, receiver: str) -> int:
    return model.shape.n_layers if receiver == "logits" else int(receiver[1:].partition(".")[0])
