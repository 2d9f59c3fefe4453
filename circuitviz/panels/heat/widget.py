"""The one heat map widget: hover reads out, click chooses, arrows walk, it is saved as it is seen."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PySide6.QtCore import QEvent, QPointF, QSize, QSizeF, Qt, Signal
from PySide6.QtGui import QColor, QKeyEvent, QMouseEvent, QPainter, QPaintEvent, QPen, QPixmap
from PySide6.QtWidgets import QSizePolicy, QToolTip, QWidget

from circuitviz.canvas.theme import LIGHT
from circuitviz.panels.heat.grid import HeatGrid, Table
from circuitviz.panels.heat.paint import (
    Frame,
    frame,
    paint_cells,
    paint_marks,
    paint_scale,
    scale_width,
)
from circuitviz.panels.heat.sheet import drawing_of
from circuitviz.panels.saving import save_plot
from circuitviz.pictures.drawing import Drawing
from circuitviz.pictures.plots import PlotFigure

STEPS = {
    Qt.Key.Key_Up: (-1, 0),
    Qt.Key.Key_Down: (1, 0),
    Qt.Key.Key_Left: (0, -1),
    Qt.Key.Key_Right: (0, 1),
}
NOWHERE = (-1, -1)


class HeatMap(QWidget):
    """Shows a HeatGrid. ``pointed`` and ``chosen`` carry row and column; −1, −1 is nowhere.

    ``least``: pixels below which a row is not pressed together; put into a scroll area, a tall grid
    scrolls. ``marked`` nodes are framed, ``row`` stands out.
    """

    pointed = Signal(int, int)
    chosen = Signal(int, int)
    escaped = Signal()

    def __init__(
        self, name: str, *, scale: bool = True, square: bool = False, least: float = 13.0, most: float = 36.0
    ) -> None:
        super().__init__()
        self.theme = LIGHT
        self.grid = HeatGrid((), (), np.zeros((0, 0)))
        self.marked: frozenset[str] = frozenset()
        self.row = -1
        self.place = NOWHERE
        self._kept: tuple[tuple[object, ...], QPixmap] | None = None
        self._scale, self._square, self._least, self._most = scale, square, least, most
        self.setAccessibleName(name)
        self.setMouseTracking(True)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)

    def show_grid(self, grid: HeatGrid) -> None:
        """Show other numbers; the place pointed at stays where there is still a cell."""
        self.grid = grid
        if not grid.has(*self.place):
            self.place = NOWHERE
        top = frame(grid, QSizeF(400, 300), scale=self._scale).top
        self.setMinimumHeight(round(top + self._least * len(grid.rows) + 4))
        self.update()
        if self.place != NOWHERE:
            self.pointed.emit(*self.place)  # the cell that is pointed at says something else now

    def mark(self, nodes: frozenset[str], row: int = -1) -> None:
        """Frame the cells of these nodes, and let a row stand out."""
        if (nodes, row) != (self.marked, self.row):
            self.marked, self.row = nodes, row
            self.update()

    def frame(self) -> Frame:
        """Where the cells lie now."""
        room = QSizeF(self.size())
        return frame(self.grid, room, scale=self._scale, square=self._square, highest=self._most)

    def centre_of(self, row: int, column: int) -> QPointF:
        """The middle of a cell, in pixels."""
        return self.frame().cell(row, column).center()

    def cell_at(self, place: QPointF) -> tuple[int, int]:
        """The cell at a place, or −1, −1."""
        at = self.frame()
        row, column = (place.y() - at.top) // at.high, (place.x() - at.left) // at.wide
        return (int(row), int(column)) if self.grid.has(int(row), int(column)) else NOWHERE

    def point(self, row: int, column: int) -> None:
        """Point at a cell, as the mouse or a key does."""
        if (row, column) == self.place:
            return
        self.place = (row, column)
        self.setAccessibleDescription(self.grid.say(row, column))
        self.pointed.emit(row, column)
        self.update()

    def drawing(self, figure: PlotFigure) -> Drawing:
        """The map on paper: every cell a shape, every name text."""
        return drawing_of(self.grid, figure, self._square)

    def cells(self) -> Table:
        """The table behind the map."""
        return self.grid.table()

    def save(self, path: Path) -> None:
        """Write the picture or its table (CSV), as the suffix says."""
        save_plot(self, path)

    def sizeHint(self) -> QSize:
        """What its rows like."""
        return QSize(420, round(60 + max(self._least, 20) * len(self.grid.rows)))

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        """Follow the pointer, and say what it is over."""
        place = self.cell_at(event.position())
        self.setCursor(Qt.CursorShape.ArrowCursor if place == NOWHERE else Qt.CursorShape.PointingHandCursor)
        if place != self.place:
            self.point(*place)
        QToolTip.showText(event.globalPosition().toPoint(), self.grid.say(*place), self)

    def leaveEvent(self, event: QEvent) -> None:
        """Nothing is pointed at."""
        self.point(*NOWHERE)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Choose a cell."""
        place = self.cell_at(event.position())
        if event.button() is Qt.MouseButton.LeftButton and place != NOWHERE:
            self.point(*place)
            self.chosen.emit(*place)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Arrows walk from cell to cell, Enter chooses, Escape lets go."""
        key = Qt.Key(event.key())
        if key in STEPS:
            self._step(*STEPS[key])
        elif key in (Qt.Key.Key_Return, Qt.Key.Key_Enter, Qt.Key.Key_Space) and self.place != NOWHERE:
            self.chosen.emit(*self.place)
        elif key is Qt.Key.Key_Escape:
            self.escaped.emit()
        else:
            super().keyPressEvent(event)

    def _step(self, down: int, across: int) -> None:
        rows, columns = self.grid.values.shape
        if self.place == NOWHERE:
            first = np.argwhere(np.isfinite(self.grid.values))
            if len(first):
                self.point(*(int(i) for i in first[0]))
            return
        row, column = self.place[0] + down, self.place[1] + across
        while 0 <= row < rows and 0 <= column < columns:
            if self.grid.has(row, column):
                self.point(row, column)
                return
            row, column = row + down, column + across

    def paintEvent(self, event: QPaintEvent) -> None:
        """Cells, which are kept as a picture, names, and a frame around the cell pointed at."""
        painter = QPainter(self)
        if self.grid.values.size:
            painter.drawPixmap(0, 0, self._cells())
            at = self.frame()
            paint_marks(painter, self.grid, at, self.theme, row=self.row, marked=self.marked)
        if self.grid.has(*self.place):
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.setPen(QPen(QColor(self.theme.text), 1.5))
            painter.drawRect(self.frame().cell(*self.place).adjusted(-0.5, -0.5, -0.5, -0.5))
        painter.end()

    def _draw_scale(self, painter: QPainter, at: Frame) -> None:
        if self._scale:
            right = at.left + at.wide * len(self.grid.columns) + scale_width(self.grid)
            paint_scale(painter, self.grid, at, self.theme, right)

    def _cells(self) -> QPixmap:
        """The cells as a picture, so that moving the mouse over many of them costs nothing."""
        ratio = self.devicePixelRatioF()
        key = (self.grid, self.theme, self.size(), ratio)
        if self._kept is None or self._kept[0] != key:
            picture = QPixmap(self.size() * ratio)
            picture.setDevicePixelRatio(ratio)
            picture.fill(QColor(self.theme.panel))
            painter = QPainter(picture)
            painter.setRenderHint(QPainter.RenderHint.Antialiasing)
            at = self.frame()
            paint_cells(painter, self.grid, at, self.theme)
            self._draw_scale(painter, at)
            painter.end()
            self._kept = (key, picture)
        return self._kept[1]
