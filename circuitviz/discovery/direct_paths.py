"""Direct paths from senders to receivers in one batch, everything else frozen.

1. ``_receiver_inputs``: what each receiver would read, had one sender's direct path to it its ablation value.
2. ``_overrides``: the receivers' queries, keys, values or MLP outputs are computed from these inputs.
3. ``Model.logits_from_layer``: they are set in the clean run, and what follows is computed.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from circuitviz.models import Model, PatchedRun
from circuitviz.models.forward_overrides import ForwardOverrides, OriginalForward
from circuitviz.models.sender_activations import head_rows, mlp_row

IndexArray = NDArray[np.intp]


class DirectPaths:
    """Runs in which receivers compute what they would, had one sender's direct path to them changed.

    Args:
        model: The model.
        run: A patched run that has just run the full model.
        receivers: Columns of the receivers.
        recompute_mlps: Whether MLPs on the way are part of the path; attention is always frozen.
    """

    def __init__(self, model: Model, run: PatchedRun, receivers: list[int], recompute_mlps: bool) -> None:
        self.model, self.run = model, run
        self.receivers = [model.graph.receivers[r] for r in receivers]
        self.columns, self.recompute_mlps = receivers, recompute_mlps

    @torch.no_grad()
    def logits(self, senders: IndexArray) -> Iterator[tuple[IndexArray, Tensor]]:
        """Logits with each sender's direct path changed.

        Args:
            senders: Rows of the senders.

        Yields:
            Rows of senders and their logits [senders · batch, vocabulary], in portions that fit into memory.
        """
        model, run = self.model, self.run
        model.block_calls(run.tokens.shape[1])
        start = min(self._receiver_layer(name) for name in self.receivers)
        size = run.max_variants(0 if self.recompute_mlps else min(start, model.shape.n_layers - 1))
        for first in range(0, len(senders), size):
            sender_rows = senders[first : first + size]
            inputs = self._receiver_inputs(_SenderCopies.of_rows(run, sender_rows, self.columns))
            positions = run.positions.repeat(len(sender_rows))
            if self.receivers == ["logits"]:
                prompts = torch.arange(len(positions), device=positions.device)
                yield sender_rows, model.unembed(inputs["logits"][prompts, positions])
                continue
            stream = run.resid_pre[start] if start else run.fully_ablated.resid_start
            stream = self._repeat_for_copies(stream, len(sender_rows))
            yield sender_rows, model.logits_from_layer(stream, start, positions, self._overrides(inputs))

    def _receiver_inputs(self, senders: _SenderCopies) -> dict[str, Tensor]:
        """What each receiver would read, [senders · batch, time, d_model]."""
        model, run, inputs = self.model, self.run, {}
        delta = torch.zeros_like(self._repeat_for_copies(run.fully_ablated.resid_start, len(senders.rows)))
        for layer in range(model.shape.n_layers + 1):
            for name in self.receivers:
                if self._receiver_layer(name) == layer and not name.startswith("m"):
                    inputs[name] = self._add_to_copies(
                        self._clean_residual(layer), self._input_delta(delta, senders, name)
                    )
            if layer == model.shape.n_layers:
                break
            if model.shape.mlp:
                for name in self.receivers:
                    if name == f"m{layer}":
                        inputs[name] = self._add_to_copies(
                            self._clean_residual(layer, True), self._input_delta(delta, senders, name)
                        )
                if self.recompute_mlps:
                    delta = delta + self._mlp_delta(layer, delta, senders)
        return inputs

    def _input_delta(self, delta: Tensor, senders: _SenderCopies, receiver: str) -> Tensor:
        """The change of a receiver's input: the sender's own delta, and that of MLPs on the way."""
        return delta - senders.deltas(senders.reaches[:, self.receivers.index(receiver)])

    def _mlp_delta(self, layer: int, delta: Tensor, senders: _SenderCopies) -> Tensor:
        """The change of an MLP's output when only what earlier MLPs and the senders wrote changes."""
        n_senders_before = mlp_row(self.model, layer)
        if self.model.shape.parallel:
            n_senders_before = head_rows(self.model, layer).start
        input_delta = delta - senders.deltas(senders.rows < n_senders_before)
        clean = self._clean_residual(layer, True)
        output = self.model.mlp_output(layer, self._add_to_copies(clean, input_delta))
        return self._add_to_copies(-self.model.mlp_output(layer, clean), output)

    def _clean_residual(self, layer: int, middle: bool = False) -> Tensor:
        """The clean stream before a layer's attention, before its MLP, or the last one."""
        run = self.run
        source = (
            run.resid_mid if middle and not self.model.shape.parallel else [*run.resid_pre, run.resid_final]
        )
        return source[layer]

    @staticmethod
    def _add_to_copies(clean: Tensor, change: Tensor) -> Tensor:
        """A clean stream [batch, ...] plus changes of all copies [copies · batch, ...]."""
        return (change.view(-1, *clean.shape) + clean).flatten(0, 1)

    def _repeat_for_copies(self, values: Tensor, copies: int) -> Tensor:
        return values.expand(copies, *values.shape).flatten(0, 1)

    def _overrides(self, inputs: dict[str, Tensor]) -> ForwardOverrides:
        overrides = ForwardOverrides()
        heads: dict[tuple[int, str], dict[int, Tensor]] = {}
        for name, values in inputs.items():
            layer = self._receiver_layer(name)
            if name.startswith("m"):
                overrides.mlps[layer] = partial(_run_mlp, self.model, layer, values)
                continue
            node_name, _, channel = name.rstrip(">").partition("<")
            head = int(node_name.partition(".")[2].lstrip("hkv"))
            heads.setdefault((layer, channel), {})[head] = values
        for (layer, channel), inputs_of_head in heads.items():
            overrides.projections[layer, channel] = partial(
                _project_heads, self.model, layer, channel, inputs_of_head
            )
        return overrides

    def _receiver_layer(self, receiver: str) -> int:
        if receiver == "logits":
            return self.model.shape.n_layers
        return int(receiver[1:].partition(".")[0])


