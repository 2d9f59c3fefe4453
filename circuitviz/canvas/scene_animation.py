"""From one layout to the next nodes move, into boxes and out of them, so that the eye keeps hold of them."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace

import numpy as np
from PySide6.QtCore import QEasingCurve, QObject, QVariantAnimation

from circuitviz.scene.basis_change import basis_change_origins
from circuitviz.scene.circuit_scene import CircuitScene

DURATION_MS = 200  # milliseconds
MAX_ANIMATED_NODES = 3000  # more nodes than this jump: a frame would take longer than the eye waits

Floats = np.ndarray[tuple[int, int], np.dtype[np.float64]]


class SceneAnimation(QObject):
    """Shows the pictures between two, and then the second.

    Nodes that both have go from place to place. Where a group opens, its nodes come out of the box; where
    it closes, they go to where the box will be. Where a site is opened, its features come out of its heads.
    """

    def __init__(self, show: Callable[[CircuitScene], None], parent: QObject) -> None:
        super().__init__(parent)
        self._show_scene = show
        self._target = self._animated = CircuitScene()
        self._start_positions = self._displacement = np.zeros((0, 2))
        self._animation = QVariantAnimation(self, duration=DURATION_MS, startValue=0.0, endValue=1.0)
        self._animation.setEasingCurve(QEasingCurve.Type.InOutCubic)
        self._animation.valueChanged.connect(self._show_fraction)
        self._animation.finished.connect(lambda: self._show_scene(self._target))

    @property
    def is_running(self) -> bool:
        """Whether something moves."""
        return self._animation.state() == QVariantAnimation.State.Running

    def start(self, current: CircuitScene, target: CircuitScene) -> bool:
        """Move from what is shown to what is wanted; False where there is no way between them."""
        self.stop()
        if (
            max(len(target.nodes), len(current.nodes)) > MAX_ANIMATED_NODES
            or not target.nodes
            or not current.nodes
        ):
            return False
        if current.node_rows == target.node_rows:
            moving, start, end = target, _node_positions(current), _node_positions(target)
        elif (came := basis_change_origins(current, target)) is not None:
            moving, start, end = replace(target, frames=()), came, _node_positions(target)
        elif current.n_circuit_edges != target.n_circuit_edges:
            return False  # another circuit
        elif (out := _positions_through_boxes(target.node_rows, current)) is not None:
            moving, start, end = replace(target, frames=()), out, _node_positions(target)
        elif (into := _positions_through_boxes(current.node_rows, target)) is not None:
            moving, start, end = replace(current, frames=()), _node_positions(current), into
        else:
            return False
        if np.allclose(start, end):
            return False
        self._target, self._animated, self._start_positions, self._displacement = (
            target,
            moving,
            start,
            end - start,
        )
        self._animation.start()
        return True

    def stop(self) -> None:
        """Stay where things are."""
        self._animation.stop()

    def skip_to_group_change(self) -> None:
        """Be there at once where a group opens or closes: whoever presses means what will be there."""
        if self.is_running and self._animated is not self._target:
            self.stop()
            self._show_scene(self._target)

    def _show_fraction(self, share: float) -> None:
        if share < 1.0:
            at = self._start_positions + share * self._displacement
            names = (node.name for node in self._animated.nodes)
            self._show_scene(
                self._animated.with_positions(dict(zip(names, map(tuple, at.tolist()), strict=True)))
            )


def _positions_through_boxes(names: Iterable[str], picture: CircuitScene) -> Floats | None:
    """Where nodes or the boxes that hold them stand in a folded picture [nodes, 2]; None if one does not."""
    if picture.folding is None:
        return None
    box = picture.folding.box_of
    found = [picture.by_name.get(name) or picture.by_name.get(box.get(name, "")) for name in names]
    there = [node for node in found if node is not None]
    return np.array([(node.x, node.y) for node in there]) if len(there) == len(found) else None


def _node_positions(picture: CircuitScene) -> Floats:
    return np.array([(node.x, node.y) for node in picture.nodes]).reshape(-1, 2)
