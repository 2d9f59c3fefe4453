"""A rubber band picks many nodes with one movement."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QPoint, QPointF, QRect
from PySide6.QtWidgets import QRubberBand

from circuitviz.canvas.gestures.registry import Gesture, MousePress, gestures

if TYPE_CHECKING:
    from circuitviz.canvas.circuit_view import CircuitView


@gestures.register("band", summary="Shift-drag: select what the band holds; Ctrl adds", order=10)
class RubberBandSelection(Gesture):
    """Shift and drag; with Ctrl what it holds is added."""

    def __init__(self, view: CircuitView) -> None:
        super().__init__(view)
        self._rubber_band = QRubberBand(QRubberBand.Shape.Rectangle, view.viewport())
        self._start_position, self._adds_to_selection = QPoint(), False

    def accepts_drag(self, press: MousePress) -> bool:
        """With Shift, wherever it begins."""
        return press.is_left_button and press.has_shift

    def drag_started(self, press: MousePress) -> None:
        """Open the band where the button went down."""
        self._start_position, self._adds_to_selection = press.position, press.has_control
        self._rubber_band.setGeometry(QRect(press.position, press.position))
        self._rubber_band.show()

    def drag_moved(self, here: QPoint) -> None:
        """Stretch it."""
        self._rubber_band.setGeometry(QRect(self._start_position, here).normalized())

    def drag_ended(self, here: QPoint) -> None:
        """Select the nodes whose middle is inside."""
        view = self.view
        area = view.mapToScene(self._rubber_band.geometry()).boundingRect()
        self._rubber_band.hide()
        inside = {n.name for n in view.circuit_scene.nodes if area.contains(QPointF(n.x, -n.y))}
        view.select(view.selected_nodes | inside if self._adds_to_selection else inside)
