"""Weighted sums of senders' deltas, differentiable in weights and deltas, in memory that a whole pass shares.

Autograd by itself would keep a tensor of all earlier deltas for each layer. Here the deltas of all senders
are in one tensor and their gradients in another. The order of computation is kept by a *token*, a scalar that
each step takes and passes on: what a backward pass reads of the gradients is complete, because all sums that
read a sender come after it in the forward pass, and so before it in the backward pass.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from circuitviz.models.buffers import BufferPool
from circuitviz.models.norms import Norm


class DeltaStore:
    """Deltas of all senders and their gradients, [senders, n, d_model], with n = batch · positions.

    Args:
        n_senders: Number of senders.
        like: A tensor [n, d_model] of the wanted size, device and dtype.
        buffers: Memory that successive passes share.
    """

    def __init__(self, n_senders: int, like: Tensor, buffers: BufferPool) -> None:
        sizes = (n_senders, *like.shape)
        self.values = buffers.buffer("weighted deltas", like, *sizes)
        self.gradients = buffers.buffer("weighted gradients", like, *sizes)
        self.gradients.zero_()


@dataclass(frozen=True, eq=False)
class HeadMaps:
    """Linear maps of one channel's heads.

    Attributes:
        folded: Maps after ``Norm.fold``, [head, d_model, d_head].
        bias: What is added, [head, d_head].
    """

    folded: Tensor
    bias: Tensor


class WriteHeads(torch.autograd.Function):
    """(token, head outputs [head, n, d_head]) → token; their products with W_O become rows of the store."""

    @staticmethod
    def forward(ctx: Any, token: Tensor, z: Tensor, o: Tensor, store: DeltaStore, rows: slice) -> Tensor:
        """Write the products.

        Args:
            ctx: Autograd's context.
            token: The token.
            z: Head outputs minus their ablation values.
            o: Output weights [head, d_head, d_model].
            store: Where they are written.
            rows: The heads' rows.
        """
        torch.bmm(z, o, out=store.values[rows])
        ctx.o, ctx.store, ctx.rows = o, store, rows
        return token.clone()

    @staticmethod
    def backward(ctx: Any, token: Tensor) -> tuple[Tensor, Tensor, None, None, None]:
        """Gradients at the head outputs."""
        return token, torch.bmm(ctx.store.gradients[ctx.rows], ctx.o.transpose(1, 2)), None, None, None


class WriteDelta(torch.autograd.Function):
    """(token, delta [n, d_model]) → token; the delta becomes a row of the store."""

    @staticmethod
    def forward(ctx: Any, token: Tensor, delta: Tensor, store: DeltaStore, row: int) -> Tensor:
        """Write the delta."""
        store.values[row] = delta
        ctx.store, ctx.row = store, row
        return token.clone()

    @staticmethod
    def backward(ctx: Any, token: Tensor) -> tuple[Tensor, Tensor, None, None]:
        """The gradient at the delta."""
        return token, ctx.store.gradients[ctx.row].clone(), None, None


class ReadHeads(torch.autograd.Function):
    """(token, weights [senders, receivers]) → projections [receivers, n, d_head], each of its own sum."""

    @staticmethod
    def forward(
        ctx: Any, _token: Tensor, weights: Tensor, base: Tensor, store: DeltaStore, norm: Norm,
        maps: Sequence[HeadMaps],
    ) -> Tensor:  # fmt: skip
        """Sum, normalise and project.

        Args:
            ctx: Autograd's context.
            _token: The token.
            weights: Of the senders so far, the first rows of the store.
            base: What is read where all weights are 0 [n, d_model].
            store: Deltas of the senders.
            norm: The normalisation of the sums.
            maps: Maps of the channels, whose heads are the receivers in order.
        """
        n_senders, n_receivers = weights.shape
        flat = store.values[:n_senders].view(n_senders, -1)
        sums = torch.addmm(base.view(1, -1), weights.T, flat).view(n_receivers, *base.shape)
        parts, first = [], 0
        for of_channel in maps:
            heads = slice(first, first + len(of_channel.folded))
            parts.append(norm.project(sums[heads], of_channel.folded, of_channel.bias))
            first = heads.stop
        projected = torch.cat(parts)
        ctx.save_for_backward(weights, sums, projected)
        ctx.store, ctx.norm, ctx.maps = store, norm, maps
        return projected

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, Tensor, None, None, None, None]:
        """Gradients at the weights; those at the deltas are added to the store's."""
        weights, sums, projected = ctx.saved_tensors
        at_sums, first = torch.empty_like(sums), 0
        for of_channel in ctx.maps:
            heads = slice(first, first + len(of_channel.folded))
            of_heads = projected[heads], gradient[heads], at_sums[heads]
            ctx.norm.project_vjp(sums[heads], of_channel.folded, of_channel.bias, *of_heads)
            first = heads.stop
        at_weights = _add_gradients(ctx.store, weights, at_sums.view(len(sums), -1))
        return gradient.new_zeros(()), at_weights, None, None, None, None


class ReadSum(torch.autograd.Function):
    """(token, weights [senders]) → base + the weighted sum, at all or at chosen places, [n, d_model]."""

    @staticmethod
    def forward(
        ctx: Any, _token: Tensor, weights: Tensor, base: Tensor, store: DeltaStore, places: Tensor | None
    ) -> Tensor:
        """Sum.

        Args:
            ctx: Autograd's context.
            _token: The token.
            weights: Of the senders so far, the first rows of the store.
            base: What is read where all weights are 0.
            store: Deltas of the senders.
            places: Which of the store's n are wanted, in ascending order; None for all.
        """
        n_senders = len(weights)
        values = store.values[:n_senders]
        if places is not None:
            values = values.index_select(1, places)
        # the store itself changes while the pass goes on, in rows that this sum does not read
        ctx.save_for_backward(weights, *(() if places is None else (values,)))
        ctx.store, ctx.places = store, places
        return torch.addmv(base.reshape(-1), values.view(n_senders, -1).T, weights).view(base.shape)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, Tensor, None, None, None]:
        """Gradients at the weights; those at the deltas are added to the store's."""
        weights, *chosen = ctx.saved_tensors
        flat = gradient.reshape(1, -1)
        if ctx.places is None:
            at_weights = _add_gradients(ctx.store, weights[:, None], flat)[:, 0]
        else:
            at_weights = chosen[0].view(len(weights), -1) @ flat[0]
            of_senders = ctx.store.gradients[: len(weights)]
            of_senders.index_add_(1, ctx.places, weights[:, None, None] * gradient[None])
        return gradient.new_zeros(()), at_weights, None, None, None


def _add_gradients(store: DeltaStore, weights: Tensor, at_sums: Tensor) -> Tensor:
    """Add weights [senders, receivers] · gradients at sums [receivers, n · d_model]; returned: at weights."""
    n_senders = len(weights)
    store.gradients[:n_senders].view(n_senders, -1).addmm_(weights, at_sums)
    return store.values[:n_senders].view(n_senders, -1) @ at_sums.T
