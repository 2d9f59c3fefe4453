"""What is wrong with a form, said beside its fields as soon as the wrong thing is chosen."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import Qt, QTimer
from PySide6.QtWidgets import QLabel

from circuitviz.workbench.requests.query import Query, QueryResult
from circuitviz.workspace.latest_job import LatestJob
from circuitviz.workspace.workspace import Workspace

CHECK_DELAY_MS = 400  # after the last change of the form


class FormCheck(QLabel):
    """A line that follows a form and the model that is open.

    Args:
        workspace: Runs the check, on the model that is open in it.
        find_check: What to ask of the worker, which refuses what cannot be; a text where a fault is known
            without the model; None where nothing can be said yet.
    """

    def __init__(self, workspace: Workspace, find_check: Callable[[], Query | str | None]) -> None:
        super().__init__(wordWrap=True)
        self.setAccessibleName("What is wrong with the form")
        self.setTextFormat(Qt.TextFormat.PlainText)
        self._find_check = find_check
        self._job = LatestJob(workspace, self)
        self._timer = QTimer(self, singleShot=True, interval=CHECK_DELAY_MS)
        self._timer.timeout.connect(self._request_check)
        self._job.received.connect(self._on_checked)
        for signal in (workspace.model_ready, workspace.search_finished, workspace.document_opened):
            signal.connect(self.request_later)  # a new document drops what was asked before
        self.show_line("")

    def request_later(self, *_given: object) -> None:
        """Check again once the form has been left alone for a moment; what stands here was for another."""
        self._job.release()
        self.show_line("")
        self._timer.start()

    def show_line(self, text: str, hint: str = "", is_warning: bool = False) -> None:
        """Show a line in place of the one that is there; without a text it takes no space."""
        self.setText(text)
        self.setToolTip(hint)
        self.setObjectName("warning" if is_warning else "muted")
        self.style().polish(self)
        self.setVisible(bool(text))

    def show_result(self, result: object) -> None:
        """Show what the worker answered where it refused nothing: here, that is nothing."""

    def _request_check(self) -> None:
        check = self._find_check()
        if isinstance(check, str):
            self.show_line(check, is_warning=True)
        elif check is not None:
            self._job.submit(check)

    def _on_checked(self, reply: QueryResult) -> None:
        if reply.refusal:
            self.show_line(reply.refusal, is_warning=True)
        else:
            self.show_result(reply.result)
