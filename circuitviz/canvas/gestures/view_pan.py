"""Taking hold of the ground moves the whole picture."""

from __future__ import annotations

from PySide6.QtCore import QPoint, Qt

from circuitviz.canvas.gestures.registry import Gesture, MousePress, gestures


@gestures.register("pan", summary="Drag the ground, or middle-drag anything: move the view", order=30)
class ViewPan(Gesture):
    """Whatever drag no other gesture takes."""

    def accepts_drag(self, press: MousePress) -> bool:
        """Always."""
        return True

    def drag_started(self, press: MousePress) -> None:
        """Take hold."""
        self._last_position = press.position
        self.view.viewport().setCursor(Qt.CursorShape.ClosedHandCursor)

    def drag_moved(self, here: QPoint) -> None:
        """The point that was taken stays under the pointer."""
        self.view.pan_by(here - self._last_position)
        self._last_position = here

    def drag_ended(self, here: QPoint) -> None:
        """Let go."""
        self.view.viewport().unsetCursor()
