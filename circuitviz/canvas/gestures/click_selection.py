"""A click selects what is under it."""

from __future__ import annotations

from circuitviz.canvas.gestures.registry import Gesture, MousePress, gestures


@gestures.register("click", summary="Click: select; Ctrl-click: add or take away", order=40)
class ClickSelection(Gesture):
    """Click selects one node or edge, on the ground nothing; Ctrl adds and takes away."""

    def clicked(self, press: MousePress) -> bool:
        """Select; a node wins over an edge below it."""
        if not press.is_left_button:
            return False
        view = self.view
        edge = view.edge_at(press.position) if not press.node else None
        nodes = {press.node} if press.node else set()
        edges = {edge.name} if edge is not None else set()
        if press.has_control:
            view.select(view.selected_nodes ^ nodes, view.selected_edges ^ edges)
        else:
            view.select(nodes, edges)
        return True
