"""What the model makes of the rows that are written: asked for in the order of need, and kept."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QObject, Signal

from circuitviz.tasks.prompt_sets import PromptRow
from circuitviz.workbench.prompt_inspection import RowInspection
from circuitviz.workbench.requests.inspect_prompts import InspectPrompts, PromptsInspected, PromptsModel
from circuitviz.workspace.latest_job import LatestJob
from circuitviz.workspace.workspace import Workspace

MAX_PAST_ROWS = 10_000  # that were read and are no longer in the table
MAX_MEASURED_ROWS = 100  # beside the row in front; of further ones the tokens alone are read


class RowInspector(QObject):
    """Asks for inspections. Signals: ``inspected(bool)``: there are more, and whether the model is open.

    Attributes:
        inspections: What is known, by row without its spans.
        model: The model that it is known of.
    """

    inspected = Signal(bool)

    def __init__(self, workspace: Workspace, parent: QObject) -> None:
        super().__init__(parent)
        self.inspections: dict[PromptRow, RowInspection] = {}
        self.model: PromptsModel | None = None
        self._job = LatestJob(workspace, self, follows_tab=False)
        self._job.received.connect(self._on_inspected)

    @property
    def is_running(self) -> bool:
        """Whether rows are being read."""
        return self._job.is_running

    def find(self, row: PromptRow) -> RowInspection | None:
        """What is known of a row, whatever spans it has."""
        return self.inspections.get(row.without_spans)

    def set_model(self, model: PromptsModel) -> bool:
        """Forget what another model made of the rows; returns whether it was another one."""
        if model == self.model:
            return False
        self.inspections, self.model = {}, model
        return True

    def request(
        self, model: PromptsModel, front: PromptRow | None, rows: Sequence[PromptRow], is_open: bool
    ) -> None:
        """Ask for what is not known yet of rows.

        Args:
            model: The model.
            front: The row in front, which comes first.
            rows: All rows that are not empty, without their spans.
            is_open: Whether the model is known to be open; where not, that is asked for in any case.
        """
        if not self.set_model(model) and len(self.inspections) > len(rows) + MAX_PAST_ROWS:
            self.inspections = {row: self.inspections[row] for row in rows if row in self.inspections}
        known = self.inspections
        asked = dict.fromkeys(
            ([] if front is None else [front.without_spans]) + list(rows[:MAX_MEASURED_ROWS])
        )
        measured = [row for row in asked if (one := known.get(row)) is None or one.on_clean is None]
        others = [row for row in rows if row not in asked and row not in known]
        if measured or others or not is_open:
            self._job.submit(InspectPrompts(model, (*measured, *dict.fromkeys(others)), len(measured)))

    def _on_inspected(self, reply: PromptsInspected) -> None:
        if reply.model != self.model:
            return
        measured = {row: one for row, one in self.inspections.items() if one.on_clean is not None}
        self.inspections |= reply.inspections  # of many rows it must not take long
        self.inspections |= measured
        self.inspected.emit(reply.is_model_open)
