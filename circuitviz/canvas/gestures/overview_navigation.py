"""The small map is touched to go where it is touched."""

from __future__ import annotations

from PySide6.QtCore import QPoint, QPointF

from circuitviz.canvas.gestures.registry import Gesture, MousePress, gestures


@gestures.register("overview", summary="Press or drag on the small map: look there", order=5)
class OverviewNavigation(Gesture):
    """Before all others: what lies below the map is not meant."""

    def accepts_drag(self, press: MousePress) -> bool:
        """Where it begins on the map."""
        return self._is_on_map(press)

    def drag_moved(self, here: QPoint) -> None:
        """Follow the pointer."""
        self.view.overview.center_view_on(QPointF(here))

    def clicked(self, press: MousePress) -> bool:
        """Go there."""
        if is_on_map := self._is_on_map(press):
            self.view.overview.center_view_on(QPointF(press.position))
        return is_on_map

    def double_clicked(self, press: MousePress) -> bool:
        """The second of two clicks goes nowhere else."""
        return self._is_on_map(press)

    def _is_on_map(self, press: MousePress) -> bool:
        return press.is_left_button and self.view.overview.rect.contains(QPointF(press.position))
