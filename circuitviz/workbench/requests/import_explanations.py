"""Files of explanations may be large, so the worker reads them into the person's store."""

from __future__ import annotations

from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from circuitviz.features import explanations
from circuitviz.progress import Progress, ProgressSteps
from circuitviz.workbench.requests.priority import Priority
from circuitviz.workbench.requests.query import Query

if TYPE_CHECKING:
    from circuitviz.workbench.engine import Engine


@dataclass(frozen=True)
class ImportExplanations(Query):
    """``site_kind`` (``a`` or ``m``): what a file is about that gives layers alone."""

    title = "Could not import the explanations"
    activity = "Reading explanations"
    priority = Priority.MEASURE_CURVE
    needs_task = False

    path: Path
    site_kind: str | None
    store_path: Path

    def compute_steps(self, engine: Engine) -> ProgressSteps[tuple[int, int, str]]:
        """How many explanations the file holds, how many of them are new, and which were skipped."""
        yield Progress(0, 1, self.path.name)
        found = explanations.read_explanations(self.path, self.site_kind)
        with closing(explanations.ExplanationStore(self.store_path)) as store:
            new = store.add_imported(engine.model.name, found.explanations)
            return len(found.explanations), new, found.skipped_text
