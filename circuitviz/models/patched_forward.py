"""One patched pass from a layer on, over one or several copies of a batch.

Each receiver's input is the sum that its circuit gives it. It can be written in two ways, of which the
shorter is computed:

- the fully ablated run's input plus the deltas of the senders that are in the circuit, or
- this run's own residual stream minus the deltas of the senders that are not.

A receiver that reads every sender needs no sum: it reads the stream. One that reads none has its output of
the fully ablated run.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import partial

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from circuitviz.graph import BoolMatrix
from circuitviz.models.batch_interventions import BatchInterventions
from circuitviz.models.buffers import BufferPool
from circuitviz.models.forward_overrides import ForwardOverrides, Hook, OriginalForward
from circuitviz.models.fully_ablated import FullyAblatedRun
from circuitviz.models.model import Model
from circuitviz.models.sender_activations import head_rows
from circuitviz.models.sender_deltas import SenderDeltas


@dataclass(eq=False)
class RunState:
    """What passes over one batch share: inputs, and tensors of the last pass to restart from.

    Attributes:
        model: The model.
        positions: The answer position of each prompt [batch].
        first_changed_position: Position before which nothing differs from the clean run.
        fully_ablated: The run with every edge ablated.
        deltas: Deltas of all senders in the last pass.
        buffers: Memory that passes share.
        resid_pre: The stream before each block [batch, time, d_model].
        resid_mid: The stream before each MLP of a sequential block [batch, time, d_model].
        resid_final: The last stream [batch, time, d_model].
        answer_residual: The last stream at the answer position [batch, d_model].
        projections: Queries, keys and values by (layer, channel) [batch, time, heads · d_head].
    """

    model: Model
    positions: Tensor
    first_changed_position: int
    fully_ablated: FullyAblatedRun
    deltas: SenderDeltas
    buffers: BufferPool = field(default_factory=BufferPool)
    resid_pre: list[Tensor] = field(default_factory=list)
    resid_mid: list[Tensor] = field(default_factory=list)
    resid_final: Tensor = field(default_factory=lambda: torch.empty(0))
    answer_residual: Tensor = field(default_factory=lambda: torch.empty(0))
    projections: dict[tuple[int, str], Tensor] = field(default_factory=dict)


class PatchedForward:
    """Overrides that give every receiver from a layer on the input of its circuit.

    Args:
        run: The run that this pass belongs to.
        edges: Edges of the circuit, bool [senders, receivers].
        start_layer: The first layer that runs.
        deltas: Deltas of this pass's own senders; senders before ``deltas.first_sender`` are those of the
            run.
        copies: How many copies of the batch the pass has, one after another.
        varied_receiver: (column of the receiver whose edges differ from copy to copy, bool [copies,
            senders]).
        cache_into: The run in which streams and projections are stored for later passes to restart from.
        interventions: What some nodes write instead of their own output.
    """

    def __init__(
        self,
        run: RunState,
        edges: BoolMatrix,
        start_layer: int,
        deltas: SenderDeltas,
        copies: int = 1,
        varied_receiver: tuple[int, BoolMatrix] | None = None,
        cache_into: RunState | None = None,
        interventions: BatchInterventions | None = None,
    ) -> None:
        self.run, self.model = run, run.model
        self.edges, self.start_layer, self.deltas = edges, start_layer, deltas
        self.copies, self.varied_receiver, self.cache_into = copies, varied_receiver, cache_into
        self.interventions = interventions
        self.resid_pre = self.resid_mid = self.z = torch.empty(0)
        self.head_inputs: tuple[int, dict[str, tuple[NDArray[np.intp], Tensor]]] = (-1, {})

    def overrides(self) -> ForwardOverrides:
        """The overrides of all layers from ``start_layer`` on."""
        model, shape = self.model, self.model.shape
        overrides, columns = (
            ForwardOverrides(final_residual=self.final_residual, on_final_residual=self._on_resid_final),
            model.graph.receiver_index,
        )
        for layer in range(self.start_layer, shape.n_layers):
            weights, block = model.layers[layer], f"blocks.{layer}"
            overrides.hooks[f"{block}.hook_in"] = self._on_resid_pre
            reach = head_rows(model, layer).start
            for channel in "qkv":
                overrides.projections[layer, channel] = partial(self._project_channel, layer, channel)
            overrides.hooks[f"{block}.attn.hook_z"] = self._heads_hook(layer)
            if weights.post_norm is not None:
                overrides.hooks[weights.post_norm_hook] = self._normalised_heads_hook(layer)
            if shape.mlp:
                if not shape.parallel:
                    overrides.hooks[weights.mlp_in_hook] = self._on_resid_mid
                    reach = head_rows(model, layer).stop
                overrides.mlps[layer] = partial(self._run_mlp, layer, reach, columns[f"m{layer}"])
                overrides.hooks[weights.mlp_out_hook] = partial(self._on_mlp_output, layer)
        return overrides

    def repeat_for_copies(self, values: Tensor) -> Tensor:
        """Values of one batch [batch, ...] repeated for every copy [copies · batch, ...]."""
        if self.copies == 1:
            return values
        return values.expand(self.copies, *values.shape).reshape(-1, *values.shape[1:])

    def final_residual(self, answer_residual: Tensor) -> Tensor:
        """What ``logits`` reads [batch, d_model], from the stream at the answer position."""
        if self.cache_into is not None:
            self.cache_into.answer_residual = answer_residual
        column = self.model.graph.receiver_index["logits"]
        reads = self._read_mask(len(self.edges), np.array([column]))
        if reads.all():
            return answer_residual
        positions = self.run.positions - self.run.first_changed_position
        base = self.repeat_for_copies(self.run.fully_ablated.resid_final)
        return self._sum_inputs(reads, answer_residual, base, positions)[0]

    # Inputs of receivers

    def _read_mask(self, reach: int, columns: NDArray[np.intp]) -> BoolMatrix:
        """Which senders the receivers read.

        Returns:
            Bool [reach, receivers], or [reach, receivers, copies] where the varied receiver is among them.
        """
        reads = self.edges[:reach, columns]
        varied, variants = self.varied_receiver or (-1, reads)
        if varied not in columns:
            return reads
        reads_of_copies = np.repeat(reads[:, :, None], self.copies, axis=2)
        reads_of_copies[:, columns == varied] = variants[:, None, :reach].transpose(2, 1, 0)
        return reads_of_copies

    def _sum_inputs(
        self, reads: BoolMatrix, stream: Tensor, base: Tensor, positions: Tensor | None = None
    ) -> Tensor:
        """Inputs of receivers from the shorter of the two sums.

        Args:
            reads: Which senders each receiver reads, as ``_read_mask`` gives it.
            stream: This run's stream [copies · batch, positions, d_model], or [copies · batch, d_model] with
                ``positions``.
            base: The fully ablated run's stream, of the same shape.
            positions: The one position of each prompt that is wanted.

        Returns:
            [receivers, copies · batch, ...].
        """
        reach, receivers = reads.shape[:2]
        dense = 2 * reads.sum(axis=0) > reach  # [receivers] or [receivers, copies]
        signs = np.where(dense[None], reads.astype(np.int8) - 1, reads.astype(np.int8))
        out = self._sum_bases(dense.reshape(receivers, -1), stream, base)
        for rows, copies, values in self._summed_deltas(signs, positions):
            weights = signs[rows].reshape(len(rows), -1).T  # [receivers (· copies), rows]
            factors = torch.from_numpy(np.ascontiguousarray(weights)).to(values)
            if signs.ndim == 3 or copies == self.copies:  # in place: no second tensor of that size
                out.view(len(factors), -1).addmm_(factors, values.flatten(1))
            else:  # the run's own senders, the same for all copies
                product = factors @ values.flatten(1)
                shape = (receivers, 1, values.shape[1], *out.shape[2:])
                out.view(receivers, self.copies, -1, *out.shape[2:]).add_(product.view(shape))
        return out

    def _sum_bases(self, dense: BoolMatrix, stream: Tensor, base: Tensor) -> Tensor:
        """What the sums start from, [receivers, copies · batch, ...].

        A buffer, to be read before the next sum.
        """
        out = self.run.buffers.buffer("sum", base, len(dense), *base.shape)
        if dense.all() or not dense.any():
            return out.copy_(stream if dense.all() else base)
        is_dense = torch.from_numpy(dense).to(stream.device)
        is_dense = is_dense.repeat_interleave(len(base) // dense.shape[1], dim=1)
        is_dense = is_dense.view(*is_dense.shape, *[1] * (base.dim() - 1))
        return torch.where(is_dense, stream[None], base[None], out=out)

    def _summed_deltas(
        self, signs: NDArray[np.int8], answer_positions: Tensor | None
    ) -> list[tuple[NDArray[np.intp], int, Tensor]]:
        """Rows, copies and deltas of the senders that enter a sum: the run's, then this pass's own."""
        used = np.flatnonzero(signs.reshape(len(signs), -1).any(axis=1))
        terms = []
        for rows, source, copies in (
            (used[used < self.deltas.first_sender], self.run.deltas, 1),
            (used[used >= self.deltas.first_sender], self.deltas, self.copies),
        ):
            if len(rows):
                first_row = source.first_sender
                if 2 * len(rows) > rows[-1] + 1 - first_row:  # a few zeros are cheaper than a copy
                    rows = np.arange(first_row, rows[-1] + 1)
                values = source.select(rows)
                if answer_positions is not None:
                    positions = answer_positions.repeat(copies)
                    values = values[:, torch.arange(len(positions), device=positions.device), positions]
                terms.append((rows, copies, values))
        return terms

    # Replacements of projections and MLPs

    def _project_channel(self, layer: int, channel: str, original: OriginalForward, x: Tensor) -> Tensor:
        """Queries, keys or values: the model's own, the fully ablated run's, or from a sum, head by head."""
        columns = self._receiver_columns(layer, channel)
        if (
            self.varied_receiver is not None and layer == self.start_layer
        ):  # all other heads do the same as in the run
            out = self.repeat_for_copies(self.run.projections[layer, channel]).clone()
        else:
            reads = self._read_mask(head_rows(self.model, layer).start, columns)
            reads_all, reads_none = reads.all(axis=0), ~reads.any(axis=0)
            constant = self.run.fully_ablated.projections[layer, channel]
            out = original(x) if reads_all.any() else self.repeat_for_copies(constant).clone()
            if reads_all.any() and reads_none.any():
                index = torch.from_numpy(np.flatnonzero(reads_none)).to(out.device)
                fixed = constant.view(*constant.shape[:2], len(columns), -1)[:, :, index]
                out.view(*out.shape[:2], len(columns), -1)[:, :, index] = self.repeat_for_copies(fixed)
        heads, inputs = self._partial_head_inputs(layer)[channel]
        if len(heads):
            weights, bias = self.model.layers[layer].channel_weights(channel)
            index = torch.from_numpy(heads).to(out.device)
            norm = self.model.layers[layer].attn_norm
            projected = norm.project(inputs.flatten(1, 2), weights[index], bias[index])
            projected = projected.view(*inputs.shape[:3], -1).permute(1, 2, 0, 3)
            out.view(*out.shape[:2], len(weights), -1)[:, self.run.first_changed_position :, index] = (
                projected
            )
        if self.cache_into is not None:
            self.cache_into.projections[layer, channel] = out
        return out

    def _receiver_columns(self, layer: int, channel: str) -> NDArray[np.intp]:
        shape = self.model.shape
        grouped = shape.has_grouped_queries and channel != "q"
        name = f"a{layer}.{'kv' if grouped else 'h'}0<{channel}>"
        first = self.model.graph.receiver_index[name]
        return np.arange(first, first + (shape.n_heads if channel == "q" else shape.kv_heads))

    def _partial_head_inputs(self, layer: int) -> dict[str, tuple[NDArray[np.intp], Tensor]]:
        """Inputs of a layer's heads that read some but not all senders, for all three channels in one sum.

        Returns:
            By channel, which heads, and their inputs [heads, copies · batch, position, d_model].
        """
        if self.head_inputs[0] != layer:
            reach = head_rows(self.model, layer).start
            heads_of_channel: dict[str, NDArray[np.intp]] = {}
            for channel in "qkv":
                columns = self._receiver_columns(layer, channel)
                if self.varied_receiver is not None and layer == self.start_layer:
                    is_partial = columns == self.varied_receiver[0]
                else:
                    n_read = self.edges[:reach, columns].sum(axis=0)
                    is_partial = (n_read > 0) & (n_read < reach)
                heads_of_channel[channel] = np.flatnonzero(is_partial)
            columns_of_heads = [self._receiver_columns(layer, c)[h] for c, h in heads_of_channel.items()]
            reads = self._read_mask(reach, np.concatenate(columns_of_heads))
            inputs, base = torch.empty(0), self.run.fully_ablated.resid_pre[layer]
            if reads.shape[1]:
                inputs = self._inputs_after_change(reads, self.resid_pre, base)
            inputs_of_channel, first = {}, 0
            for channel, heads in heads_of_channel.items():
                inputs_of_channel[channel] = (heads, inputs[first : first + len(heads)])
                first += len(heads)
            self.head_inputs = (layer, inputs_of_channel)
        return self.head_inputs[1]

    def _inputs_after_change(self, reads: BoolMatrix, stream: Tensor, base: Tensor) -> Tensor:
        first_position = self.run.first_changed_position
        return self._sum_inputs(
            reads, stream[:, first_position:], self.repeat_for_copies(base[:, first_position:])
        )

    def _run_mlp(self, layer: int, reach: int, column: int, original: OriginalForward, x: Tensor) -> Tensor:
        """The MLP on what it reads, computed only where it can differ from the fully ablated run."""
        reads = self._read_mask(reach, np.array([column]))
        first_position, constant = self.run.first_changed_position, self.run.fully_ablated.mlps[layer]
        if not reads.any():
            return self.repeat_for_copies(constant)
        inputs = x[:, first_position:]
        if not reads.all():
            stream = self.resid_pre if self.model.shape.parallel else self.resid_mid
            summed = self._inputs_after_change(reads, stream, self.run.fully_ablated.resid_mid[layer])[0]
            norm = self.model.layers[layer].mlp_norm
            assert norm is not None
            inputs = norm(summed)
        out = original(inputs.contiguous())
        return (
            torch.cat([self.repeat_for_copies(constant[:, :first_position]), out], 1)
            if first_position
            else out
        )

    # Hooks that store what senders write, and what later passes restart from

    def _on_resid_pre(self, stream: Tensor) -> None:
        self.resid_pre = stream
        if self.cache_into is not None:
            self.cache_into.resid_pre.append(stream)

    def _on_resid_final(self, stream: Tensor) -> None:
        if self.cache_into is not None:
            self.cache_into.resid_final = stream

    def _on_resid_mid(self, stream: Tensor) -> None:
        self.resid_mid = stream
        if self.cache_into is not None:
            self.cache_into.resid_mid.append(stream)

    def _heads_hook(self, layer: int) -> Hook:
        def heads(z: Tensor) -> Tensor | None:
            changed = None if self.interventions is None else self.interventions.replace_heads(layer, z)
            self.z = z if changed is None else changed
            if self.model.layers[layer].post_norm is None:
                self.deltas.put_heads(layer, self.z)
            return changed

        return heads

    def _on_mlp_output(self, layer: int, output: Tensor) -> Tensor | None:
        changed = None if self.interventions is None else self.interventions.replace_mlp(layer, output)
        self.deltas.put_mlp(layer, output if changed is None else changed)
        return changed

    def _normalised_heads_hook(self, layer: int) -> Hook:
        def heads(written: Tensor) -> None:
            post = self.model.layers[layer].post_norm
            assert post is not None
            self.deltas.put_heads(layer, self.z * post.inverse_scale(written))

        return heads
