"""Reused memory for large intermediate tensors: allocating fresh pages takes longer than the sums do."""

from __future__ import annotations

import math

import torch
from torch import Tensor


class BufferPool:
    """Memory by name, grown when more is asked for and kept while this object lives.

    Taking a buffer of the same name again overwrites it: a buffer has to be read before that.
    """

    def __init__(self) -> None:
        self._buffers: dict[str, Tensor] = {}

    def buffer(self, name: str, like: Tensor, *sizes: int) -> Tensor:
        """A tensor of arbitrary content.

        Args:
            name: Name of the buffer.
            like: A tensor of the wanted device and dtype.
            sizes: Its shape.
        """
        n_values, memory = math.prod(sizes), self._buffers.get(name)
        fits = memory is not None and memory.dtype == like.dtype and memory.device == like.device
        if memory is None or not fits or memory.numel() < n_values:
            self._buffers.pop(name, None)  # free the smaller one first
            memory = self._buffers[name] = torch.empty(n_values, dtype=like.dtype, device=like.device)
        return memory[:n_values].view(sizes)
