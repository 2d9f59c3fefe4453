"""The wheel brings the picture nearer, about the pointer; a double click shows all of it."""

from __future__ import annotations

from PySide6.QtGui import QWheelEvent

from circuitviz.canvas.gestures.registry import Gesture, Press, gestures

ZOOM_PER_NOTCH = 1.18  # a notch of a wheel


@gestures.register("zoom", summary="Wheel: zoom about the pointer; double click: show everything")
class WheelZoom(Gesture):
    """Zoom by the wheel."""

    def wheel_turned(self, event: QWheelEvent) -> bool:
        """Touchpads send parts of a notch."""
        if steps := event.angleDelta().y() / 120:
            self.view.zoom_by(ZOOM_PER_NOTCH**steps, event.position())
        return True

    def double_clicked(self, press: Press) -> bool:
        """Show the whole circuit."""
        if press.node:
            return False
        self.view.fit(show_all=not self.view.is_showing_all)  # again: as it can be read
        return True
