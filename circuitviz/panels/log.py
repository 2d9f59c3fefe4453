"""What has happened, in words, to read again and to copy."""

from __future__ import annotations

from datetime import datetime

from PySide6.QtWidgets import QPlainTextEdit, QVBoxLayout

from circuitviz.panels.desk import Desk
from circuitviz.panels.registry import Panel, panels

LINES = 2000


@panels.register("log", summary="what has happened", title="Log", area="bottom", order=1)
class LogPanel(Panel):
    """A line for everything that was said."""

    def __init__(self, desk: Desk) -> None:
        super().__init__(desk)
        self.text = QPlainTextEdit(readOnly=True, maximumBlockCount=LINES, accessibleName="Log")
        whole = QVBoxLayout(self)
        whole.setContentsMargins(8, 4, 8, 8)
        whole.addWidget(self.text)
        desk.said.connect(self.add)

    def add(self, message: str) -> None:
        """Add a line with the time."""
        self.text.appendPlainText(f"{datetime.now():%H:%M:%S}  {message}")
