"""A dragged node goes where it is put, and stays there: it is pinned."""

from __future__ import annotations

from PySide6.QtCore import QPoint, QPointF

from circuitviz.canvas.gestures.registry import Gesture, Press, gestures


@gestures.register("drag", summary="Drag a node: move and pin it, with all that is selected", order=20)
class Drag(Gesture):
    """Drag one node, or the whole selection that it belongs to."""

    def takes(self, press: Press) -> bool:
        """From any node, with the left button."""
        return press.left and bool(press.node)

    def begin(self, press: Press) -> None:
        """Note where everything stood."""
        view = self.view
        self._names = view.nodes if press.node in view.nodes else frozenset({press.node})
        drawn = view.picture.by_name
        self._from = {name: (drawn[name].x, drawn[name].y) for name in self._names if name in drawn}
        self._start = view.mapToScene(press.place)
        view.set_hover("")

    def go_on(self, here: QPoint) -> None:
        """Move with the pointer."""
        self.view.move_nodes(self._places(here))

    def end(self, here: QPoint) -> None:
        """Tell where they were put down: one step of undo."""
        self.view.let_go(self._places(here))

    def _places(self, here: QPoint) -> dict[str, tuple[float, float]]:
        shift: QPointF = self.view.mapToScene(here) - self._start
        return {name: (x + shift.x(), y - shift.y()) for name, (x, y) in self._from.items()}
