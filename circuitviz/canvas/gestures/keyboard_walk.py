"""The canvas without a mouse: arrows walk along edges and rows."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtGui import QKeyEvent

from circuitviz.canvas.gestures.registry import Gesture, gestures
from circuitviz.scene.adjacent_node import adjacent_node

DIRECTION_OF_KEY = {
    Qt.Key.Key_Up: "up",
    Qt.Key.Key_Down: "down",
    Qt.Key.Key_Left: "left",
    Qt.Key.Key_Right: "right",
}


@gestures.register("walk", summary="Arrows: walk along edges and rows; Escape: select nothing")
class KeyboardWalk(Gesture):
    """One node is selected at a time; from nothing the walk begins at the logits."""

    def key_pressed(self, event: QKeyEvent) -> bool:
        """Walk, or clear."""
        view = self.view
        if event.key() == Qt.Key.Key_Escape:
            is_selected = bool(view.selected_nodes or view.selected_edges)
            view.select(set())
            return is_selected  # with nothing selected the key closes what is open beside the canvas
        way = DIRECTION_OF_KEY.get(Qt.Key(event.key()))
        if way is None:
            return False
        if found := adjacent_node(view.circuit_scene, next(iter(sorted(view.selected_nodes)), ""), way):
            view.select({found})
            view.scroll_to_node(found)
        return True
