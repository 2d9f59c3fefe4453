"""Thumbnails of the attention patterns of all heads of a layer; a click selects the head."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QPointF, QRectF, Qt, Signal
from PySide6.QtGui import QColor, QImage, QKeyEvent, QMouseEvent, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QToolTip

from circuitviz.paint.circuit_painter import canvas_font
from circuitviz.paint.plot_export import save_plot
from circuitviz.panels.widgets.themed_widget import ThemedWidget
from circuitviz.plots import TableRows
from circuitviz.shapes.drawing import BoxShape, Drawing, TextShape
from circuitviz.shapes.heat_grid import diverging_colours
from circuitviz.shapes.heat_map_shapes import CellArray
from circuitviz.shapes.plot_axes import PLOT_MARGIN_PT, PlotFigureOptions

NAME_HEIGHT_PX = 15.0
MAX_THUMBNAIL_PX = 120.0  # pixels of a square
MAX_THUMBNAIL_CELLS = 128  # cells across a square on the screen: more could not be told apart
ARROW_HEAD_STEPS = {Qt.Key.Key_Left: -1, Qt.Key.Key_Right: 1}


class AttentionThumbnails(ThemedWidget):
    """Patterns [head, query, key] as small squares. ``head_chosen`` carries a head's number."""

    head_chosen = Signal(int)

    def __init__(self) -> None:
        super().__init__()
        self.head_names: Sequence[str] = ()
        self.patterns: NDArray[Any] = np.zeros((0, 0, 0))
        self.scale_limit = 1.0
        self._downsampled: tuple[NDArray[Any], NDArray[Any]] | None = None
        self.selected_head = -1
        self.build_table: Callable[[], TableRows] = list
        self.setMinimumHeight(70)
        self.setMouseTracking(True)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setAccessibleName("Heads of the layer")

    def show_patterns(
        self,
        head_names: Sequence[str],
        patterns: NDArray[Any],
        scale_limit: float,
        selected_head: int,
        build_table: Callable[[], TableRows],
    ) -> None:
        """Show a layer's heads, one of them selected; ``build_table()`` returns the rows of the CSV."""
        self.head_names = head_names
        self.patterns = patterns
        self.scale_limit = scale_limit
        self.selected_head = selected_head
        self.build_table = build_table
        self.setAccessibleDescription(
            head_names[selected_head] if 0 <= selected_head < len(head_names) else ""
        )
        self.update()

    def drawing(self, figure: PlotFigureOptions) -> Drawing:
        """All heads as a figure, as many in a row as fit."""
        paper, size, theme = figure.new_drawing(), figure.font_size, figure.theme
        n_columns = max(1, min(len(self.head_names), int((paper.width - PLOT_MARGIN_PT) / (8.5 * size))))
        size_px = (paper.width - 2 * PLOT_MARGIN_PT - (n_columns - 1) * size) / n_columns
        causal = np.tril(np.ones(self.patterns.shape[1:], dtype=bool))
        for i, name in enumerate(self.head_names):
            left = PLOT_MARGIN_PT + (i % n_columns) * (size_px + size)
            top = PLOT_MARGIN_PT + 1.3 * size + (i // n_columns) * (size_px + 2.2 * size)
            shades = diverging_colours(self.patterns[i] / (self.scale_limit or 1.0), theme)
            paper.body += CellArray(shades, causal, (left, top, size_px, size_px)).boxes()
            paper.body.append(BoxShape("frame", left, top, size_px, size_px, "", theme.line, 0.5, "square"))
            paper.words.append(TextShape(left, top - 0.4 * size, name, size, theme.text))
        lines = -(-len(self.head_names) // n_columns)
        paper.height = 2 * PLOT_MARGIN_PT + lines * (size_px + 2.2 * size)
        return paper

    def cells(self) -> TableRows:
        """The numbers of all heads."""
        return self.build_table()

    def save(self, path: Path) -> None:
        """Write the figure or the numbers of all heads."""
        save_plot(self, path)

    def thumbnail_rect(self, head: int) -> QRectF:
        """A head's square in pixels, as large as the widget allows."""
        number = max(1, len(self.head_names))
        best_size, n_columns = 0.0, 1
        for columns in range(1, number + 1):
            lines = -(-number // columns)
            size = min(self.width() / columns - 8, self.height() / lines - NAME_HEIGHT_PX - 6)
            if size > best_size:
                best_size, n_columns = size, columns
        best_size = max(8.0, min(best_size, MAX_THUMBNAIL_PX))
        return QRectF(
            1 + (head % n_columns) * (best_size + 8),
            NAME_HEIGHT_PX + 1 + (head // n_columns) * (best_size + NAME_HEIGHT_PX + 6),
            best_size,
            best_size,
        )

    def _head_at(self, place: QPointF) -> int:
        heads = (
            i
            for i in range(len(self.head_names))
            if self.thumbnail_rect(i).adjusted(0, -NAME_HEIGHT_PX, 0, 0).contains(place)
        )
        return next(heads, -1)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        """Describe the head under the pointer, and the key with the most attention from its last token."""
        head = self._head_at(event.position())
        self.setCursor(Qt.CursorShape.ArrowCursor if head < 0 else Qt.CursorShape.PointingHandCursor)
        QToolTip.showText(event.globalPosition().toPoint(), self.head_names[head] if head >= 0 else "", self)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Choose a head."""
        head = self._head_at(event.position())
        if head >= 0:
            self.head_chosen.emit(head)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Left and right go from head to head."""
        step = ARROW_HEAD_STEPS.get(Qt.Key(event.key()))
        if step is not None and self.head_names:
            self.head_chosen.emit((self.selected_head + step) % len(self.head_names))
        else:
            super().keyPressEvent(event)

    def _screen_patterns(self) -> NDArray[Any]:
        """The maps as the screen shows them, found once: hovering and choosing repaint them."""
        if self._downsampled is None or self._downsampled[0] is not self.patterns:
            self._downsampled = self.patterns, downsample(self.patterns, MAX_THUMBNAIL_CELLS)
        return self._downsampled[1]

    def paintEvent(self, event: QPaintEvent) -> None:
        """Names and squares."""
        painter = QPainter(self)
        painter.setFont(canvas_font(10))
        maps = self._screen_patterns()
        causal = np.tril(np.ones(maps.shape[1:], dtype=bool))
        ground = QColor(self.theme.panel)
        for i, name in enumerate(self.head_names):
            box = self.thumbnail_rect(i)
            shades = diverging_colours(maps[i] / (self.scale_limit or 1.0), self.theme)
            shades[~causal] = (ground.red(), ground.green(), ground.blue())
            _paint_pattern(painter, box, shades)
            is_selected = i == self.selected_head
            painter.setPen(QColor(self.theme.accent if is_selected else self.theme.muted))
            above = QRectF(box.left(), box.top() - NAME_HEIGHT_PX, max(box.width(), 40), NAME_HEIGHT_PX - 2)
            painter.drawText(above, Qt.AlignmentFlag.AlignVCenter, name)
            colour = self.theme.accent if is_selected else self.theme.line
            painter.setPen(QPen(QColor(colour), 2.0 if is_selected else 1.0))
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.drawRect(box)
        painter.end()


def downsample(patterns: NDArray[Any], max_cells: int) -> NDArray[Any]:
    """Maps [head, query, key] with at most so many cells across: of cells that become one, the largest."""
    step = -(-patterns.shape[1] // max_cells)
    if step <= 1:
        return patterns
    first = np.arange(0, patterns.shape[1], step)
    maxima, minima = (
        each.reduceat(each.reduceat(patterns, first, axis=1), first, axis=2)
        for each in (np.maximum, np.minimum)
    )
    return np.asarray(np.where(maxima >= -minima, maxima, minima))


def _paint_pattern(painter: QPainter, rect: QRectF, colours: NDArray[np.uint8]) -> None:
    rows, columns, _ = colours.shape
    image = QImage(colours.tobytes(), columns, rows, 3 * columns, QImage.Format.Format_RGB888)
    painter.drawImage(rect, image)
