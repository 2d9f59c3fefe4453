"""The backward rules of RelP and GIM as autograd functions on plain modules, by the papers alone."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn


class Normalise(torch.autograd.Function):
    """A normalisation whose backward pass takes its scale as a constant."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, module: nn.Module) -> Tensor:
        y, bias = module(x), module(torch.zeros_like(x))
        is_centred = torch.allclose(module(x + 1), y, atol=1e-4)
        centred = x - x.mean(-1, keepdim=True) if is_centred else x
        ctx.is_centred = is_centred
        # 0 / 0 where BitNet's activation is 0, whose slope is 0 there, too
        ctx.save_for_backward(((y - bias) / centred).nan_to_num(0))
        return y

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None]:
        (gain,) = ctx.saved_tensors
        inner = gradient * gain
        return (inner - inner.mean(-1, keepdim=True) if ctx.is_centred else inner), None


class Activate(torch.autograd.Function):
    """f(x) as x times a constant."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, function: nn.Module) -> Tensor:
        y = function(x)
        ctx.save_for_backward(y / x)
        return y

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None]:
        return gradient * ctx.saved_tensors[0], None


class Gate(torch.autograd.Function):
    """A product whose factors get half the gradient each."""

    @staticmethod
    def forward(ctx: Any, a: Tensor, b: Tensor) -> Tensor:
        ctx.save_for_backward(a, b)
        return a * b

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, Tensor]:
        a, b = ctx.saved_tensors
        return gradient * b / 2, gradient * a / 2


class Softmax(torch.autograd.Function):
    """GIM's softmax: the backward pass is that of half the scores."""

    @staticmethod
    def forward(ctx: Any, scores: Tensor) -> Tensor:
        ctx.save_for_backward((scores / 2).softmax(-1))
        return scores.softmax(-1)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Tensor:
        (p,) = ctx.saved_tensors
        return p * gradient - p * (p * gradient).sum(-1, keepdim=True)


class Multiply(torch.autograd.Function):
    """A matrix product whose factors get half the gradient each."""

    @staticmethod
    def forward(ctx: Any, a: Tensor, b: Tensor) -> Tensor:
        ctx.save_for_backward(a, b)
        return a @ b

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, Tensor]:
        a, b = ctx.saved_tensors
        return gradient @ b.transpose(-1, -2) / 2, a.transpose(-1, -2) @ gradient / 2


class Wrapped(nn.Module):
    """A module that is run by an autograd function."""

    def __init__(self, rule: Any, module: nn.Module) -> None:
        super().__init__()
        self.rule, self.weight, self.bias = (
            rule,
            getattr(module, "weight", None),
            getattr(module, "bias", None),
        )
        self.inner = [module]  # not a submodule: it is wrapped once

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.rule.apply(x, self.inner[0])
        return out
