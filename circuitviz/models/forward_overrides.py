"""A pass may do otherwise than the model at chosen places, and skip what it replaces.

A hook changes a tensor after it was computed. Where a receiver's input is patched, the model's own
projection of the unpatched stream would be thrown away: here the module itself is stood in for.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

if TYPE_CHECKING:
    from circuitviz.models.model import Hook, Model

OriginalForward = Callable[[Tensor], Tensor]
ReplacementForward = Callable[[OriginalForward, Tensor], Tensor]
"""(the module's own computation, its input) → its output."""


@dataclass(eq=False)
class ForwardOverrides:
    """What a pass does otherwise.

    projections: by (layer, ``q``, ``k`` or ``v``), from the normalised stream [batch, time, d] to
    [batch, time, heads · d_head]; mlps: by layer, from the normalised stream to [batch, time, d],
    before a post-normalisation; hooks: by hook point; ending: is shown the last residual stream
    [batch, time, d]; final: what is read of it at the answer position [batch, d].
    """

    projections: dict[tuple[int, str], ReplacementForward] = field(default_factory=dict)
    mlps: dict[int, ReplacementForward] = field(default_factory=dict)
    hooks: dict[str, Hook] = field(default_factory=dict)
    on_final_residual: Callable[[Tensor], None] | None = None
    final_residual: Callable[[Tensor], Tensor] | None = None

    @contextmanager
    def applied_to(self, model: Model) -> Iterator[None]:
        """Let the model's passes be edited within a ``with``."""
        with ExitStack() as stack:
            for (layer, channel), stand_in in self.projections.items():
                linear = getattr(model.bridge.blocks[layer].attn, channel).original_component
                stack.enter_context(_replaced_forward(linear, stand_in))
            for layer, stand_in in self.mlps.items():
                mlp = model.bridge.blocks[layer].mlp.original_component
                routed = model.layers[layer].has_router
                whole = partial(_with_router_scores, stand_in) if routed else stand_in
                stack.enter_context(_replaced_forward(mlp, whole))
            stack.enter_context(model.hooks(self.hooks))
            yield


def mlp_output(module: Any, x: Tensor) -> Tensor:
    """What a Hugging Face MLP writes, in the shape of what it reads [batch, time, d].

    Some mixtures of experts give (output, router scores), and the output of Llama 4's is
    [batch · time, d].
    """
    out = module(x)
    return (out[0] if isinstance(out, tuple) else out).view(x.shape)


def returns_router_scores(module: Any, width: int) -> bool:
    """Whether an MLP's output is a tuple (gpt-oss, Llama 4), found out on one zero vector."""
    like = next(module.parameters())
    with torch.no_grad():
        return isinstance(module(like.new_zeros(1, 1, width)), tuple)


def _with_router_scores(
    replacement: ReplacementForward, original: Callable[[Tensor], Any], x: Tensor
) -> tuple[Tensor, None]:
    """A stand-in for an MLP that gives (output, router scores); nobody reads the scores."""
    return replacement(partial(mlp_output, original), x), None


@contextmanager
def _replaced_forward(module: Any, replacement: Callable[[OriginalForward, Tensor], Any]) -> Iterator[None]:
    """An attribute of the instance hides the method of its class, until it is deleted."""
    module.forward = partial(replacement, module.forward)
    try:
        yield
    finally:
        del module.forward
