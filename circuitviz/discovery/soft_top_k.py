"""A soft top-k: σ((s − t)/T) with t such that the mask sums to k, and its implicit gradient."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

BISECTIONS = 60  # halve the bracket to less than the precision of float64
BRACKET_TEMPERATURES = 40.0  # beyond the extreme scores, where σ is 0 or 1 to float64's precision


class _SoftTopK(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, scores: Tensor, k: float, temperature: float) -> Tensor:
        s = scores.double()
        low = s.min() - BRACKET_TEMPERATURES * temperature
        high = s.max() + BRACKET_TEMPERATURES * temperature
        for _ in range(BISECTIONS):
            middle = (low + high) / 2
            is_too_large = torch.sigmoid((s - middle) / temperature).sum() > k
            low, high = torch.where(is_too_large, middle, low), torch.where(is_too_large, high, middle)
        mask = torch.sigmoid((s - (low + high) / 2) / temperature)
        ctx.save_for_backward(mask)
        ctx.temperature = temperature
        return mask.to(scores)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None, None]:
        """As Σ mask = k, dt = Σ w ds / Σ w with w the slope of σ: the gradient is w · (g − Σ w g / Σ w)."""
        (mask,) = ctx.saved_tensors
        slope = mask * (1 - mask) / ctx.temperature
        g = gradient.double()
        mean = (slope * g).sum() / slope.sum().clamp_min(torch.finfo(slope.dtype).tiny)
        return (slope * (g - mean)).to(gradient), None, None


def soft_top_k(scores: Tensor, k: float, temperature: float) -> Tensor:
    """A mask between 0 and 1 that sums to k and is larger where scores are; differentiable.

    Args:
        scores: [n].
        k: More than 0 and less than n; at n all are 1.
        temperature: At 0, the mask would be 1 for the k largest scores and 0 elsewhere.

    Returns:
        [n], of the scores' dtype.

    Source: [arora2026matryoshka].
    """
    mask: Tensor = _SoftTopK.apply(scores, k, temperature)
    return mask
