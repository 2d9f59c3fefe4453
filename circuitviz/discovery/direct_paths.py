"""One batch's direct paths from senders to receivers, all else frozen, then played out."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from circuitviz.models import Model, PatchedRun
from circuitviz.models.activations import head_rows, mlp_row
from circuitviz.models.edits import Edits, Original

Rows = NDArray[np.intp]


class DirectPaths:
    """Runs in which receivers do what they would, had one sender's direct path to them changed.

    run: a patched run that has just run the full model. recomputed: MLPs on the way are part of the
    path and computed anew; attention is frozen always.
    """

    def __init__(self, model: Model, run: PatchedRun, receivers: list[int], recomputed: bool) -> None:
        self.model, self.run = model, run
        self.receivers = [model.graph.receivers[r] for r in receivers]
        self.columns, self.recomputed = receivers, recomputed

    @torch.no_grad()
    def logits(self, senders: Rows) -> Iterator[tuple[Rows, Tensor]]:
        """(which senders, logits [senders · batch, vocabulary]), in portions that fit."""
        model, run = self.model, self.run
        model.block_calls(run.tokens.shape[1])
        start = min(self._layer(name) for name in self.receivers)
        size = run.portion(0 if self.recomputed else min(start, model.shape.n_layers - 1))
        for first in range(0, len(senders), size):
            which = senders[first : first + size]
            inputs = self._inputs(which)
            if self.receivers == ["logits"]:
                at = run.positions.repeat(len(which))
                last = inputs["logits"][torch.arange(len(at), device=at.device), at]
                yield which, model.unembed(last)
                continue
            stream = self._spread(run.streams[start] if start else run.base.start, len(which))
            at = run.positions.repeat(len(which))
            yield which, model.resume(stream, start, at, self._edits(inputs))

    def _inputs(self, senders: Rows) -> dict[str, Tensor]:
        """What each receiver would read, [senders · batch, time, d]."""
        model, run, found = self.model, self.run, {}
        delta = torch.zeros_like(self._spread(run.base.start, len(senders)))
        for layer in range(model.shape.n_layers + 1):
            for name in self.receivers:
                if self._layer(name) == layer and not name.startswith("m"):
                    found[name] = self._plus(self._clean(layer), self._change(delta, senders, name))
            if layer == model.shape.n_layers:
                break
            if model.shape.mlp:
                for name in self.receivers:
                    if name == f"m{layer}":
                        found[name] = self._plus(self._clean(layer, True), self._change(delta, senders, name))
                if self.recomputed:
                    delta = delta + self._through_mlp(layer, delta, senders)
        return found

    def _change(self, delta: Tensor, senders: Rows, receiver: str) -> Tensor:
        """What a receiver's input differs by: the senders' own difference, and MLPs' on the way."""
        column = self.model.graph.receiver_index[receiver]
        return delta - self._beyond(senders, self.model.graph.mask[senders, column])

    def _beyond(self, senders: Rows, reaches: NDArray[np.bool_]) -> Tensor:
        run = self.run
        rows = np.unique(senders)
        values = run.rows.take(rows)
        chosen = values[torch.from_numpy(np.searchsorted(rows, senders)).to(values.device)]
        full = chosen.new_zeros(*chosen.shape[:2], run.tokens.shape[1], chosen.shape[-1])
        full[:, :, run.begin :] = chosen
        full[torch.from_numpy(~reaches).to(full.device)] = 0
        return full.flatten(0, 1)

    def _through_mlp(self, layer: int, delta: Tensor, senders: Rows) -> Tensor:
        """How an MLP's output changes when only what MLPs before it and the senders wrote does."""
        before = mlp_row(self.model, layer)
        if self.model.shape.parallel:
            before = head_rows(self.model, layer).start
        change = delta - self._beyond(senders, senders < before)
        clean = self._clean(layer, True)
        now = self.model.mlp(layer, self._plus(clean, change))
        return self._plus(-self.model.mlp(layer, clean), now)

    def _clean(self, layer: int, middle: bool = False) -> Tensor:
        """The clean stream before a layer's attention, before its MLP, or the last one."""
        run = self.run
        source = run.middles if middle and not self.model.shape.parallel else [*run.streams, run.final]
        return source[layer]

    @staticmethod
    def _plus(clean: Tensor, change: Tensor) -> Tensor:
        """A clean stream [batch, ...] plus changes of all copies [copies · batch, ...]."""
        return (change.view(-1, *clean.shape) + clean).flatten(0, 1)

    def _spread(self, values: Tensor, copies: int) -> Tensor:
        return values.expand(copies, *values.shape).flatten(0, 1)

    def _edits(self, inputs: dict[str, Tensor]) -> Edits:
        edits = Edits()
        heads: dict[tuple[int, str], dict[int, Tensor]] = {}
        for name, values in inputs.items():
            layer = self._layer(name)
            if name.startswith("m"):
                edits.mlps[layer] = partial(_mlp, self.model, layer, values)
                continue
            place, _, channel = name.rstrip(">").partition("<")
            head = int(place.partition(".")[2].lstrip("hkv"))
            heads.setdefault((layer, channel), {})[head] = values
        for (layer, channel), each in heads.items():
            edits.projections[layer, channel] = partial(_project, self.model, layer, channel, each)
        return edits

    def _layer(self, receiver: str) -> int:
        if receiver == "logits":
            return self.model.shape.n_layers
        return int(receiver[1:].partition(".")[0])


def _project(
    model: Model, layer: int, channel: str, inputs: dict[int, Tensor], original: Original, x: Tensor
) -> Tensor:
    """The model's own queries, keys or values, but for the heads whose inputs are given."""
    out = original(x).clone()
    weights, bias = model.layers[layer].channel(channel)
    split = out.view(*out.shape[:2], len(weights), -1)
    for head, values in inputs.items():
        normal = model.layers[layer].norm.project(
            values.flatten(0, 1)[None], weights[head : head + 1], bias[head : head + 1]
        )
        split[:, :, head] = normal.view(*values.shape[:2], -1)
    return out


def _mlp(model: Model, layer: int, inputs: Tensor, original: Original, _x: Tensor) -> Tensor:
    norm = model.layers[layer].mlp_norm
    assert norm is not None
    return original(norm(inputs))
