"""The logit lens over a prompt, of the residual stream or of one node."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from circuitviz.jobs.look import Look, Table
from circuitviz.progress import Steps

if TYPE_CHECKING:
    from circuitviz.jobs.engine import Engine
    from circuitviz.lens import LensGrid

HEADER = ("row", "position", "token", "rank", "predicted", "logit", "probability", "answer_rank", "apart")


@dataclass(frozen=True)
class LensSeen:
    """A lens, and which of the answers' texts are correct."""

    grid: LensGrid
    correct: frozenset[str]

    def table(self) -> Table:
        """A row for each of a cell's first tokens."""
        grid, rows = self.grid, [list[Any](HEADER)]
        for name, cells in zip(grid.rows, grid.cells, strict=True):
            for position, cell in enumerate(cells):
                place = [name, position, grid.tokens[position]]
                rows += [
                    [*place, t.rank + 1, t.token, t.logit, t.probability, cell.rank + 1, cell.apart]
                    for t in cell.top
                ]
        return rows


@dataclass(frozen=True)
class LensOf(Look):
    """``node`` is empty for the residual stream."""

    title = "Reading the logit lens"
    rank = 21
    glance = True

    node: str
    prompt: int

    def see(self, engine: Engine) -> Steps[LensSeen]:
        """One step: a forward pass, then every layer unembedded."""
        from circuitviz.lens import lens_grid

        yield from ()  # too short for a sign of progress
        grid = lens_grid(engine.model, engine.task, self.node, self.prompt)
        right = engine.task.correct[self.prompt]
        return LensSeen(grid, frozenset(engine.model.tokens.strings(right[right >= 0].tolist())))
