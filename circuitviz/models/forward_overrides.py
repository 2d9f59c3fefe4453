"""Changes to a forward pass: hooks, and replacements of modules whose own computation would be wasted.

A hook changes a tensor after it was computed. Where a receiver's input is patched, the projection of the
unpatched stream would be thrown away, so the module's ``forward`` itself is replaced.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from torch import Tensor

Hook = Callable[[Tensor], Tensor | None]
"""A function at a hook point; what it returns, if anything, replaces the tensor."""
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


@contextmanager
def replaced_forward(module: Any, replacement: Callable[[OriginalForward, Tensor], Any]) -> Iterator[None]:
    """Replace a module's ``forward``: an attribute of the instance hides the method until it is deleted."""
    module.forward = partial(replacement, module.forward)
    try:
        yield
    finally:
        del module.forward
