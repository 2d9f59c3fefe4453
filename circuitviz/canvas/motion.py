"""From one layout to the next nodes move, into boxes and out of them, so that the eye keeps hold of them."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace

import numpy as np
from PySide6.QtCore import QEasingCurve, QObject, QVariantAnimation

from circuitviz.canvas.opening import opening
from circuitviz.canvas.picture import CircuitPicture

LASTS = 200  # milliseconds
MOST = 3000  # more nodes than this jump: a frame would take longer than the eye waits

Floats = np.ndarray[tuple[int, int], np.dtype[np.float64]]


class Motion(QObject):
    """Shows the pictures between two, and then the second.

    Nodes that both have go from place to place. Where a group opens, its nodes come out of the box; where
    it closes, they go to where the box will be. Where a site is opened, its features come out of its heads.
    """

    def __init__(self, show: Callable[[CircuitPicture], None], parent: QObject) -> None:
        super().__init__(parent)
        self._show = show
        self._end = self._moving = CircuitPicture()
        self._from = self._way = np.zeros((0, 2))
        self._clock = QVariantAnimation(self, duration=LASTS, startValue=0.0, endValue=1.0)
        self._clock.setEasingCurve(QEasingCurve.Type.InOutCubic)
        self._clock.valueChanged.connect(self._step)
        self._clock.finished.connect(lambda: self._show(self._end))

    @property
    def running(self) -> bool:
        """Whether something moves."""
        return self._clock.state() == QVariantAnimation.State.Running

    def begin(self, shown: CircuitPicture, wanted: CircuitPicture) -> bool:
        """Move from what is shown to what is wanted; False where there is no way between them."""
        self.stop()
        if max(len(wanted.nodes), len(shown.nodes)) > MOST or not wanted.nodes or not shown.nodes:
            return False
        if shown.rows == wanted.rows:
            moving, start, end = wanted, _places(shown), _places(wanted)
        elif (came := opening(shown, wanted)) is not None:
            moving, start, end = replace(wanted, frames=()), came, _places(wanted)
        elif shown.total != wanted.total:
            return False  # another circuit
        elif (out := _through(wanted.rows, shown)) is not None:
            moving, start, end = replace(wanted, frames=()), out, _places(wanted)
        elif (into := _through(shown.rows, wanted)) is not None:
            moving, start, end = replace(shown, frames=()), _places(shown), into
        else:
            return False
        if np.allclose(start, end):
            return False
        self._end, self._moving, self._from, self._way = wanted, moving, start, end - start
        self._clock.start()
        return True

    def stop(self) -> None:
        """Stay where things are."""
        self._clock.stop()

    def arrive(self) -> None:
        """Be there at once where a group opens or closes: whoever presses means what will be there."""
        if self.running and self._moving is not self._end:
            self.stop()
            self._show(self._end)

    def _step(self, share: float) -> None:
        if share < 1.0:
            at = self._from + share * self._way
            names = (node.name for node in self._moving.nodes)
            self._show(self._moving.moved(dict(zip(names, map(tuple, at.tolist()), strict=True))))


def _through(names: Iterable[str], picture: CircuitPicture) -> Floats | None:
    """Where nodes or the boxes that hold them stand in a folded picture [nodes, 2]; None if one does not."""
    if picture.folding is None:
        return None
    box = picture.folding.box_of
    found = [picture.by_name.get(name) or picture.by_name.get(box.get(name, "")) for name in names]
    there = [node for node in found if node is not None]
    return np.array([(node.x, node.y) for node in there]) if len(there) == len(found) else None


def _places(picture: CircuitPicture) -> Floats:
    return np.array([(node.x, node.y) for node in picture.nodes]).reshape(-1, 2)
