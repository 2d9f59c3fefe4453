"""The logit lens over a prompt, of the residual stream or of one node."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from circuitviz.jobs.look import Look
from circuitviz.progress import Steps

if TYPE_CHECKING:
    from circuitviz.jobs.engine import Engine
    from circuitviz.lens import LensGrid


@dataclass(frozen=True)
class LensSeen:
    """A lens, and which of the answers' texts are correct."""

    grid: LensGrid
    correct: frozenset[str]


@dataclass(frozen=True)
class LensOf(Look):
    """``node`` is empty for the residual stream."""

    title = "Reading the logit lens"
    rank = 21

    node: str
    prompt: int

    def see(self, engine: Engine) -> Steps[LensSeen]:
        """One step: a forward pass, then every layer unembedded."""
        from circuitviz.lens import lens_grid

        yield from ()  # too short for a sign of progress
        grid = lens_grid(engine.model, engine.task, self.node, self.prompt)
        right = engine.task.correct[self.prompt]
        return LensSeen(grid, frozenset(engine.model.tokens.strings(right[right >= 0].tolist())))
