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

from torch import Tensor

if TYPE_CHECKING:
    from circuitviz.models.model import Hook, Model

Original = Callable[[Tensor], Tensor]
StandIn = Callable[[Original, Tensor], Tensor]
"""(the module's own computation, its input) → its output."""


@dataclass(eq=False)
class Edits:
    """What a pass does otherwise.

    projections: by (layer, ``q``, ``k`` or ``v``), from the normalised stream [batch, time, d] to
    [batch, time, heads · d_head]; mlps: by layer, from the normalised stream to [batch, time, d],
    before a post-normalisation; hooks: by hook point; ending: is shown the last residual stream
    [batch, time, d]; final: what is read of it at the answer position [batch, d].
    """

    projections: dict[tuple[int, str], StandIn] = field(default_factory=dict)
    mlps: dict[int, StandIn] = field(default_factory=dict)
    hooks: dict[str, Hook] = field(default_factory=dict)
    ending: Callable[[Tensor], None] | None = None
    final: Callable[[Tensor], Tensor] | None = None

    @contextmanager
    def on(self, model: Model) -> Iterator[None]:
        """Let the model's passes be edited within a ``with``."""
        with ExitStack() as stack:
            for (layer, channel), stand_in in self.projections.items():
                linear = getattr(model.bridge.blocks[layer].attn, channel).original_component
                stack.enter_context(_stood_in(linear, stand_in))
            for layer, stand_in in self.mlps.items():
                mlp = model.bridge.blocks[layer].mlp.original_component
                stack.enter_context(_stood_in(mlp, stand_in))
            stack.enter_context(model.hooks(self.hooks))
            yield


@contextmanager
def _stood_in(module: Any, stand_in: StandIn) -> Iterator[None]:
    """An attribute of the instance hides the method of its class, until it is deleted."""
    module.forward = partial(stand_in, module.forward)
    try:
        yield
    finally:
        del module.forward