@dataclass(frozen=True, eq=False)
class _SenderCopies:
    """The sender of each copy of a batch.

    Attributes:
        rows: Rows of the senders [copies].
        reaches: Whether each has an edge to each receiver, bool [copies, receivers].
        values: Deltas [copies, batch, time, d_model].
    """

    rows: Tensor
    reaches: Tensor
    values: Tensor

    @staticmethod
    def of_rows(run: PatchedRun, senders: IndexArray, columns: list[int]) -> _SenderCopies:
        """The copies of some senders; their numbers are copied to the device in one piece."""
        rows = np.unique(senders)
        deltas = run.deltas.select(rows)
        reaches = run.model.graph.mask[senders[:, None], columns]
        numbers = np.column_stack([senders, np.searchsorted(rows, senders), reaches])
        on_device = torch.from_numpy(numbers).to(deltas.device)
        sizes = (len(senders), deltas.shape[1], run.tokens.shape[1], deltas.shape[-1])
        values = deltas.new_zeros(sizes)
        values[:, :, run.first_changed_position :] = deltas[on_device[:, 1]]
        return _SenderCopies(on_device[:, 0], on_device[:, 2:].bool(), values)

    def deltas(self, reaches: Tensor) -> Tensor:
        """Deltas of those that reach somewhere, 0 of the others [copies · batch, time, d_model]."""
        return self.values.masked_fill(~reaches[:, None, None, None], 0).flatten(0, 1)


def _project_heads(
    model: Model, layer: int, channel: str, inputs: dict[int, Tensor], original: OriginalForward, x: Tensor
) -> Tensor:
    """The model's own queries, keys or values, except for the heads whose inputs are given."""
    output = original(x).clone()
    weights, bias = model.layers[layer].channel_weights(channel)
    split = output.view(*output.shape[:2], len(weights), -1)
    for head, values in inputs.items():
        normal = model.layers[layer].attn_norm.project(
            values.flatten(0, 1)[None], weights[head : head + 1], bias[head : head + 1]
        )
        split[:, :, head] = normal.view(*values.shape[:2], -1)
    return output


def _run_mlp(model: Model, layer: int, inputs: Tensor, original: OriginalForward, _x: Tensor) -> Tensor:
    norm = model.layers[layer].mlp_norm
    assert norm is not None
    return original(norm(inputs))
