"""The log of all messages, with their times."""

from __future__ import annotations

from datetime import datetime

from PySide6.QtWidgets import QPlainTextEdit

from circuitviz.panels.registry import Panel, panels
from circuitviz.panels.widgets.layouts import lay_out_column
from circuitviz.workspace.workspace import Workspace

MAX_LOG_LINES = 2000


@panels.register("log", summary="messages and errors", title="Log", area="bottom", place="notes", order=9)
class LogPanel(Panel):
    """One line per message."""

    def __init__(self, workspace: Workspace) -> None:
        super().__init__(workspace)
        self.text_field = QPlainTextEdit(readOnly=True, maximumBlockCount=MAX_LOG_LINES, accessibleName="Log")
        lay_out_column(self.text_field, parent=self, margins=(8, 4, 8, 8))
        workspace.message_posted.connect(self.add_message)

    def add_message(self, message: str) -> None:
        """Add a line with the time."""
        self.text_field.appendPlainText(f"{datetime.now():%H:%M:%S}  {message}")
