"""Changes to a forward pass: hooks, and replacements of modules whose own computation would be wasted.

A hook changes a tensor after it was computed. Where a receiver's input is patched, the projection of the
unpatched stream would be thrown away, so the module's ``forward`` itself is replaced.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import torch
from torch import Tensor

from circuitviz.errors import InputError

Hook = Callable[[Tensor], Tensor | None]
"""A function at a hook point; what it returns, if anything, replaces the tensor."""


class OwnDeviceHook:
    """A function at a hook point that is given the very tensor of the pass, on its layer's own device.

    Other functions see a copy on the main device where a layer computes elsewhere. A gradient at that copy
    misses what reads the tensor beside the hook point, such as the skip connection past an MLP.

    Args:
        function: The function, which returns nothing.
    """

    def __init__(self, function: Callable[[Tensor], None]) -> None:
        self._function = function

    def __call__(self, tensor: Tensor) -> None:
        """Call the function."""
        self._function(tensor)


OriginalForward = Callable[[Tensor], Tensor]
ReplacementForward = Callable[[OriginalForward, Tensor], Tensor]
"""(the module's own computation, its input) → its output."""


@dataclass(eq=False)
class ForwardOverrides:
    """What a pass does differently from the model.

    Attributes:
        projections: By (layer, ``q``, ``k`` or ``v``), a replacement that maps the normalised stream [batch,
            time, d_model] to [batch, time, heads · d_head].
        mlps: By layer, a replacement that maps the normalised stream to the MLP's output before a
            post-normalisation, [batch, time, d_model].
        hooks: Functions by hook point.
        on_final_residual: Called with the last residual stream [batch, time, d_model].
        final_residual: Maps what is read of it at the answer position [batch, d_model] to what is unembedded.
    """

    projections: dict[tuple[int, str], ReplacementForward] = field(default_factory=dict)
    mlps: dict[int, ReplacementForward] = field(default_factory=dict)
    hooks: dict[str, Hook] = field(default_factory=dict)
    on_final_residual: Callable[[Tensor], None] | None = None
    final_residual: Callable[[Tensor], Tensor] | None = None


def on_device(device: torch.device, replacement: ReplacementForward) -> ReplacementForward:
    """A replacement that is given its input on a device, wherever the module computes, and gives it there."""

    def run(original: OriginalForward, x: Tensor) -> Tensor:
        own = x.device
        if own == device:
            return replacement(original, x)
        return replacement(lambda y: original(y.to(own)).to(device), x.to(device)).to(own)

    return run


@contextmanager
def replaced_forward(module: Any, replacement: Callable[[OriginalForward, Tensor], Any]) -> Iterator[None]:
    """Replace a module's ``forward``: an attribute of the instance hides the method until it is deleted."""
    module.forward = partial(replacement, module.forward)
    try:
        yield
    finally:
        del module.forward


def merge_hooks(*parts: Mapping[str, Hook]) -> dict[str, Hook]:
    """Hooks of several parts; those at one point are called in turn, each with what is there by then."""
    merged: dict[str, Hook] = {}
    for part in parts:
        for name, hook in part.items():
            merged[name] = _chain_hooks(merged[name], hook) if name in merged else hook
    return merged


def _chain_hooks(first: Hook, second: Hook) -> Hook:
    def run_both(tensor: Tensor) -> Tensor | None:
        changed = first(tensor)
        changed_again = second(tensor if changed is None else changed)
        return changed if changed_again is None else changed_again

    return run_both


def read_only_hook(function: Hook, model_name: str) -> Hook:
    """A hook that may read attention patterns but not change them."""

    def read(pattern: Tensor) -> None:
        if function(pattern) is not None:
            raise InputError(
                f"The attention patterns of '{model_name}' can be read, but not set or held: this "
                "architecture computes its attention in one piece. GPT-2 and Llama, for example, let "
                "them be set."
            )

    return read


def bridge_hook(function: Hook, device: torch.device) -> Callable[..., Tensor | None]:
    """A hook of the bridge that hands a function the tensor on a device, wherever the layer is computed."""

    def run(tensor: Tensor, hook: Any) -> Tensor | None:  # noqa: ARG001 the bridge names it
        if tensor.device == device or isinstance(function, OwnDeviceHook):
            return function(tensor)
        moved = tensor.to(device)
        changed = function(moved)
        if changed is None and not moved.requires_grad:
            return None
        # what the function has seen is a part of the pass, so that gradients can be taken at it
        return (moved if changed is None else changed).to(tensor.device)

    return run
