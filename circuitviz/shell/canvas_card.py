"""A small card that lies over the canvas in its upper right corner and gives the focus back."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QObject, Qt
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QFrame

from circuitviz.canvas.circuit_view import CircuitView

MARGIN_PX = 12


class CanvasCard(QFrame):
    """Stays in its corner whatever the size of the canvas; Escape closes it."""

    def __init__(self, view: CircuitView) -> None:
        super().__init__(view, objectName="card")
        self.view = view
        view.installEventFilter(self)
        self.hide()

    def open_card(self) -> None:
        """Show it in front of the canvas."""
        self.show()
        self.move_to_corner()
        self.raise_()

    def close_card(self) -> None:
        """Close it; the canvas has the keys again."""
        self.hide()
        self.view.setFocus()

    def move_to_corner(self) -> None:
        """Take the corner again, as large as the contents want."""
        self.adjustSize()
        self.move(self.view.viewport().width() - self.width() - MARGIN_PX, MARGIN_PX)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Follow the canvas."""
        if watched is self.view and event.type() is QEvent.Type.Resize and self.isVisible():
            self.move_to_corner()
        return super().eventFilter(watched, event)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Escape closes; no other key goes on to the canvas below."""
        if event.key() == Qt.Key.Key_Escape:
            self.close_card()
        event.accept()
