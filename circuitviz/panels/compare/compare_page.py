"""The base class of the pages of the Compare panel."""

from __future__ import annotations

from PySide6.QtGui import QShowEvent
from PySide6.QtWidgets import QWidget

from circuitviz.panels.registry import is_part_in_view
from circuitviz.workspace.workspace import Workspace


class ComparePage(QWidget):
    """A page that compares the open circuit with others."""

    title = ""

    def __init__(self, workspace: Workspace) -> None:
        super().__init__()
        self.workspace = workspace

    def refresh(self) -> None:
        """Redraw for the open and the chosen circuit, as soon as the page is visible."""
        if is_part_in_view(self):
            self.refresh_now()

    def refresh_now(self) -> None:
        """Draw the page."""

    def showEvent(self, event: QShowEvent) -> None:
        """Redraw if something changed while the page was hidden."""
        super().showEvent(event)
        self.refresh()
