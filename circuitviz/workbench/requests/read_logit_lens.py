"""The logit lens over a prompt, of the residual stream or of one node."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from circuitviz import lens
from circuitviz.plots import TableRows
from circuitviz.progress import ProgressSteps
from circuitviz.workbench.requests.priority import Priority
from circuitviz.workbench.requests.query import Query

if TYPE_CHECKING:
    from circuitviz.workbench.engine import Engine

LENS_COLUMNS = (
    "row",
    "position",
    "token",
    "rank",
    "predicted",
    "logit",
    "probability",
    "answer_rank",
    "apart",
)


@dataclass(frozen=True)
class LogitLensReading:
    """A lens as the window shows and exports it."""

    grid: lens.LensGrid

    def table(self) -> TableRows:
        """A row for each of a cell's first tokens."""
        grid, rows = self.grid, [list[Any](LENS_COLUMNS)]
        for name, cells in zip(grid.rows, grid.cells, strict=True):
            for position, cell in enumerate(cells):
                place = [name, position, grid.tokens[position]]
                rows += [
                    [*place, t.rank + 1, t.token, t.logit, t.probability, cell.rank + 1, cell.logit_diff]
                    for t in cell.top
                ]
        return rows


@dataclass(frozen=True)
class ReadLogitLens(Query):
    """``node`` is empty for the residual stream."""

    title = "Could not read the logit lens"
    activity = "Reading the logit lens"
    priority = Priority.READING
    may_preempt_search = True

    node: str
    prompt: int

    def compute_steps(self, engine: Engine) -> ProgressSteps[LogitLensReading]:
        """One step: a forward pass, then every layer unembedded."""
        yield from ()  # too short for a sign of progress
        return LogitLensReading(lens.read_lens_grid(engine.model, engine.task, self.node, self.prompt))
