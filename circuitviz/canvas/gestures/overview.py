"""The small map is touched to go where it is touched."""

from __future__ import annotations

from PySide6.QtCore import QPoint, QPointF

from circuitviz.canvas.gestures.registry import Gesture, Press, gestures


@gestures.register("overview", summary="Press or drag on the small map: look there", order=5)
class OnOverview(Gesture):
    """Before all others: what lies below the map is not meant."""

    def takes(self, press: Press) -> bool:
        """Where it begins on the map."""
        return self._meant(press)

    def go_on(self, here: QPoint) -> None:
        """Follow the pointer."""
        self.view.overview.go_to(QPointF(here))

    def clicked(self, press: Press) -> bool:
        """Go there."""
        if meant := self._meant(press):
            self.view.overview.go_to(QPointF(press.place))
        return meant

    def double_clicked(self, press: Press) -> bool:
        """The second of two clicks goes nowhere else."""
        return self._meant(press)

    def _meant(self, press: Press) -> bool:
        return press.left and self.view.overview.place.contains(QPointF(press.place))
