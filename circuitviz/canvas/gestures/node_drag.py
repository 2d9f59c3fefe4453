"""A dragged node goes where it is put, and stays there: it is pinned."""

from __future__ import annotations

from PySide6.QtCore import QPoint, QPointF

from circuitviz.canvas.gestures.registry import Gesture, MousePress, gestures


@gestures.register("drag", summary="Drag a node: move and pin it, with all that is selected", order=20)
class NodeDrag(Gesture):
    """Drag one node, or the whole selection that it belongs to."""

    def accepts_drag(self, press: MousePress) -> bool:
        """From any node, with the left button."""
        return press.is_left_button and bool(press.node)

    def drag_started(self, press: MousePress) -> None:
        """Note where everything stood."""
        view = self.view
        self._names = view.selected_nodes if press.node in view.selected_nodes else frozenset({press.node})
        drawn = view.circuit_scene.by_name
        self._start_positions = {
            name: (drawn[name].x, drawn[name].y) for name in self._names if name in drawn
        }
        self._start = view.mapToScene(press.position)
        view.set_hover("")

    def drag_moved(self, here: QPoint) -> None:
        """Move with the pointer."""
        self.view.move_nodes(self._positions_at(here))

    def drag_ended(self, here: QPoint) -> None:
        """Tell where they were put down: one step of undo."""
        self.view.drop_nodes(self._positions_at(here))

    def _positions_at(self, here: QPoint) -> dict[str, tuple[float, float]]:
        shift: QPointF = self.view.mapToScene(here) - self._start
        return {name: (x + shift.x(), y - shift.y()) for name, (x, y) in self._start_positions.items()}
