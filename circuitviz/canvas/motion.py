"""From one layout to the next nodes move, so that the eye keeps hold of them."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from PySide6.QtCore import QEasingCurve, QObject, QVariantAnimation

from circuitviz.canvas.picture import CircuitPicture

LASTS = 200  # milliseconds
MOST = 3000  # more nodes than this jump: a frame would take longer than the eye waits


class Motion(QObject):
    """Shows the pictures between two that have the same nodes, and then the second."""

    def __init__(self, show: Callable[[CircuitPicture], None], parent: QObject) -> None:
        super().__init__(parent)
        self._show = show
        self._end = CircuitPicture()
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
        if len(wanted.nodes) > MOST or not wanted.nodes or shown.rows != wanted.rows:
            return False
        start, end = _places(shown), _places(wanted)
        if np.allclose(start, end):
            return False
        self._end, self._from, self._way = wanted, start, end - start
        self._clock.start()
        return True

    def stop(self) -> None:
        """Stay where things are."""
        self._clock.stop()

    def _step(self, share: float) -> None:
        if share < 1.0:
            at = self._from + share * self._way
            names = (node.name for node in self._end.nodes)
            self._show(self._end.moved(dict(zip(names, map(tuple, at.tolist()), strict=True))))


def _places(picture: CircuitPicture) -> np.ndarray[tuple[int, int], np.dtype[np.float64]]:
    return np.array([(node.x, node.y) for node in picture.nodes]).reshape(-1, 2)
