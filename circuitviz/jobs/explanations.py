"""Files of explanations may be large, so the worker reads them into the person's store."""

from __future__ import annotations

from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from circuitviz.jobs.look import Look
from circuitviz.progress import Progress, Steps

if TYPE_CHECKING:
    from circuitviz.jobs.engine import Engine


@dataclass(frozen=True)
class ImportExplanations(Look):
    """``part`` (``a`` or ``m``): what a file is about that gives layers alone."""

    title = "Reading explanations"
    rank = 30
    of_task = False

    path: Path
    part: str | None
    store: Path

    def see(self, engine: Engine) -> Steps[tuple[int, int, str]]:
        """How many explanations the file holds, how many of them are new, and which were skipped."""
        from circuitviz.features.explanations import Explanations, read_explanations

        yield Progress(0, 1, self.path.name)
        found = read_explanations(self.path, self.part)
        with closing(Explanations(self.store)) as store:
            new = store.add(engine.model.name, found.explanations)
            return len(found.explanations), new, found.left_out
