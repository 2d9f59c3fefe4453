"""What a head writes and what it matches, on a prompt."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from circuitviz.jobs.look import Look
from circuitviz.progress import Steps

if TYPE_CHECKING:
    from circuitviz.jobs.engine import Engine
    from circuitviz.lens import HeadReading


@dataclass(frozen=True)
class HeadOf(Look):
    """OV and QK of one head."""

    title = "Reading OV and QK"
    rank = 21

    node: str
    prompt: int

    def see(self, engine: Engine) -> Steps[HeadReading]:
        """One step: a forward pass, and the head's scores with every embedding."""
        from circuitviz.lens import read_head

        yield from ()  # too short for a sign of progress
        return read_head(engine.model, engine.task, self.node, self.prompt, top=10)
