"""Two rules of input that hold in every window of the application: the wheel and Escape.

The wheel changes no field that has not the keyboard focus: it scrolls what the field is in. Escape closes
what is on top: what has the focus may use the key for itself; where it does not, the topmost layer is closed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from PySide6.QtCore import QCoreApplication, QEvent, QObject, Qt
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import (
    QAbstractSlider,
    QAbstractSpinBox,
    QComboBox,
    QGraphicsView,
    QMainWindow,
    QScrollBar,
    QWidget,
)

ESCAPE = Qt.Key.Key_Escape
FIELDS = (QAbstractSpinBox, QComboBox, QAbstractSlider)


@dataclass(frozen=True)
class Layer:
    """Something that Escape closes.

    Attributes:
        is_open: Whether it is there.
        close: Closes it.
        is_over_canvas: Whether it covers the canvas: it is then closed before Escape means anything there.
    """

    is_open: Callable[[], bool]
    close: Callable[[], object]
    is_over_canvas: bool = False


class InputRules(QObject):
    """Applies the rules to all widgets of the application as long as its window is there.

    Attributes:
        layers: What Escape closes, from the topmost to the lowest.
    """

    def __init__(self, window: QMainWindow) -> None:
        """Begin before the window has any widget: what is polished earlier is not seen."""
        super().__init__(window)
        self._window = window
        self.layers: tuple[Layer, ...] = ()
        application = QCoreApplication.instance()
        assert application is not None
        application.installEventFilter(self)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Pass the wheel on from a field without the focus; close a layer on Escape."""
        kind = event.type()
        if kind is QEvent.Type.Polish and isinstance(watched, QWidget):
            if watched.focusPolicy() is Qt.FocusPolicy.WheelFocus:
                watched.setFocusPolicy(Qt.FocusPolicy.StrongFocus)  # the wheel leaves the focus where it is
        elif kind is QEvent.Type.Wheel:
            if isinstance(watched, QWidget) and is_field_without_focus(watched):
                event.ignore()  # Qt gives it to the parent then
                return True
        elif kind is QEvent.Type.KeyPress and isinstance(event, QKeyEvent) and event.key() == ESCAPE:
            if watched is self._window:
                return self._close_top(self.layers)
            if isinstance(watched, QGraphicsView) and watched.window() is self._window:
                return self._close_top(layer for layer in self.layers if layer.is_over_canvas)
        return False

    def _close_top(self, layers: Iterable[Layer]) -> bool:
        for layer in layers:
            if layer.is_open():
                layer.close()
                return True
        return False


def is_field_without_focus(widget: QWidget) -> bool:
    """Whether a widget is a spin box, combo box or slider, or the line of one, and the focus is elsewhere."""
    field: QWidget | None = widget
    if not isinstance(field, FIELDS):
        field = widget.parentWidget()  # the line edit of a spin box or of an editable combo box
    if not isinstance(field, FIELDS) or isinstance(field, QScrollBar):
        return False
    focus = field.focusWidget() if not field.hasFocus() else field
    return not (field.hasFocus() or (focus is not None and focus.hasFocus()))
