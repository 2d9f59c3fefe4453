"""A chart without a mouse: arrow keys walk over what can be pointed at, Return selects it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pyqtgraph as pg
from numpy.typing import NDArray
from PySide6.QtCore import Qt
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QGraphicsRectItem

if TYPE_CHECKING:
    from circuitviz.panels.charts.chart import Chart

WAYS = {
    Qt.Key.Key_Left: (-1, 0),
    Qt.Key.Key_Right: (1, 0),
    Qt.Key.Key_Up: (0, -1),
    Qt.Key.Key_Down: (0, 1),
}
ASIDE = 3.0  # how much farther a step aside counts than one ahead


class Walk:
    """Where the keyboard stands in a chart: ``at`` is a spot's number, -1 nowhere."""

    def __init__(self, chart: Chart) -> None:
        self.chart = chart
        self.at = -1
        self._mark: QGraphicsRectItem | None = None

    @property
    def seen(self) -> bool:
        """Whether a mark shows where the keyboard stands."""
        return self._mark is not None

    def begin(self, said: bool = True) -> None:
        """Stand where one stood, at first on the first spot; ``said``: read it out."""
        if self.chart.spots:
            self._go(min(max(0, self.at), len(self.chart.spots) - 1), said)

    def end(self) -> None:
        """The mark goes, the place stays."""
        if self._mark is not None:
            self.chart.plot.removeItem(self._mark)
            self._mark = None

    def pressed(self, event: QKeyEvent) -> bool:
        """Answer to a key; whether it was one of ours."""
        key, spots = Qt.Key(event.key()), self.chart.spots
        self.at = min(self.at, len(spots) - 1)
        if not spots or event.modifiers() & ~Qt.KeyboardModifier.KeypadModifier:
            return False
        if key in (Qt.Key.Key_Return, Qt.Key.Key_Enter, Qt.Key.Key_Space) and self.at >= 0:
            if spots[self.at][2]:
                self.chart.clicked.emit(spots[self.at][2])
        elif key in (Qt.Key.Key_Home, Qt.Key.Key_End):
            self._go(0 if key == Qt.Key.Key_Home else len(spots) - 1)
        elif key in WAYS:
            self._go(self._beside(WAYS[key]))
        else:
            return False
        return True

    def _beside(self, way: tuple[int, int]) -> int:
        box = self.chart.plot.getPlotItem().getViewBox()
        places = (box.mapViewToScene(rect.center()) for rect, _, _ in self.chart.spots)
        return beside(np.array([(place.x(), place.y()) for place in places]), self.at, way)

    def _go(self, at: int, said: bool = True) -> None:
        self.at = at
        rect, text, _ = self.chart.spots[at]
        plot = self.chart.plot
        box = plot.getPlotItem().getViewBox()
        seen, middle = box.viewRect(), rect.center()
        if not seen.top() <= middle.y() <= seen.bottom():
            box.translateBy(y=middle.y() - seen.center().y())
        if not seen.left() <= middle.x() <= seen.right():
            box.translateBy(x=middle.x() - seen.center().x())
        self.end()
        self._mark = QGraphicsRectItem(rect)
        self._mark.setPen(pg.mkPen(self.chart.sketch.colour("accent"), width=1.5))
        self._mark.setBrush(self.chart.sketch.colour("accent", 0.16))
        self._mark.setZValue(5)
        plot.addItem(self._mark, ignoreBounds=True)
        self.chart.setAccessibleDescription(f"{text}; {at + 1} of {len(self.chart.spots)}")
        if said:
            self.chart.pointed.emit(text)


def beside(places: NDArray[np.float64], at: int, way: tuple[int, int]) -> int:
    """The nearest of places [spots, 2] in a direction; where there is none, the same place.

    Up and left of a chart's lone row or column are the spots before it, down and right those after.
    """
    if at < 0:
        return 0
    shift = places - places[at]
    ahead, aside = shift @ np.array(way), np.abs(shift @ np.array(way[::-1]))
    far = np.where(ahead > 0.5, ahead + ASIDE * aside, np.inf)
    if np.isfinite(far).any():
        return int(far.argmin())
    if np.ptp(places @ np.abs(np.array(way))) > 0.5:
        return at
    return int(np.clip(at + sum(way), 0, len(places) - 1))
