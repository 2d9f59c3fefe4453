"""What a gesture is, so that the view need not know any of them; adding one is adding a file."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from PySide6.QtCore import QPoint, Qt
from PySide6.QtGui import QKeyEvent, QMouseEvent, QWheelEvent

from circuitviz.registry import Registry

if TYPE_CHECKING:
    from circuitviz.canvas.circuit_view import CircuitView


@dataclass(frozen=True)
class MousePress:
    """A mouse button that went down: where in the viewport, with which keys, on which node."""

    position: QPoint
    button: Qt.MouseButton
    modifiers: Qt.KeyboardModifier
    node: str = ""

    @staticmethod
    def from_event(event: QMouseEvent, node: str) -> MousePress:
        """Keep what an event says; Qt's events do not outlive their handler."""
        return MousePress(event.position().toPoint(), event.button(), event.modifiers(), node)

    @property
    def is_left_button(self) -> bool:
        """Whether it was the left button."""
        return self.button is Qt.MouseButton.LeftButton

    @property
    def has_shift(self) -> bool:
        """Whether Shift was held."""
        return bool(self.modifiers & Qt.KeyboardModifier.ShiftModifier)

    @property
    def has_control(self) -> bool:
        """Whether Ctrl was held: add to the selection instead of replacing it."""
        return bool(self.modifiers & Qt.KeyboardModifier.ControlModifier)


class Gesture:
    """One way of touching the canvas; overrides what it answers to.

    The view asks gestures by rising ``order``. A press that moves further than the system's drag
    distance belongs to the first gesture that ``accepts_drag`` it, which gets ``drag_started``,
    ``drag_moved`` and ``drag_ended``; one that does not move is a click. A method that returns a bool says
    whether the event is used up; the next gesture is asked only where it is not.
    """

    def __init__(self, view: CircuitView) -> None:
        self.view = view

    def accepts_drag(self, press: MousePress) -> bool:
        """Whether a drag from this press is this gesture's."""
        return False

    def drag_started(self, press: MousePress) -> None:
        """The drag has begun."""

    def drag_moved(self, here: QPoint) -> None:
        """The pointer moved to a place of the viewport during the drag."""

    def drag_ended(self, here: QPoint) -> None:
        """The button was released."""

    def clicked(self, press: MousePress) -> bool:
        """The button went down and up at one place."""
        return False

    def double_clicked(self, press: MousePress) -> bool:
        """It did so twice."""
        return False

    def pointer_moved(self, here: QPoint) -> None:
        """The pointer moved with no button held."""

    def pointer_left(self) -> None:
        """The pointer left the canvas."""

    def wheel_turned(self, event: QWheelEvent) -> bool:
        """The wheel or two fingers moved."""
        return False

    def key_pressed(self, event: QKeyEvent) -> bool:
        """A key went down on the canvas."""
        return False

    def key_released(self, event: QKeyEvent) -> bool:
        """A key went up on the canvas."""
        return False


gestures: Registry[type[Gesture]] = Registry("gesture", "circuitviz.canvas.gestures", "circuitviz.gestures")


def create_gestures(view: CircuitView) -> list[Gesture]:
    """One of each kind for a view, in the order in which they are asked."""
    entries = sorted(gestures.entries(), key=lambda entry: int(entry.extra.get("order", 50)))
    return [entry.value(view) for entry in entries]
