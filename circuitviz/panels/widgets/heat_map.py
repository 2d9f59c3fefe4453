"""The widget of every heat map: paints the shapes of figure files, and handles mouse and keys."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import numpy as np
from PySide6.QtCore import QEvent, QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QColor, QImage, QKeyEvent, QMouseEvent, QPainter, QPaintEvent, QPen, QPixmap
from PySide6.QtWidgets import QSizePolicy, QToolTip

from circuitviz.paint.circuit_painter import canvas_font
from circuitviz.paint.plot_export import save_plot
from circuitviz.paint.shape_painter import paint_drawing
from circuitviz.panels.widgets.themed_widget import ThemedWidget
from circuitviz.plots import TableRows
from circuitviz.shapes.drawing import Drawing, TextShape
from circuitviz.shapes.heat_grid import HeatGrid
from circuitviz.shapes.heat_map_shapes import CellArray, HeatMapLayout, figure_of_heat_map, lay_out_heat_map
from circuitviz.shapes.plot_axes import PlotFigureOptions
from circuitviz.shapes.text_metrics import SCREEN_FONT, text_width

TEXT_PX = 11  # of all text in a heat map
ARROW_STEPS = {
    Qt.Key.Key_Up: (-1, 0),
    Qt.Key.Key_Down: (1, 0),
    Qt.Key.Key_Left: (0, -1),
    Qt.Key.Key_Right: (0, 1),
}
NO_CELL = (-1, -1)


class HeatMap(ThemedWidget):
    """Shows a ``HeatGrid``.

    Args:
        name: the accessible name.
        show_scale: whether the colour scale stands at the right.
        square_cells: whether cells are as wide as high.
        min_row_height: least height of a row in pixels; in a scroll area a tall grid scrolls.
        max_row_height: pixels above which a row does not grow.

    Signals:
        cell_hovered(int, int): row and column under the mouse or the keyboard; −1, −1 for none.
        cell_chosen(int, int): row and column that were clicked, or chosen with Return.
        escape_pressed: Escape was pressed.
        grid_changed: other numbers are shown.

    Attributes:
        keep_row_names: whether row names stay at the left edge of what is visible, in a scroll area.
        left_space: least width of row names in pixels; otherwise they take less than half of the map.
    """

    cell_hovered = Signal(int, int)
    cell_chosen = Signal(int, int)
    escape_pressed = Signal()
    grid_changed = Signal()

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
        self.grid = HeatGrid((), (), np.zeros((0, 0)))
        self.marked_nodes: frozenset[str] = frozenset()
        self.highlighted_row = -1
        self.hovered_cell = NO_CELL
        self.keep_row_names, self.left_space = False, 0.0
        self._cached_layout: tuple[object, Drawing, HeatMapLayout] | None = None
        self._cached_cells: tuple[object, QPixmap] | None = None
        self._cached_map: tuple[object, QPixmap] | None = None
        self._shows_scale, self._has_square_cells = show_scale, square_cells
        self._min_row_height, self._max_row_height = min_row_height, max_row_height
        self.setAccessibleName(name)
        self.setMouseTracking(True)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)

    def show_grid(self, grid: HeatGrid) -> None:
        """Show other numbers; the hovered cell stays where there is still a cell."""
        self.grid = grid
        if not grid.has_cell(*self.hovered_cell):
            self.hovered_cell = NO_CELL
        names_height = self._lay_out(QSize(400, 300))[1].axes.frame[1]
        self.setMinimumHeight(round(names_height + self._min_row_height * len(grid.row_names) + 4))
        self.update()
        self.grid_changed.emit()
        if self.hovered_cell != NO_CELL:
            self.cell_hovered.emit(*self.hovered_cell)  # it has another text now

    def mark_nodes(self, nodes: frozenset[str], highlighted_row: int = -1) -> None:
        """Frame the cells of these nodes, and frame a row."""
        if (nodes, highlighted_row) != (self.marked_nodes, self.highlighted_row):
            self.marked_nodes, self.highlighted_row = nodes, highlighted_row
            self.update()

    def layout_shapes(self) -> tuple[Drawing, HeatMapLayout]:
        """The shapes that the window paints besides cells and names, and where the cells lie, in pixels."""
        key = (self.grid, self.theme, self.size(), canvas_font(TEXT_PX).pixelSize(), self.left_space)
        if self._cached_layout is None or self._cached_layout[0] != key:
            self._cached_layout = (key, *self._lay_out(self.size()))
        return self._cached_layout[1:]

    def name_margins(self, width_px: int) -> tuple[float, float, float]:
        """Pixels that names and edges take at the left, the top and the right of a map of a width."""
        page = Drawing(width_px, 0, self.theme.panel, SCREEN_FONT)
        font_px, no_texts = float(canvas_font(TEXT_PX).pixelSize()), replace(self.grid, cell_texts=())
        layout = lay_out_heat_map(
            no_texts,
            page,
            font_px,
            1e4,
            self.theme,
            has_scale=self._shows_scale,
            elides_texts=True,
            left_space=self.left_space,
        )
        left, top, width, _height = layout.axes.frame
        return left, top, width_px - left - width

    def right_end_of_names(self) -> float:
        """Where the names above the map end at the right, in pixels."""
        layout = self.layout_shapes()[1]
        _lines, words = layout.axes.draw(self.theme, SCREEN_FONT, canvas_font(TEXT_PX).pixelSize())
        ends = (
            word.x + text_width(word.text, SCREEN_FONT, word.size) * math.cos(math.radians(word.rotation_deg))
            for word in words
            if isinstance(word, TextShape) and word.rotation_deg
        )
        return max(ends, default=0.0)

    def cell_rect(self, row: int, column: int) -> QRectF:
        """A cell with its gap, in pixels."""
        return QRectF(*self.layout_shapes()[1].cell_bounds(row, column))

    def cell_center(self, row: int, column: int) -> QPointF:
        """The middle of a cell, in pixels."""
        return self.cell_rect(row, column).center()

    def cell_at(self, place: QPointF) -> tuple[int, int]:
        """The cell at a place, or −1, −1."""
        cell = self.layout_shapes()[1].cell_at(place.x(), place.y())
        return cell if self.grid.has_cell(*cell) else NO_CELL

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
        return figure_of_heat_map(self.grid, figure, square_cells=self._has_square_cells)

    def cells(self) -> TableRows:
        """The table behind the map."""
        return self.grid.build_table()

    def save(self, path: Path) -> None:
        """Write the figure or its table (CSV), as the suffix says."""
        save_plot(self, path)

    def sizeHint(self) -> QSize:
        """A comfortable height for the rows."""
        return QSize(420, round(60 + max(self._min_row_height, 20) * len(self.grid.row_names)))

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        """Hover the cell under the mouse and show its text."""
        cell = self.cell_at(event.position())
        self.setCursor(Qt.CursorShape.ArrowCursor if cell == NO_CELL else Qt.CursorShape.PointingHandCursor)
        self.hover_cell(*cell)
        QToolTip.showText(event.globalPosition().toPoint(), self.grid.cell_description(*cell), self)

    def leaveEvent(self, event: QEvent) -> None:
        """Hover no cell."""
        self.hover_cell(*NO_CELL)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Choose the cell under the mouse."""
        cell = self.cell_at(event.position())
        if event.button() is Qt.MouseButton.LeftButton and cell != NO_CELL:
            self.hover_cell(*cell)
            self.cell_chosen.emit(*cell)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Arrows go to the next cell, Return chooses it; Escape is passed on as a signal."""
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
        """Go to the next cell in a direction, over places without a cell."""
        n_rows, n_columns = self.grid.values.shape
        if self.hovered_cell == NO_CELL:
            cells = np.argwhere(np.isfinite(self.grid.values)).tolist()
            if cells:
                self.hover_cell(*cells[0])
            return
        row, column = self.hovered_cell[0] + down, self.hovered_cell[1] + across
        while 0 <= row < n_rows and 0 <= column < n_columns:
            if self.grid.has_cell(row, column):
                self.hover_cell(row, column)
                return
            row, column = row + down, column + across

    def paintEvent(self, event: QPaintEvent) -> None:
        """Paint the map, which is cached, then the frame of the cell under the mouse."""
        painter = QPainter(self)
        if not self.grid.values.size:
            painter.fillRect(self.rect(), QColor(self.theme.panel))
            return
        painter.drawPixmap(0, 0, self._map_pixmap())
        if self.grid.has_cell(*self.hovered_cell):
            painter.setRenderHint(QPainter.RenderHint.Antialiasing)
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.setPen(QPen(QColor(self.theme.text), 1.5))
            painter.drawRect(self.cell_rect(*self.hovered_cell).adjusted(-0.5, -0.5, -0.5, -0.5))
        hidden_px = self.visibleRegion().boundingRect().left()
        if self.keep_row_names and hidden_px > 0:
            names = QRectF(0, 0, self.layout_shapes()[1].axes.frame[0], self.height())
            ratio = self.devicePixelRatioF()
            source = QRectF(0, 0, names.width() * ratio, names.height() * ratio)
            painter.drawPixmap(names.translated(hidden_px, 0), self._map_pixmap(), source)
        painter.end()

    def _lay_out(self, size: QSize) -> tuple[Drawing, HeatMapLayout]:
        page = Drawing(size.width(), size.height(), self.theme.panel, SCREEN_FONT)
        layout = lay_out_heat_map(
            self.grid,
            page,
            float(canvas_font(TEXT_PX).pixelSize()),
            size.height(),
            self.theme,
            square_cells=self._has_square_cells,
            max_cell_height=self._max_row_height,
            has_scale=self._shows_scale,
            elides_texts=True,
            cell_gap=1.0,
            left_space=self.left_space,
        )
        return page, layout

    def _name_colours(self) -> dict[float, str]:
        """Colours of row names that stand out: of marked nodes, and of the highlighted row."""
        colours = {self.highlighted_row + 0.5: self.theme.text}
        if len({node for nodes in self.grid.cell_nodes for node in nodes}) > 1:
            for row, nodes in enumerate(self.grid.cell_nodes):
                if self.marked_nodes.intersection(nodes):
                    colours[row + 0.5] = self.theme.accent
        return colours

    def _map_pixmap(self) -> QPixmap:
        """Cells, names and the frames of what is selected: moving the mouse over them repaints none."""
        cells = self._cells_pixmap()
        key = (cells.cacheKey(), self.marked_nodes, self.highlighted_row)
        if self._cached_map is None or self._cached_map[0] != key:
            pixmap = QPixmap(cells)
            painter = QPainter(pixmap)
            self._paint_names(painter)
            self._paint_selection(painter)
            painter.end()
            self._cached_map = (key, pixmap)
        return self._cached_map[1]

    def _paint_names(self, painter: QPainter) -> None:
        page, layout = self.layout_shapes()
        names = Drawing(page.width, page.height, "", SCREEN_FONT)
        _lines, names.words = layout.axes.draw(
            self.theme, SCREEN_FONT, canvas_font(TEXT_PX).pixelSize(), self._name_colours()
        )
        paint_drawing(names, painter)

    def _paint_selection(self, painter: QPainter) -> None:
        """Frame the highlighted row, and the cells of marked nodes."""
        painter.setBrush(Qt.BrushStyle.NoBrush)
        if 0 <= self.highlighted_row < len(self.grid.row_names):
            painter.setPen(QPen(QColor(self.theme.muted), 1.0))
            columns = np.flatnonzero(np.isfinite(self.grid.values[self.highlighted_row])).tolist() or [0]
            first, last = (
                self.cell_rect(self.highlighted_row, column) for column in (columns[0], columns[-1])
            )
            painter.drawRect(first.united(last).adjusted(-0.5, -0.5, -0.5, -0.5))
        painter.setPen(QPen(QColor(self.theme.accent), 2.0))
        for row, nodes in enumerate(self.grid.cell_nodes if self.marked_nodes else ()):
            if len(set(nodes)) > 1:  # a row of one node is marked by its name
                for column, node in enumerate(nodes):
                    if node in self.marked_nodes:
                        painter.drawRect(self.cell_rect(row, column).adjusted(0, 0, -1, -1))

    def _cells_pixmap(self) -> QPixmap:
        """Cells, their texts and the scale: a change of the selection repaints none."""
        page, layout = self.layout_shapes()
        ratio = self.devicePixelRatioF()
        key = (layout, ratio)
        if self._cached_cells is None or self._cached_cells[0] != key:
            pixmap = QPixmap(self.size() * ratio)
            pixmap.setDevicePixelRatio(ratio)
            pixmap.fill(QColor(self.theme.panel))
            painter = QPainter(pixmap)
            paint_cells(painter, layout.cells, self.theme.panel)
            paint_drawing(
                Drawing(page.width, page.height, "", page.font, page.body, page.legend, page.words), painter
            )
            painter.end()
            self._cached_cells = (key, pixmap)
        return self._cached_cells[1]


def paint_cells(painter: QPainter, cells: CellArray, background: str) -> None:
    """Paint cells as one image in the device's own pixels, with the background in the gaps."""
    n_rows, n_columns = cells.has_value.shape
    left, top, width, height = cells.bounds
    ratio = painter.device().devicePixelRatio()
    ground = np.uint32(QColor(background).rgb() & 0xFFFFFF)
    colours = cells.colours.astype(np.uint32) @ np.array([1 << 16, 1 << 8, 1], dtype=np.uint32)
    colours[~cells.has_value] = ground
    rows, in_row_gap = _cells_of_pixels(n_rows, height * ratio, cells.gap * ratio)
    columns, in_column_gap = _cells_of_pixels(n_columns, width * ratio, cells.gap * ratio)
    lines = colours[:, columns]
    lines[:, in_column_gap] = ground
    pixels = lines[rows]
    pixels[in_row_gap] = ground
    n_lines, n_pixels = pixels.shape
    image = QImage(pixels.tobytes(), n_pixels, n_lines, 4 * n_pixels, QImage.Format.Format_RGB32)
    image.setDevicePixelRatio(ratio)
    painter.setRenderHint(
        QPainter.RenderHint.Antialiasing, False
    )  # a pixel of the image is one of the device
    painter.drawImage(QPointF(round(left), round(top)), image)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)


def _cells_of_pixels(n_cells: int, n_pixels: float, gap: float) -> tuple[np.ndarray, np.ndarray]:
    """Of each pixel along a line of cells: the cell, and whether it lies in the gap at the cell's end."""
    centers, size = np.arange(round(n_pixels)) + 0.5, n_pixels / n_cells
    cells = np.minimum((centers / size).astype(np.intp), n_cells - 1)
    return cells, centers + gap > (cells + 1) * size
