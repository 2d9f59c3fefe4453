"""Where all heads of a layer look, on a prompt and on its corrupted partner."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from circuitviz.jobs.look import Look
from circuitviz.progress import Steps

if TYPE_CHECKING:
    from circuitviz.jobs.engine import Engine
    from circuitviz.lens import LayerAttention


@dataclass(frozen=True)
class AttentionOf(Look):
    """All heads at once, so that going from one to its neighbour needs no waiting."""

    title = "Reading attention"
    rank = 21

    layer: int
    prompt: int

    def see(self, engine: Engine) -> Steps[LayerAttention]:
        """One step: two forward passes."""
        from circuitviz.lens import layer_attention

        yield from ()  # too short for a sign of progress
        return layer_attention(engine.model, engine.task, self.layer, self.prompt)
