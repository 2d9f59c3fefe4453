"""What a patched pass does at each receiver, worked out on the host before the pass runs.

It follows from the pass's edges alone. Indices and factors that the device needs are copied there in one
piece, and not one by one in the middle of the pass.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from circuitviz.graph import BoolMatrix
from circuitviz.models.device_arrays import copy_arrays
from circuitviz.models.model import Model
from circuitviz.models.sender_activations import head_rows


@dataclass(frozen=True, eq=False)
class VariedReceiver:
    """The receiver whose edges differ from copy to copy of a pass.

    Attributes:
        column: Its column in the model's graph.
        reads: What it reads in each copy, bool [copies, senders].
        span: The span at whose tokens it does; None for all tokens.
    """

    column: int
    reads: BoolMatrix
    span: int | None = None


@dataclass(frozen=True, eq=False)
class SumTerm:
    """Deltas that enter a sum.

    Attributes:
        rows: Rows of the senders, ascending.
        is_of_run: Whether they are the run's, the same for all copies, or the pass's own.
        factors: Number of an array int8 [receivers (· copies), rows] in ``PassPlan.arrays``.
        index: Number of an array of the rows in their source; None where they are contiguous.
        tokens: Number of an array of the tokens whose sums it enters, of one copy or, where the rows are the
            pass's own, of all; None where it enters all.
    """

    rows: NDArray[np.intp]
    is_of_run: bool
    factors: int
    index: int | None
    tokens: int | None = None


@dataclass(frozen=True, eq=False)
class SumPlan:
    """Inputs of some receivers, as the shorter of two sums each.

    Attributes:
        dense: Which start from the pass's own stream, bool [receivers, copies or 1, spans or 1]; the others
            start from that of the fully ablated run.
        is_dense: Number of the same array in ``PassPlan.arrays``, with spans [receivers, (copies ·) batch,
            positions]; None where all are the same.
        is_varied: Whether copies read different senders.
        terms: What is added.
    """

    dense: BoolMatrix
    is_dense: int | None
    is_varied: bool
    terms: Sequence[SumTerm]


@dataclass(frozen=True, eq=False)
class ChannelPlan:
    """Queries, keys or values of a layer.

    Attributes:
        n_heads: Number of heads of the channel.
        has_complete_heads: Whether heads read every sender, and are computed together with all others.
        ablated_heads: Number of an array of the heads that read none; None where there are none, or no other
            is computed.
        summed_heads: Number of an array of the heads whose inputs are summed; None where there are none.
        sums_every_head: Whether these are all heads.
        inputs: Where these are among the summed heads of all channels.
    """

    n_heads: int
    has_complete_heads: bool
    ablated_heads: int | None
    summed_heads: int | None
    sums_every_head: bool
    inputs: slice


@dataclass(frozen=True, eq=False)
class ReceiverPlan:
    """One receiver: it reads no sender, or all, or a sum."""

    reads_none: bool
    reads_all: bool
    sum: SumPlan | None


@dataclass(frozen=True, eq=False)
class LayerPlan:
    """A layer's receivers.

    Attributes:
        channels: By ``q``, ``k`` and ``v``.
        head_inputs: Inputs of the heads that read some but not all senders, of all channels in one sum.
        mlp: The MLP; None without one.
    """

    channels: dict[str, ChannelPlan]
    head_inputs: SumPlan | None
    mlp: ReceiverPlan | None


@dataclass(eq=False)
class PassPlan:
    """The plan of one pass.

    Attributes:
        model: The model.
        edges: Edges of the circuit, bool [senders, receivers], or [senders, receivers, spans].
        start_layer: The first layer that runs.
        first_own_sender: Row of the first sender whose deltas are the pass's own.
        copies: How many copies of the batch the pass has.
        varied_receiver: The receiver whose edges differ from copy to copy.
        span_indices: The span of each token of the pass [batch, positions], −1 in padding, where edges are by
            span.
        layers: Plans of the layers from ``start_layer`` on.
        logits: What ``logits`` reads.
        arrays: Indices and factors, on the model's device.
    """

    model: Model
    edges: BoolMatrix
    start_layer: int
    first_own_sender: int
    copies: int
    varied_receiver: VariedReceiver | None
    span_indices: NDArray[np.intp] | None = None
    layers: dict[int, LayerPlan] = field(default_factory=dict)
    logits: ReceiverPlan = field(init=False)
    arrays: list[Tensor] = field(init=False)

    def __post_init__(self) -> None:
        self._host_arrays: list[NDArray[Any]] = []
        self._span_tokens = self._add_span_tokens()
        n_layers, columns = self.model.shape.n_layers, self.model.graph.receiver_index
        for layer in range(self.start_layer, n_layers):
            self.layers[layer] = self._plan_layer(layer)
        self.logits = self._plan_receiver(len(self.edges), columns["logits"])
        self.arrays = copy_arrays(self._host_arrays, self.model.device)

    def array(self, number: int | None) -> Tensor | None:
        """An array by its number."""
        return None if number is None else self.arrays[number]

    def _add_array(self, array: NDArray[Any]) -> int:
        self._host_arrays.append(np.ascontiguousarray(array))
        return len(self._host_arrays) - 1

    def _plan_layer(self, layer: int) -> LayerPlan:
        shape, rows = self.model.shape, head_rows(self.model, layer)
        reach, channels, summed = rows.start, dict[str, ChannelPlan](), []
        n_summed = 0
        for channel in "qkv":
            first, n_heads = self._first_receiver(layer, channel)
            columns = np.arange(first, first + n_heads)
            reads = self.edges[:reach, columns].reshape(reach, n_heads, -1)
            reads_any, reads_all = reads.any(axis=(0, 2)), reads.all(axis=(0, 2))
            if self.varied_receiver is not None and layer == self.start_layer:
                # all other heads do the same as in the run
                is_summed, has_complete, ablated = columns == self.varied_receiver.column, False, None
            else:
                is_summed = reads_any & ~reads_all
                if is_summed.any() and 2 * reads_all.sum() <= n_heads:
                    is_summed = reads_any  # a few heads alone are cheaper than all heads together
                has_complete = bool((reads_all & ~is_summed).any())
                ablated = np.flatnonzero(~reads_any)
            heads = np.flatnonzero(is_summed)
            summed.append(columns[heads])
            channels[channel] = ChannelPlan(
                n_heads,
                has_complete,
                self._add_array(ablated) if ablated is not None and has_complete and len(ablated) else None,
                self._add_array(heads) if len(heads) else None,
                len(heads) == n_heads,
                slice(n_summed, n_summed + len(heads)),
            )
            n_summed += len(heads)
        head_inputs = self._plan_sum(self._read_mask(reach, np.concatenate(summed))) if n_summed else None
        mlp = None
        if shape.mlp:
            mlp_column = self.model.graph.receiver_index[f"m{layer}"]
            mlp = self._plan_receiver(rows.start if shape.parallel else rows.stop, mlp_column)
        return LayerPlan(channels, head_inputs, mlp)

    def _first_receiver(self, layer: int, channel: str) -> tuple[int, int]:
        """Column of a channel's first receiver, and their number."""
        shape = self.model.shape
        grouped = shape.has_grouped_queries and channel != "q"
        name = f"a{layer}.{'kv' if grouped else 'h'}0<{channel}>"
        return self.model.graph.receiver_index[name], shape.n_heads if channel == "q" else shape.kv_heads

    def _plan_receiver(self, reach: int, column: int) -> ReceiverPlan:
        reads = self._read_mask(reach, np.array([column]))
        reads_none, reads_all = not reads.any(), bool(reads.all())
        return ReceiverPlan(reads_none, reads_all, None if reads_none or reads_all else self._plan_sum(reads))

    def _read_mask(self, reach: int, columns: NDArray[np.intp]) -> BoolMatrix:
        """Which senders the receivers read.

        Returns:
            Bool [reach, receivers, copies, spans]: one copy where all read the same, and one span where edges
            are not by span and for ``logits``, which reads one position.
        """
        reads = self.edges[:reach, columns].reshape(reach, len(columns), 1, -1)
        if columns[0] == self.edges.shape[1] - 1:
            reads = np.asarray(reads.any(axis=3, keepdims=True))
        varied = self.varied_receiver
        if varied is None or varied.column not in columns:
            return reads
        reads = np.repeat(reads, self.copies, axis=2)
        first, end = (
            (0, None) if varied.span is None or reads.shape[3] == 1 else (varied.span, varied.span + 1)
        )
        place = int(np.flatnonzero(columns == varied.column)[0])
        reads[:, place, :, first:end] = varied.reads[:, :reach].T[:, :, None]
        return reads

    def _plan_sum(self, reads: BoolMatrix) -> SumPlan:
        """The shorter sum of each receiver; ``reads`` as ``_read_mask`` gives it."""
        reach, _, copies, spans = reads.shape
        dense = 2 * reads.sum(axis=0) > reach
        signs = np.where(dense[None], reads.astype(np.int8) - 1, reads.astype(np.int8))
        terms = self._sum_terms(signs[..., 0], (None, None)) if spans == 1 else []
        if spans > 1:
            for span, tokens in self._span_tokens.items():
                terms += self._sum_terms(signs[..., span], tokens)
        is_dense = None if dense.all() or not dense.any() else self._add_array(self._of_tokens(dense))
        return SumPlan(dense, is_dense, copies > 1, terms)

    def _sum_terms(self, signs: NDArray[np.int8], tokens: tuple[int | None, int | None]) -> list[SumTerm]:
        """What is added at some tokens, or at all: the run's senders, and the pass's own.

        Args:
            signs: Factors [reach, receivers, copies].
            tokens: Numbers of the arrays of the tokens in one copy, and in all.
        """
        reach = len(signs)
        used = np.flatnonzero(signs.reshape(reach, -1).any(axis=1))
        is_of_run = used < self.first_own_sender
        terms = []
        for rows, of_run, first_row, tokens_of in (
            (used[is_of_run], True, 0, tokens[0]),
            (used[~is_of_run], False, self.first_own_sender, tokens[1]),
        ):
            if not len(rows):
                continue
            if (
                tokens_of is None and 2 * len(rows) > rows[-1] + 1 - first_row
            ):  # a few zeros are cheaper than a copy
                rows = np.arange(first_row, rows[-1] + 1)
            is_contiguous = len(rows) == rows[-1] - rows[0] + 1
            factors = self._add_array(signs[rows].reshape(len(rows), -1).T)
            index = None if is_contiguous else self._add_array(rows - first_row)
            terms.append(SumTerm(rows, of_run, factors, index, tokens_of))
        return terms

    def _add_span_tokens(self) -> dict[int, tuple[int, int]]:
        """Arrays of the tokens of each span that there is, of one copy and of all, by the span's index."""
        if self.span_indices is None:
            return {}
        arrays = {}
        for span in present_spans(self.span_indices):
            tokens = np.flatnonzero(self.span_indices == span)
            of_one = of_all = self._add_array(tokens)
            if self.copies > 1:
                starts = self.span_indices.size * np.arange(self.copies)
                of_all = self._add_array((starts[:, None] + tokens).reshape(-1))
            arrays[span] = of_one, of_all
        return arrays

    def _of_tokens(self, dense: BoolMatrix) -> BoolMatrix:
        """What is said of spans [receivers, copies, spans] for each token.

        Returns:
            Bool [receivers, copies · batch, positions].
        """
        if dense.shape[2] == 1 or self.span_indices is None:
            return dense
        of_tokens = dense[:, :, self.span_indices]
        return of_tokens.reshape(len(dense), -1, of_tokens.shape[-1])


def present_spans(span_indices: NDArray[np.intp]) -> list[int]:
    """The spans that some tokens are in, by their indices; −1 stands for none."""
    return [int(span) for span in np.unique(span_indices) if span >= 0]
