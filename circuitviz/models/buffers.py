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
        wanted, held = math.prod(sizes), self._buffers.get(name)
        fits = held is not None and held.dtype == like.dtype and held.device == like.device
        if held is None or not fits or held.numel() < wanted:
            self._buffers.pop(name, None)  # first give the smaller one back
            held = self._buffers[name] = torch.empty(wanted, dtype=like.dtype, device=like.device)
        return held[:wanted].view(sizes)
