"""What stands together opens and closes under a double click."""

from __future__ import annotations

from circuitviz.canvas.gestures.registry import Gesture, MousePress, gestures


@gestures.register("fold", summary="Double-click a box: open the group; a node in it: close it", order=45)
class GroupToggle(Gesture):
    """A double click on a node or a box; whoever owns the groups decides."""

    def double_clicked(self, press: MousePress) -> bool:
        """Tell which."""
        picture = self.view.circuit_scene
        drawn = picture.by_name.get(press.node)
        box = drawn is not None and bool(drawn.members)
        if not box and not any(press.node in frame.nodes for frame in picture.frames):
            return False
        self.view.group_toggled.emit(press.node)
        return True
