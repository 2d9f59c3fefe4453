"""Fields that the wheel changes only while they have the keyboard focus; else it scrolls what they are in.

The rule is the field's own, rather than that of a filter over all events of the application: such a filter is
also given objects that are being destroyed. All combo boxes and sliders of the window are made with these
classes, and all number fields with those of ``number_fields``.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from PySide6.QtCore import Qt
from PySide6.QtGui import QWheelEvent
from PySide6.QtWidgets import QComboBox, QSlider, QStyledItemDelegate, QWidget


class ComboBox(QComboBox):
    """A combo box that the wheel neither changes nor gives the focus; a style sheet spaces its list."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)  # what Qt's own takes
        self.setItemDelegate(
            QStyledItemDelegate(self)
        )  # Qt's own for combo boxes takes no padding of a sheet
        leave_focus_on_wheel(self)

    def wheelEvent(self, event: QWheelEvent) -> None:
        """Choose another entry, with the focus."""
        turn_with_focus(self, event, super().wheelEvent)


class FocusedSlider(QSlider):
    """A slider that the wheel neither changes nor gives the focus."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)  # what Qt's own takes
        leave_focus_on_wheel(self)

    def wheelEvent(self, event: QWheelEvent) -> None:
        """Move the handle, with the focus."""
        turn_with_focus(self, event, super().wheelEvent)


def leave_focus_on_wheel(field: QWidget) -> None:
    """Let clicks and Tab give a field the focus, and the wheel leave it where it is."""
    field.setFocusPolicy(Qt.FocusPolicy.StrongFocus)


def turn_with_focus(field: QWidget, event: QWheelEvent, turn: Callable[[QWheelEvent], None]) -> None:
    """Let the wheel turn a field that has the focus; else the event goes to the widget around it.

    Args:
        field: Whose event it is, or that of its line.
        event: The wheel's.
        turn: What Qt does with it.
    """
    if field.hasFocus():
        turn(event)
    else:
        event.ignore()
