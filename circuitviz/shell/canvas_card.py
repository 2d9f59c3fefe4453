"""A small card over the upper right corner of the canvas, such as the find bar."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QObject, Qt
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QFrame

from circuitviz.canvas.circuit_view import CircuitView

MARGIN_PX = 12


class CanvasCard(QFrame):
    """Stays in its corner whatever the size of the canvas; Escape closes it."""

    def __init__(self, view: CircuitView) -> None:
        super().__init__(view)
        self.setObjectName("card")
        self.view = view
        view.installEventFilter(self)
        self.hide()

    def open_card(self) -> None:
        """Show it in front of the canvas."""
        self.show()
        self.move_to_corner()
        self.raise_()

    def close_card(self) -> None:
        """Hide the card and give the canvas the keyboard focus."""
        self.hide()
        self.view.setFocus()

    def move_to_corner(self) -> None:
        """Resize to the contents and move to the corner."""
        self.adjustSize()
        self.move(self.view.viewport().width() - self.width() - MARGIN_PX, MARGIN_PX)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Move along when the canvas changes its size; Escape on the canvas closes the card first."""
        if self.isVisible() and event.type() is QEvent.Type.Resize:
            self.move_to_corner()
        elif self.isVisible() and event.type() is QEvent.Type.KeyPress:
            assert isinstance(event, QKeyEvent)
            if event.key() == Qt.Key.Key_Escape:
                self.close_card()
                return True
        return super().eventFilter(watched, event)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Escape closes; no other key goes on to the canvas below."""
        if event.key() == Qt.Key.Key_Escape:
            self.close_card()
        event.accept()
