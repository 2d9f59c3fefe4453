"""A heat map whose every row and column can be read: at the panel's width where it fits, else it scrolls."""

from __future__ import annotations

import math

from PySide6.QtCore import QEvent, QObject, QSize, Qt
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QFrame, QScrollArea, QSizePolicy

from circuitviz.panels.widgets.font_scaling import scale_pixels
from circuitviz.panels.widgets.heat_map import HeatMap

MIN_CELL_PX, MAX_CELL_PX = 14, 30  # a name is written at every row and column from MIN_CELL_PX on
MAX_MAP_PX = 3000  # a side of all cells, in pixels of the screen: long prompts get smaller cells


class ScrollingMap(QScrollArea):
    """As high as its map: only the panel around it scrolls up and down. The row names stay in sight."""

    def __init__(self, heat_map: HeatMap) -> None:
        super().__init__(widgetResizable=False)
        self.heat_map = heat_map
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setWidget(heat_map)
        heat_map.keep_row_names = True
        heat_map.grid_changed.connect(self.fit_map)
        heat_map.cell_hovered.connect(self._scroll_to_cell)
        self.horizontalScrollBar().valueChanged.connect(lambda _value: heat_map.update())
        heat_map.installEventFilter(self)

    def minimumSizeHint(self) -> QSize:
        """Narrow: it scrolls."""
        return QSize(120, self.height())

    def fit_map(self) -> None:
        """Give the map's cells the width that there is, within limits, and take the height of the map.

        Cells are large enough for names, except where the map's pixels would then take too much memory.
        """
        n_rows, n_columns = self.heat_map.grid.values.shape
        viewport_px = self.viewport().width()
        width_px, cell_px, left = viewport_px, float(MIN_CELL_PX), 0.0
        largest_px = MAX_MAP_PX / self.devicePixelRatioF() / max(1, n_rows, n_columns)
        self.heat_map.left_space = 0.0
        for _ in range(2):  # a wider map gives long names more room
            left, _, right = self.heat_map.name_margins(max(width_px, viewport_px))
            low, high = (scale_pixels(self, size) for size in (MIN_CELL_PX, MAX_CELL_PX))
            fitting_px = (viewport_px - left - right) / max(1, n_columns)
            cell_px = min(high, max(low, fitting_px), largest_px)
            width_px = round(left + right + cell_px * n_columns)
        self.heat_map.left_space = left
        top = self.heat_map.name_margins(width_px)[1]
        height_px = round(top + cell_px * n_rows) + 4
        self.heat_map.setMinimumHeight(0)
        self.heat_map.resize(width_px, height_px)
        width_px = max(width_px, math.ceil(self.heat_map.right_end_of_names()))  # turned names lean over
        self.heat_map.resize(width_px, height_px)
        bar_px = self.horizontalScrollBar().sizeHint().height() if width_px > viewport_px else 0
        self.setFixedHeight(height_px + bar_px)

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Fit the map to another width."""
        super().resizeEvent(event)
        self.fit_map()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Fit the map to another font."""
        if event.type() is QEvent.Type.FontChange:
            self.fit_map()
        return super().eventFilter(watched, event)

    def _scroll_to_cell(self, row: int, column: int) -> None:
        """Bring a cell that was reached by keys into view."""
        if row < 0 or self.heat_map.underMouse():
            return
        cell, bar = self.heat_map.cell_rect(row, column), self.horizontalScrollBar()
        left = self.heat_map.left_space
        if cell.left() < bar.value() + left:
            bar.setValue(math.floor(cell.left() - left))
        elif cell.right() > bar.value() + self.viewport().width():
            bar.setValue(math.ceil(cell.right() - self.viewport().width()))
