"""Taking hold of the ground moves the whole picture."""

from __future__ import annotations

from PySide6.QtCore import QPoint, Qt

from circuitviz.canvas.gestures.registry import Gesture, Press, gestures


@gestures.register("pan", summary="Drag the ground, or middle-drag anything: move the view", order=30)
class Pan(Gesture):
    """Whatever drag no other gesture takes."""

    def takes(self, press: Press) -> bool:
        """Always."""
        return True

    def begin(self, press: Press) -> None:
        """Take hold."""
        self._last = press.place
        self.view.viewport().setCursor(Qt.CursorShape.ClosedHandCursor)

    def go_on(self, here: QPoint) -> None:
        """The point that was taken stays under the pointer."""
        self.view.pan_by(here - self._last)
        self._last = here

    def end(self, here: QPoint) -> None:
        """Let go."""
        self.view.viewport().unsetCursor()
