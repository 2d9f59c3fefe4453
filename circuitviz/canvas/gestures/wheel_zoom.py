"""The wheel brings the picture nearer, about the pointer, or scrolls it; a double click shows all of it."""

from __future__ import annotations

from PySide6.QtCore import QPoint, Qt
from PySide6.QtGui import QWheelEvent

from circuitviz.canvas.gestures.registry import Gesture, MousePress, gestures

ZOOM_PER_NOTCH, PIXELS_PER_NOTCH = 1.18, 60  # of a wheel that zooms, and of one that scrolls


@gestures.register(
    "zoom", summary="Wheel: zoom about the pointer; Shift + wheel: scroll; double click: show everything"
)
class WheelZoom(Gesture):
    """Zoom or scroll by the wheel."""

    def wheel_turned(self, event: QWheelEvent) -> bool:
        """Touchpads send parts of a notch."""
        if event.modifiers() & Qt.KeyboardModifier.ShiftModifier:
            turned = event.angleDelta()  # some systems turn Shift + wheel into a movement across
            along = (
                QPoint(turned.x() + turned.y(), 0)
                if self._scrolls_across
                else QPoint(0, turned.x() + turned.y())
            )
            self.view.pan_by(along * PIXELS_PER_NOTCH / 120)
        elif steps := event.angleDelta().y() / 120:
            self.view.zoom_by(ZOOM_PER_NOTCH**steps, event.position())
        return True

    @property
    def _scrolls_across(self) -> bool:
        """Whether layers go from left to right, so that what is out of sight lies there."""
        return self.view.circuit_scene.is_horizontal

    def double_clicked(self, press: MousePress) -> bool:
        """Show the whole circuit."""
        if press.node:
            return False
        self.view.fit(show_all=not self.view.is_showing_all)  # again: as it can be read
        return True
