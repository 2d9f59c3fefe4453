"""A field over the canvas in which a group is named."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from PySide6.QtCore import QEvent, QPoint, Qt
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QCompleter, QLineEdit

from circuitviz.canvas.circuit_view import CircuitView

FIELD_WIDTH_PX = 190


class NameField(QLineEdit):
    """Return accepts what was typed, Tab what is suggested; Escape or a click elsewhere discards it."""

    def __init__(self, view: CircuitView) -> None:
        super().__init__(view)
        self.setAccessibleName("Name of the group")
        self.view = view
        self._on_accepted: Callable[[str], None] = lambda _name: None
        self.setFixedWidth(FIELD_WIDTH_PX)
        self.hide()

    def ask_name(
        self, text: str, names: Iterable[str], position: QPoint, on_accepted: Callable[[str], None]
    ) -> None:
        """Show the field.

        Args:
            text: The name to start from.
            names: Suggested while typing.
            position: Centre of the field, in pixels of the viewport.
            on_accepted: Given the new name.
        """
        self._on_accepted = on_accepted
        completer = QCompleter(sorted(set(names)), self)
        completer.setCompletionMode(QCompleter.CompletionMode.InlineCompletion)  # no window of its own
        completer.setCaseSensitivity(Qt.CaseSensitivity.CaseInsensitive)
        if (before := self.completer()) is not None:
            before.deleteLater()
        self.setCompleter(completer)
        self.setText(text)
        self.selectAll()
        self.adjustSize()
        room = self.view.viewport().rect().adjusted(8, 8, -8 - FIELD_WIDTH_PX, -8 - self.height())
        x, y = position.x() - FIELD_WIDTH_PX // 2, position.y() - self.height() // 2
        self.move(max(room.left(), min(room.right(), x)), max(room.top(), min(room.bottom(), y)))
        self.show()
        self.setFocus()

    def event(self, event: QEvent) -> bool:
        """Close on Return, Escape and loss of focus; complete on Tab."""
        if isinstance(event, QKeyEvent) and event.type() is QEvent.Type.KeyPress:
            if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
                name = self._typed_text()
                self._close_field()
                self._on_accepted(name)
                return True
            completer = self.completer()
            if event.key() == Qt.Key.Key_Tab and completer is not None and self._typed_text() != self.text():
                self.setText(completer.currentCompletion())  # as it is spelled there
                return True
            if event.key() == Qt.Key.Key_Escape:
                self._close_field()
                return True
        if event.type() is QEvent.Type.FocusOut and self.isVisible():
            self.hide()
        return super().event(event)

    def _typed_text(self) -> str:
        """The text without the end that is suggested, which the completer writes and selects."""
        text, start, completer = self.text(), self.selectionStart(), self.completer()
        is_suggested = start > 0 and self.selectionEnd() == len(text)
        if completer is not None and is_suggested and completer.completionPrefix() == text[:start]:
            return text[:start]
        return text

    def _close_field(self) -> None:
        self.hide()
        self.view.setFocus()
