"""What every page of the Compare panel is: made from the desk, told when something has changed."""

from __future__ import annotations

from PySide6.QtGui import QShowEvent
from PySide6.QtWidgets import QWidget

from circuitviz.panels.registry import is_part_in_view
from circuitviz.scene.theme import Theme
from circuitviz.workspace.workspace import Workspace


class ComparePage(QWidget):
    """A way to hold the open circuit against others."""

    title = ""

    def __init__(self, workspace: Workspace) -> None:
        super().__init__()
        self.workspace = workspace

    def refresh(self) -> None:
        """Show what is open and chosen now; what nobody sees is not drawn until it is seen."""
        if is_part_in_view(self):
            self.refresh_now()

    def refresh_now(self) -> None:
        """Draw the page."""

    def showEvent(self, event: QShowEvent) -> None:
        """The page comes to the front."""
        super().showEvent(event)
        self.refresh()

    def set_theme(self, theme: Theme) -> None:
        """Take over colours that neither palette nor style sheet can give."""
