"""What a node is made of comes out under a double click, and goes back in."""

from __future__ import annotations

from circuitviz.canvas.gestures.registry import Gesture, MousePress, gestures


@gestures.register(
    "open-site", summary="Double-click a head or MLP: open its site into features; a feature: back", order=46
)
class BasisToggle(Gesture):
    """A double click on a node that stands in no group; whoever has the dictionaries decides."""

    def double_clicked(self, press: MousePress) -> bool:
        """Tell which."""
        if not press.is_left_button or press.node not in self.view.circuit_scene.by_name:
            return False
        self.view.basis_toggled.emit(press.node)
        return True
