"""What senders write minus their ablation values, in the order of positions or of spans.

Where tokens of a batch are in the order of their spans, a sum over a span's positions is a product of parts.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import torch
from torch import Tensor

from circuitviz.graph.spans import PromptSpans
from circuitviz.models import Activations, Model, compute_sender_deltas
from circuitviz.models.buffers import BufferPool
from circuitviz.tasks import Task


@dataclass(frozen=True, eq=False)
class SpanTokens:
    """Which tokens of a batch are in which span.

    Attributes:
        order: Numbers of the tokens of [batch, time − first position], those of the first span first; padding
            is left out.
        parts: Where each span's tokens are in that order.
    """

    order: Tensor
    parts: list[slice]

    @staticmethod
    def of_batch(batch: Task, spans: PromptSpans, first_position: int) -> SpanTokens:
        """The tokens of a batch from a position on."""
        indices = batch.span_indices(spans)[:, first_position:].reshape(-1)
        order = np.argsort(indices, kind="stable")[np.count_nonzero(indices < 0) :]
        ends = np.searchsorted(indices[order], np.arange(len(spans) + 1)).tolist()
        parts = [slice(first, end) for first, end in pairwise(ends)]
        return SpanTokens(torch.from_numpy(order).to(batch.clean.device), parts)

    def arrange(self, values: Tensor) -> Tensor:
        """Values [batch, time − first position, ...] as [1, tokens, ...], in the order of spans."""
        return values.flatten(0, 1).index_select(0, self.order)[None]

    def arrange_outputs(self, outputs: Activations, shape: torch.Size) -> Activations:
        """Outputs of senders in the order of spans; what all tokens share stays shared.

        Args:
            outputs: The outputs.
            shape: Sizes of the batch and of time.
        """

        def arrange(x: Tensor) -> Tensor:
            is_shared = x.shape[:2].numel() == 1
            return x if is_shared else self.arrange(x.expand(*shape, *x.shape[2:]))

        return Activations(
            arrange(outputs.embed), [arrange(z) for z in outputs.z], [arrange(m) for m in outputs.mlp]
        )


@dataclass(frozen=True, eq=False)
class ActivationDeltas:
    """What senders write minus their ablation values, from the first position that differs on.

    Before ``first_changed_position`` every delta is zero, so nothing there can score: with interchange
    ablation that is all up to the first corrupted token.

    Attributes:
        first_changed_position: Position from which deltas are kept.
        values: [senders, batch, time − first_changed_position, d_model]; [senders, 1, tokens, d_model] where
            tokens are in the order of their spans.
        span_tokens: The order of tokens by span.
    """

    first_changed_position: int
    values: Tensor
    span_tokens: SpanTokens | None = None

    @staticmethod
    def from_activations(
        model: Model,
        clean: Activations,
        ablated: Activations,
        buffers: BufferPool,
        span_tokens: SpanTokens | None = None,
    ) -> ActivationDeltas:
        """Clean outputs minus ablation values, in memory that ``buffers`` reuses from call to call."""
        first_position = ablated.first_changed_position
        later, replaced = clean.from_position(first_position), ablated.from_position(first_position)
        if span_tokens is not None:
            sizes = later.embed.shape[:2]
            later, replaced = (span_tokens.arrange_outputs(outputs, sizes) for outputs in (later, replaced))
        buffer = buffers.buffer("deltas", later.embed, len(model.graph.senders), *later.embed.shape)
        deltas = compute_sender_deltas(model, later, replaced, buffer)
        return ActivationDeltas(first_position, deltas, span_tokens)
