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
    from circuitviz.panels.charts.chart_view import ChartView

ARROW_DIRECTIONS = {
    Qt.Key.Key_Left: (-1, 0),
    Qt.Key.Key_Right: (1, 0),
    Qt.Key.Key_Up: (0, -1),
    Qt.Key.Key_Down: (0, 1),
}
SIDEWAYS_PENALTY = 3.0  # how much farther a step aside counts than one ahead


class KeyboardCursor:
    """Where the keyboard stands in a chart: ``region_index`` is a spot's number, -1 nowhere."""

    def __init__(self, chart: ChartView) -> None:
        self.chart = chart
        self.region_index = -1
        self._highlight_item: QGraphicsRectItem | None = None

    @property
    def is_shown(self) -> bool:
        """Whether a mark shows where the keyboard stands."""
        return self._highlight_item is not None

    def show(self, announce: bool = True) -> None:
        """Stand where one stood, at first on the first spot; ``announce``: read it out."""
        if self.chart.hover_regions:
            self._move_to(min(max(0, self.region_index), len(self.chart.hover_regions) - 1), announce)

    def hide(self) -> None:
        """The mark goes, the place stays."""
        if self._highlight_item is not None:
            self.chart.plot_widget.removeItem(self._highlight_item)
            self._highlight_item = None

    def handle_key(self, event: QKeyEvent) -> bool:
        """Answer to a key; whether it was one of ours."""
        key, spots = Qt.Key(event.key()), self.chart.hover_regions
        self.region_index = min(self.region_index, len(spots) - 1)
        if not spots or event.modifiers() & ~Qt.KeyboardModifier.KeypadModifier:
            return False
        if key in (Qt.Key.Key_Return, Qt.Key.Key_Enter, Qt.Key.Key_Space) and self.region_index >= 0:
            if spots[self.region_index][2]:
                self.chart.nodes_clicked.emit(spots[self.region_index][2])
        elif key in (Qt.Key.Key_Home, Qt.Key.Key_End):
            self._move_to(0 if key == Qt.Key.Key_Home else len(spots) - 1)
        elif key in ARROW_DIRECTIONS:
            self._move_to(self._nearest_region(ARROW_DIRECTIONS[key]))
        else:
            return False
        return True

    def _nearest_region(self, direction: tuple[int, int]) -> int:
        box = self.chart.plot_widget.getPlotItem().getViewBox()
        places = (box.mapViewToScene(rect.center()) for rect, _, _ in self.chart.hover_regions)
        return nearest_in_direction(
            np.array([(place.x(), place.y()) for place in places]), self.region_index, direction
        )

    def _move_to(self, region_index: int, announce: bool = True) -> None:
        self.region_index = region_index
        rect, text, _ = self.chart.hover_regions[region_index]
        plot = self.chart.plot_widget
        box = plot.getPlotItem().getViewBox()
        seen, middle = box.viewRect(), rect.center()
        if not seen.top() <= middle.y() <= seen.bottom():
            box.translateBy(y=middle.y() - seen.center().y())
        if not seen.left() <= middle.x() <= seen.right():
            box.translateBy(x=middle.x() - seen.center().x())
        self.hide()
        self._highlight_item = QGraphicsRectItem(rect)
        self._highlight_item.setPen(pg.mkPen(self.chart.spec.theme_colour("accent"), width=1.5))
        self._highlight_item.setBrush(self.chart.spec.theme_colour("accent", 0.16))
        self._highlight_item.setZValue(5)
        plot.addItem(self._highlight_item, ignoreBounds=True)
        self.chart.setAccessibleDescription(f"{text}; {region_index + 1} of {len(self.chart.hover_regions)}")
        if announce:
            self.chart.hover_text_changed.emit(text)


def nearest_in_direction(places: NDArray[np.float64], start: int, direction: tuple[int, int]) -> int:
    """The nearest of places [spots, 2] in a direction; where there is none, the same place.

    Up and left of a chart's lone row or column are the spots before it, down and right those after.
    """
    if start < 0:
        return 0
    shift = places - places[start]
    ahead, aside = shift @ np.array(direction), np.abs(shift @ np.array(direction[::-1]))
    far = np.where(ahead > 0.5, ahead + SIDEWAYS_PENALTY * aside, np.inf)
    if np.isfinite(far).any():
        return int(far.argmin())
    if np.ptp(places @ np.abs(np.array(direction))) > 0.5:
        return start
    return int(np.clip(start + sum(direction), 0, len(places) - 1))
