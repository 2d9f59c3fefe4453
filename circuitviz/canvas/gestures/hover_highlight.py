"""What the pointer rests on comes forward, with its neighbours, and says what it is."""

from __future__ import annotations

from PySide6.QtCore import QPoint
from PySide6.QtWidgets import QToolTip

from circuitviz.canvas.canvas_texts import tooltip_text
from circuitviz.canvas.foreground import token_column_at
from circuitviz.canvas.gestures.registry import Gesture, gestures


@gestures.register("hover", summary="Rest on a node or an edge: read it", order=60)
class HoverHighlight(Gesture):
    """Nodes before edges."""

    def pointer_moved(self, here: QPoint) -> None:
        """Bring forward what is under the pointer."""
        view = self.view
        node = view.node_at(here)
        edge = None if node is not None else view.edge_at(here)
        view.set_hover(node.name if node else edge.name if edge else "")
        text = tooltip_text(view.circuit_scene, node, edge)
        if not text and (column := token_column_at(view, here)) is not None:
            text = column.text
        if text:
            QToolTip.showText(view.viewport().mapToGlobal(here), text, view)
        else:
            QToolTip.hideText()

    def pointer_left(self) -> None:
        """Nothing is hovered outside."""
        self.view.set_hover("")
