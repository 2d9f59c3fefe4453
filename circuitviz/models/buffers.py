"""Sums of every layer take turns in one piece of memory: fresh pages cost more than the sums do."""

from __future__ import annotations

import math

import torch
from torch import Tensor


class BufferPool:
    """Memory by name, grown when more is asked for and never given back while this object lives.

    Whoever takes a room twice has lost what stood in it: it is for what is read before the next turn.
    """

    def __init__(self) -> None:
        self._buffers: dict[str, Tensor] = {}

    def buffer(self, name: str, like: Tensor, *sizes: int) -> Tensor:
        """A tensor [sizes] of ``like``'s kind and device; what it holds is arbitrary."""
        wanted, held = math.prod(sizes), self._buffers.get(name)
        fits = held is not None and held.dtype == like.dtype and held.device == like.device
        if held is None or not fits or held.numel() < wanted:
            self._buffers.pop(name, None)  # first give the smaller one back
            held = self._buffers[name] = torch.empty(wanted, dtype=like.dtype, device=like.device)
        return held[:wanted].view(sizes)
