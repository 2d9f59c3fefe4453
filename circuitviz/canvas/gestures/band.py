"""A rubber band picks many nodes with one movement."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QPoint, QPointF, QRect
from PySide6.QtWidgets import QRubberBand

from circuitviz.canvas.gestures.registry import Gesture, Press, gestures

if TYPE_CHECKING:
    from circuitviz.canvas.view import CircuitView


@gestures.register("band", summary="Shift-drag: select what the band holds; Ctrl adds", order=10)
class Band(Gesture):
    """Shift and drag; with Ctrl what it holds is added."""

    def __init__(self, view: CircuitView) -> None:
        super().__init__(view)
        self._band = QRubberBand(QRubberBand.Shape.Rectangle, view.viewport())
        self._start, self._adding = QPoint(), False

    def takes(self, press: Press) -> bool:
        """With Shift, wherever it begins."""
        return press.left and press.shift

    def begin(self, press: Press) -> None:
        """Open the band where the button went down."""
        self._start, self._adding = press.place, press.control
        self._band.setGeometry(QRect(press.place, press.place))
        self._band.show()

    def go_on(self, here: QPoint) -> None:
        """Stretch it."""
        self._band.setGeometry(QRect(self._start, here).normalized())

    def end(self, here: QPoint) -> None:
        """Select the nodes whose middle is inside."""
        view = self.view
        area = view.mapToScene(self._band.geometry()).boundingRect()
        self._band.hide()
        inside = {n.name for n in view.picture.nodes if area.contains(QPointF(n.x, -n.y))}
        view.select(view.nodes | inside if self._adding else inside)
