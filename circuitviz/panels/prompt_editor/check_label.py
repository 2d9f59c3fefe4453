"""Whether the model does the task of own prompts, in the line below them."""

from __future__ import annotations

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QLabel

from circuitviz.graph import TaskCheck
from circuitviz.number_text import decimal_number, interval_text
from circuitviz.tasks.prompt_sets import PromptRow
from circuitviz.workbench.requests.inspect_prompts import CheckPrompts, PromptsChecked, PromptsModel
from circuitviz.workspace.latest_job import LatestJob
from circuitviz.workspace.workspace import Workspace


class CheckLabel(QLabel):
    """Asks for a check and shows it, until the prompts change.

    Signals: ``changed()``: a check runs, or has ended.
    """

    changed = Signal()

    def __init__(self, workspace: Workspace) -> None:
        super().__init__("", wordWrap=True)
        self.setAccessibleName("Result of the check")
        self._workspace = workspace
        self._job = LatestJob(workspace, self, follows_tab=False)
        self._is_current = False
        self._job.received.connect(self._on_checked)
        self._job.running_changed.connect(lambda _is_running: self.changed.emit())
        self.hide()

    @property
    def is_running(self) -> bool:
        """Whether a check was asked for and has not ended."""
        return self._job.is_running

    def check(self, model: PromptsModel, name: str, rows: tuple[PromptRow, ...]) -> None:
        """Check rows as a task of a name."""
        self._is_current = True
        self._job.submit(CheckPrompts(model, name, rows))

    def forget(self) -> None:
        """The prompts or the model are others now."""
        self._is_current = False
        self.hide()

    def _on_checked(self, reply: object) -> None:
        if not isinstance(reply, PromptsChecked) or not self._is_current:
            return
        check = reply.check
        number = f"{reply.n_left_out:,} pair{'s' if reply.n_left_out != 1 else ''}"
        left_out = f" {number} cannot be used." if reply.n_left_out else ""
        self.setObjectName("warning" if check.warning else "")
        self.style().polish(self)
        self.setText(f"{check.warning or describe_check(check)}{left_out}")
        self.setToolTip(check.summary)
        self.show()
        self._workspace.post_message(check.summary)


def describe_check(check: TaskCheck) -> str:
    """Accuracy against chance and the metric on both prompts, as short as a line of the panel is."""
    accuracy, clean, corrupted = (i.value or 0.0 for i in (check.accuracy, check.clean, check.corrupted))
    low, high = check.accuracy.low, check.accuracy.high
    interval = "" if low is None or high is None else f" {interval_text(low, high, 2)}"
    values = f"{decimal_number(clean, 2)} → {decimal_number(corrupted, 2)}"
    prompts = f"{check.prompts:,} prompt{'s' if check.prompts != 1 else ''}"
    shares = f"{decimal_number(accuracy, 2)}{interval}, chance {decimal_number(check.chance, 2)}"
    return f"Accuracy {shares} · {check.metric} {values} · {prompts}."
