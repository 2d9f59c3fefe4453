"""One masked forward serves ablation, evaluation and exact patching.

A receiver's input is the run's own residual stream minus, for every sender whose edge to it is
outside the circuit, what that sender writes beyond its ablation value. So each layer costs one
matrix product, and everything before the first changed receiver can be kept from the run before.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from circuitviz.graph import BoolMatrix
from circuitviz.models.activations import Activations, head_rows, mlp_row, write_heads
from circuitviz.models.model import Hook, Model


class PatchedRun:
    """Forward passes of one batch with chosen edges ablated, restarting as late as possible.

    tokens: [batch, time]; positions: the answer position of each prompt [batch]; ``ablated`` holds
    each sender's ablation value.
    """

    def __init__(
        self, model: Model, tokens: Tensor, positions: Tensor, ablated: Activations
    ) -> None:
        self.model = model
        self.tokens = tokens
        self.positions = positions
        self.ablated = ablated
        shape = model.shape
        self._streams: list[Tensor | None] = [None] * (shape.n_layers + 1)
        self._beyond: Tensor | None = None
        self._edges: BoolMatrix | None = None
        self._logits: Tensor | None = None
        self._layer_of = np.array(
            [
                shape.n_layers if name == "logits" else int(name[1:].partition(".")[0])
                for name in model.graph.receivers
            ]
        )

    @torch.no_grad()
    def logits(self, edges: BoolMatrix) -> Tensor:
        """Logits [batch, vocabulary] with the edges outside ``edges`` [senders, receivers] ablated."""
        model, graph = self.model, self.model.graph
        start = self._first_change(edges)
        if start is None:
            assert self._logits is not None
            return self._logits
        self._edges = None  # a run that is interrupted leaves nothing to restart from
        calls = model.block_calls(*self.tokens.shape)  # before our hooks are set
        out = torch.from_numpy(~edges & graph.mask).to(self.tokens.device)
        with model.split(), model.hooks(self._hooks(out, start)):
            if start == 0:
                logits = model.logits(self.tokens, self.positions)
            else:
                stream = self._streams[start]
                assert stream is not None
                logits = model.resume(stream, start, self.positions, calls)
        self._edges, self._logits = edges.copy(), logits
        return logits

    def _first_change(self, edges: BoolMatrix) -> int | None:
        """The first layer with a receiver whose edges differ from the last run; None: no change."""
        if self._edges is None:
            return 0
        changed = (self._edges != edges).any(axis=0)
        return int(self._layer_of[changed].min()) if changed.any() else None

    def _hooks(self, out: Tensor, start: int) -> dict[str, Hook]:
        model, shape = self.model, self.model.shape
        columns = model.graph.receiver_index
        hooks: dict[str, Hook] = {"embed.hook_out": self._keep_embed}
        for layer in range(start, shape.n_layers):
            block = f"blocks.{layer}"
            heads = head_rows(model, layer)
            hooks[f"{block}.hook_in"] = self._keeper(layer)
            for channel in "qkv":
                number = shape.n_heads if channel == "q" else shape.kv_heads
                grouped = shape.grouped and channel != "q"
                first = columns[f"a{layer}.{'kv' if grouped else 'h'}0<{channel}>"]
                missing = out[: heads.start, first : first + number]
                if missing.any():
                    hooks[f"{block}.attn.hook_{channel}_input"] = self._correct_heads(missing)
            hooks[f"{block}.attn.hook_z"] = self._keep_heads(layer)
            if shape.mlp:
                reach = heads.start if shape.parallel else heads.stop
                missing = out[:reach, columns[f"m{layer}"]]
                if missing.any():
                    hooks[f"{block}.hook_mlp_in"] = self._correct(missing)
                hooks[f"{block}.mlp.hook_out"] = self._keep_mlp(layer)
        hooks["ln_final.hook_in"] = self._finish(out[:, columns["logits"]])
        return hooks

    def _finish(self, missing: Tensor) -> Hook:
        keep, correct = self._keeper(self.model.shape.n_layers), self._correct(missing)

        def finish(stream: Tensor) -> Tensor | None:
            keep(stream)
            return correct(stream) if missing.any() else None

        return finish

    def _keep_embed(self, embed: Tensor) -> None:
        batch, time, width = embed.shape
        if self._beyond is None:
            senders = len(self.model.graph.senders)
            self._beyond = embed.new_empty(senders, batch, time, width)
        torch.sub(embed, self.ablated.embed, out=self._beyond[0])
        if self.model.embed_scale != 1.0:
            self._beyond[0] *= self.model.embed_scale

    def _keeper(self, layer: int) -> Hook:
        def keep(stream: Tensor) -> None:
            self._streams[layer] = stream

        return keep

    def _keep_heads(self, layer: int) -> Hook:
        def keep(z: Tensor) -> None:
            assert self._beyond is not None
            write_heads(self.model, layer, z - self.ablated.z[layer], self._beyond)

        return keep

    def _keep_mlp(self, layer: int) -> Hook:
        def keep(output: Tensor) -> None:
            assert self._beyond is not None
            row = self._beyond[mlp_row(self.model, layer)]
            torch.sub(output, self.ablated.mlp[layer], out=row)

        return keep

    def _missing_sum(self, missing: Tensor) -> Tensor:
        """Sum over ablated senders, [receivers, batch, time, d]; missing: [senders, receivers]."""
        assert self._beyond is not None
        rows = missing.any(1)
        beyond = self._beyond[: len(missing)]
        if rows.sum() * 2 < len(rows):
            beyond, missing = beyond[rows], missing[rows]
        weights = missing.T.to(beyond.dtype)
        return (weights @ beyond.reshape(len(beyond), -1)).view(-1, *beyond.shape[1:])

    def _correct(self, missing: Tensor) -> Hook:
        return lambda stream: stream - self._missing_sum(missing[:, None])[0]

    def _correct_heads(self, missing: Tensor) -> Hook:
        return lambda stream: stream - self._missing_sum(missing).permute(1, 2, 0, 3)
