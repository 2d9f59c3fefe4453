"""The one heat map widget: hover reads out, click chooses, arrows walk, it is saved as it is seen."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PySide6.QtCore import QEvent, QPointF, QSize, QSizeF, Qt, Signal
from PySide6.QtGui import QColor, QKeyEvent, QMouseEvent, QPainter, QPaintEvent, QPen, QPixmap
from PySide6.QtWidgets import QSizePolicy, QToolTip, QWidget

from circuitviz.panels.figures.plot_export import save_plot
from circuitviz.panels.heat.heat_grid import HeatGrid, TableRows
from circuitviz.panels.heat.heat_painter import (
    GridFrame,
    fit_grid,
    paint_cells,
    paint_names_and_frames,
    paint_scale,
    scale_width,
)
from circuitviz.panels.heat.paper_heat_map import heat_map_drawing
from circuitviz.scene.theme import LIGHT
from circuitviz.shapes.drawing import Drawing
from circuitviz.shapes.plot_axes import PlotFigureOptions

ARROW_STEPS = {
    Qt.Key.Key_Up: (-1, 0),
    Qt.Key.Key_Down: (1, 0),
    Qt.Key.Key_Left: (0, -1),
    Qt.Key.Key_Right: (0, 1),
}
NO_CELL = (-1, -1)


class HeatMap(QWidget):
    """Shows a HeatGrid. ``cell_hovered`` and ``cell_chosen`` carry row and column; −1, −1 is nowhere.

    ``min_row_height``: pixels below which a row is not pressed together; put into a scroll area, a tall grid
    scrolls. ``marked_nodes`` nodes are framed, ``highlighted_row`` stands out.
    """

    cell_hovered = Signal(int, int)
    cell_chosen = Signal(int, int)
    escape_pressed = Signal()

    def __init__(
        self,
        name: str,
        *,
        show_scale: bool = True,
        square_cells: bool = False,
        min_row_height: float = 13.0,
        max_row_height: float = 36.0,
    ) -> None:
        super().__init__()
        self.theme = LIGHT
        self.grid = HeatGrid((), (), np.zeros((0, 0)))
        self.marked_nodes: frozenset[str] = frozenset()
        self.highlighted_row = -1
        self.hovered_cell = NO_CELL
        self._cached_cells: tuple[tuple[object, ...], QPixmap] | None = None
        self._shows_scale, self._has_square_cells, self._min_row_height, self._max_row_height = (
            show_scale,
            square_cells,
            min_row_height,
            max_row_height,
        )
        self.setAccessibleName(name)
        self.setMouseTracking(True)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)

    def show_grid(self, grid: HeatGrid) -> None:
        """Show other numbers; the place pointed at stays where there is still a cell."""
        self.grid = grid
        if not grid.has_cell(*self.hovered_cell):
            self.hovered_cell = NO_CELL
        top = fit_grid(grid, QSizeF(400, 300), show_scale=self._shows_scale).top
        self.setMinimumHeight(round(top + self._min_row_height * len(grid.row_names) + 4))
        self.update()
        if self.hovered_cell != NO_CELL:
            self.cell_hovered.emit(*self.hovered_cell)  # the cell that is pointed at says something else now

    def mark_nodes(self, nodes: frozenset[str], highlighted_row: int = -1) -> None:
        """Frame the cells of these nodes, and let a row stand out."""
        if (nodes, highlighted_row) != (self.marked_nodes, self.highlighted_row):
            self.marked_nodes, self.highlighted_row = nodes, highlighted_row
            self.update()

    def grid_frame(self) -> GridFrame:
        """Where the cells lie now."""
        room = QSizeF(self.size())
        return fit_grid(
            self.grid,
            room,
            show_scale=self._shows_scale,
            square_cells=self._has_square_cells,
            max_cell_height=self._max_row_height,
        )

    def cell_center(self, row: int, column: int) -> QPointF:
        """The middle of a cell, in pixels."""
        return self.grid_frame().cell_rect(row, column).center()

    def cell_at(self, place: QPointF) -> tuple[int, int]:
        """The cell at a place, or −1, −1."""
        at = self.grid_frame()
        row, column = (place.y() - at.top) // at.cell_height, (place.x() - at.left) // at.cell_width
        return (int(row), int(column)) if self.grid.has_cell(int(row), int(column)) else NO_CELL

    def hover_cell(self, row: int, column: int) -> None:
        """Point at a cell, as the mouse or a key does."""
        if (row, column) == self.hovered_cell:
            return
        self.hovered_cell = (row, column)
        self.setAccessibleDescription(self.grid.cell_description(row, column))
        self.cell_hovered.emit(row, column)
        self.update()

    def drawing(self, figure: PlotFigureOptions) -> Drawing:
        """The map on paper: every cell a shape, every name text."""
        return heat_map_drawing(self.grid, figure, self._has_square_cells)

    def cells(self) -> TableRows:
        """The table behind the map."""
        return self.grid.build_table()

    def save(self, path: Path) -> None:
        """Write the picture or its table (CSV), as the suffix says."""
        save_plot(self, path)

    def sizeHint(self) -> QSize:
        """What its rows like."""
        return QSize(420, round(60 + max(self._min_row_height, 20) * len(self.grid.row_names)))

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        """Follow the pointer, and say what it is over."""
        place = self.cell_at(event.position())
        self.setCursor(Qt.CursorShape.ArrowCursor if place == NO_CELL else Qt.CursorShape.PointingHandCursor)
        if place != self.hovered_cell:
            self.hover_cell(*place)
        QToolTip.showText(event.globalPosition().toPoint(), self.grid.cell_description(*place), self)

    def leaveEvent(self, event: QEvent) -> None:
        """Nothing is pointed at."""
        self.hover_cell(*NO_CELL)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Choose a cell."""
        place = self.cell_at(event.position())
        if event.button() is Qt.MouseButton.LeftButton and place != NO_CELL:
            self.hover_cell(*place)
            self.cell_chosen.emit(*place)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Arrows walk from cell to cell, Enter chooses, Escape lets go."""
        key = Qt.Key(event.key())
        if key in ARROW_STEPS:
            self._move_hovered_cell(*ARROW_STEPS[key])
        elif key in (Qt.Key.Key_Return, Qt.Key.Key_Enter, Qt.Key.Key_Space) and self.hovered_cell != NO_CELL:
            self.cell_chosen.emit(*self.hovered_cell)
        elif key is Qt.Key.Key_Escape:
            self.escape_pressed.emit()
        else:
            super().keyPressEvent(event)

    def _move_hovered_cell(self, down: int, across: int) -> None:
        rows, columns = self.grid.values.shape
        if self.hovered_cell == NO_CELL:
            first = np.argwhere(np.isfinite(self.grid.values))
            if len(first):
                self.hover_cell(*(int(i) for i in first[0]))
            return
        row, column = self.hovered_cell[0] + down, self.hovered_cell[1] + across
        while 0 <= row < rows and 0 <= column < columns:
            if self.grid.has_cell(row, column):
                self.hover_cell(row, column)
                return
            row, column = row + down, column + across

    def paintEvent(self, event: QPaintEvent) -> None:
        """Cells, which are kept as a picture, names, and a frame around the cell pointed at."""
        painter = QPainter(self)
        if self.grid.values.size:
            painter.drawPixmap(0, 0, self._cells_pixmap())
            at = self.grid_frame()
            paint_names_and_frames(
                painter,
                self.grid,
                at,
                self.theme,
                highlighted_row=self.highlighted_row,
                marked_nodes=self.marked_nodes,
            )
        if self.grid.has_cell(*self.hovered_cell):
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.setPen(QPen(QColor(self.theme.text), 1.5))
            painter.drawRect(self.grid_frame().cell_rect(*self.hovered_cell).adjusted(-0.5, -0.5, -0.5, -0.5))
        painter.end()

    def _paint_scale(self, painter: QPainter, frame: GridFrame) -> None:
        if self._shows_scale:
            right = frame.left + frame.cell_width * len(self.grid.column_names) + scale_width(self.grid)
            paint_scale(painter, self.grid, frame, self.theme, right)

    def _cells_pixmap(self) -> QPixmap:
        """The cells as a picture, so that moving the mouse over many of them costs nothing."""
        ratio = self.devicePixelRatioF()
        key = (self.grid, self.theme, self.size(), ratio)
        if self._cached_cells is None or self._cached_cells[0] != key:
            picture = QPixmap(self.size() * ratio)
            picture.setDevicePixelRatio(ratio)
            picture.fill(QColor(self.theme.panel))
            painter = QPainter(picture)
            painter.setRenderHint(QPainter.RenderHint.Antialiasing)
            at = self.grid_frame()
            paint_cells(painter, self.grid, at, self.theme)
            self._paint_scale(painter, at)
            painter.end()
            self._cached_cells = (key, picture)
        return self._cached_cells[1]
