"""Rules that replace parts of the backward pass; the forward pass stays as it is.

RelP and GIM take EAP's formula with another backward pass. Their rules are placed where the ordinary pass
computes: a tensor keeps its value and gets another gradient.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode

from circuitviz.errors import InputError
from circuitviz.models import Model
from circuitviz.models.forward_overrides import Hook, OriginalForward, replaced_forward
from circuitviz.models.norms import Norm

PATTERN_TOLERANCE = 1e-4  # of attention patterns, in which softmax and pattern may differ


@dataclass(frozen=True)
class BackwardRules:
    """What the backward pass does differently. Scales of normalisations are constants in any case.

    Attributes:
        are_patterns_constant: Whether attention patterns are constants.
        softmax_temperature: Temperature at which the softmax of patterns is differentiated.
        query_key_factor: Factor of the gradients at queries and keys.
        value_factor: Factor of the gradient at values.
        gate_factor: Factor of the gradients at both factors of a gated MLP's product.
        are_slopes_constant: Whether an activation function is x · [f(x)/x] with the bracket held constant.
    """

    are_patterns_constant: bool = False
    softmax_temperature: float = 1.0
    query_key_factor: float = 1.0
    value_factor: float = 1.0
    gate_factor: float = 1.0
    are_slopes_constant: bool = False

    def check(self, model: Model, method: str) -> None:
        """InputError where a model has a part that the rules do not define."""
        for layer, weights in enumerate(model.layers):
            mlp = weights.mlp
            if mlp is not None and mlp.is_mixture:
                raise InputError(
                    f"'{method}' has no rule for mixtures of experts, and layer {layer} of '{model.name}' "
                    "is one; EAP and EAP-IG score it."
                )
            if mlp is not None and self.are_slopes_constant and not mlp.activations:
                raise InputError(
                    f"'{method}' needs the activation function of each MLP, and that of layer {layer} of "
                    f"'{model.name}' is no module of its own; EAP and EAP-IG score it."
                )
        _ = model.norms  # says it of a kind that is not known
        if unknown := [name for name, (_, norm) in model.inner_norms.items() if norm is None]:
            raise InputError(
                f"'{method}' takes the scales of all normalisations as constants, and '{model.name}' has "
                f"some that it does not know ({unknown[0]}); EAP and EAP-IG score it."
            )
        if self.softmax_temperature == 1.0:
            return
        if not model.can_set_patterns or not _are_patterns_softmax(model):
            raise InputError(
                f"'{method}' changes how the softmax of attention is differentiated, and '{model.name}' "
                "computes its attention in one piece, or with more than a softmax; EAP, EAP-IG and RelP "
                "score it."
            )

    def hooks(self, model: Model) -> dict[str, Hook]:
        """Hooks of a pass by hook point; each may be called in several passes."""
        hooks: dict[str, Hook] = {}
        for name, norm in model.norms.items():
            hooks |= _norm_hooks(name, norm)
        if self.softmax_temperature != 1.0:
            for layer in range(model.shape.n_layers):
                hooks |= _softmax_hooks(f"blocks.{layer}.attn", self.softmax_temperature)
        return hooks

    def after_projection(self, channel: str) -> Callable[[Tensor], Tensor] | None:
        """What becomes of queries, keys or values once they are computed."""
        if channel == "v":
            return None if self.value_factor == 1.0 else partial(scale_gradient, factor=self.value_factor)
        if self.are_patterns_constant:
            return torch.Tensor.detach
        return None if self.query_key_factor == 1.0 else partial(scale_gradient, factor=self.query_key_factor)

    @contextmanager
    def inside_layers(self, model: Model) -> Iterator[None]:
        """Hold the scales of normalisations inside attention and MLPs constant within a ``with`` block."""

        def normalise(norm: Norm, original: OriginalForward, x: Tensor) -> Tensor:
            return replace_gradient(original(x), norm.with_constant_scale(x))

        with ExitStack() as stack:
            for module, norm in model.inner_norms.values():
                assert norm is not None, "check refuses the model"
                stack.enter_context(replaced_forward(module, partial(normalise, norm)))
            yield

    @contextmanager
    def inside_mlp(self, activations: list[Any]) -> Iterator[None]:
        """Compute an MLP with these rules within a ``with`` block."""
        mode = _GateMode(self.gate_factor)

        def activate(original: OriginalForward, x: Tensor) -> Tensor:
            with mode.paused():
                return _with_constant_slope(original, x) if self.are_slopes_constant else original(x)

        with ExitStack() as stack:
            for module in activations:
                stack.enter_context(replaced_forward(module, activate))
            stack.enter_context(mode)
            yield


def replace_gradient(value: Tensor, surrogate: Tensor) -> Tensor:
    """A tensor with the value of the one and the gradient of the other."""
    return value.detach() + (surrogate - surrogate.detach())


def scale_gradient(value: Tensor, factor: float) -> Tensor:
    """A tensor whose gradient is multiplied by a factor."""
    return replace_gradient(value, value * factor)


def _norm_hooks(name: str, norm: Norm) -> dict[str, Hook]:
    kept: list[Tensor] = []

    def keep(stream: Tensor) -> None:
        kept[:] = [stream]

    def replace_output(output: Tensor) -> Tensor:
        return replace_gradient(output, norm.with_constant_scale(kept.pop()))

    return {f"{name}.hook_in": keep, f"{name}.hook_out": replace_output}


def _softmax_hooks(name: str, temperature: float) -> dict[str, Hook]:
    kept: list[Tensor] = []

    def keep(scores: Tensor) -> None:
        kept[:] = [scores]

    def replace_pattern(pattern: Tensor) -> Tensor:
        return _SoftmaxAtTemperature.apply(kept.pop(), pattern.detach(), temperature)

    return {f"{name}.hook_attn_scores": keep, f"{name}.hook_pattern": replace_pattern}


def _are_patterns_softmax(model: Model) -> bool:
    """Whether each pattern is the softmax of its scores alone, in one pass of two tokens."""
    scores, patterns = list[Tensor](), list[Tensor]()
    hooks: dict[str, Hook] = {}
    for layer in range(model.shape.n_layers):
        hooks[f"blocks.{layer}.attn.hook_attn_scores"] = scores.append
        hooks[f"blocks.{layer}.attn.hook_pattern"] = patterns.append
    tokens = torch.zeros(1, 2, dtype=torch.long, device=model.device)
    with torch.no_grad(), model.hooks(hooks):
        model.logits(tokens, tokens[:, 0])
    return len(scores) == len(patterns) and all(
        torch.allclose(one.softmax(-1), other, rtol=0, atol=PATTERN_TOLERANCE, equal_nan=True)
        for one, other in zip(scores, patterns, strict=True)
    )


class _SoftmaxAtTemperature(torch.autograd.Function):
    """A softmax whose backward pass is that of softmax(scores / temperature), without a further factor."""

    @staticmethod
    def forward(ctx: Any, scores: Tensor, pattern: Tensor, temperature: float) -> Tensor:
        """The pattern itself."""
        ctx.save_for_backward(scores)
        ctx.temperature = temperature
        return pattern.clone()

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None, None]:
        """The gradient p · (g − Σ p g) with p at the temperature."""
        (scores,) = ctx.saved_tensors
        p = (scores / ctx.temperature).softmax(-1)
        return p * (gradient - (p * gradient).sum(-1, keepdim=True)), None, None


def _with_constant_slope(function: OriginalForward, x: Tensor) -> Tensor:
    """f(x) as x · [f(x)/x] with the bracket held constant; its gradient is 0 where x is 0."""
    with torch.no_grad():
        value = function(x)
        slope = torch.where(x == 0, 0.0, value / x)
    return replace_gradient(value, x * slope)


class _GateMode(TorchFunctionMode):
    """Products of two tensors of one shape that both have gradients: the two factors of a gate."""

    def __init__(self, factor: float) -> None:
        super().__init__()
        self.factor, self._is_paused = factor, False

    @contextmanager
    def paused(self) -> Iterator[None]:
        """Leave products alone within a ``with`` block."""
        self._is_paused = True
        try:
            yield
        finally:
            self._is_paused = False

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        """Multiply the gradients of both factors."""
        result = func(*args, **(kwargs or {}))
        if self.factor == 1.0 or self._is_paused or func.__name__ not in ("mul", "__mul__", "multiply"):
            return result
        first, second = args[:2]
        is_gate = isinstance(second, Tensor) and first.shape == second.shape
        if is_gate and first.requires_grad and second.requires_grad:
            return scale_gradient(result, self.factor)
        return result
