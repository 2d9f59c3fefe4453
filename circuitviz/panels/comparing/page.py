"""What every page of the Compare panel is: made from the desk, told when something has changed."""

from __future__ import annotations

from PySide6.QtWidgets import QWidget

from circuitviz.canvas.theme import Theme
from circuitviz.panels.desk import Desk


class Page(QWidget):
    """A way to hold the open circuit against others."""

    title = ""

    def __init__(self, desk: Desk) -> None:
        super().__init__()
        self.desk = desk

    def refresh(self) -> None:
        """Show what is open and chosen now."""

    def set_theme(self, theme: Theme) -> None:
        """Take over colours that neither palette nor style sheet can give."""
