"""All heads of a layer at a glance: a small pattern each, a click selects the head."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QPointF, QRectF, Qt, Signal
from PySide6.QtGui import QColor, QImage, QKeyEvent, QMouseEvent, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QToolTip, QWidget

from circuitviz.canvas.paint import font
from circuitviz.canvas.theme import LIGHT
from circuitviz.panels.heat.grid import Table, shade
from circuitviz.panels.heat.sheet import squares
from circuitviz.panels.saving import save_plot
from circuitviz.pictures.drawing import Box, Drawing, Text
from circuitviz.pictures.plots import MARGIN, PlotFigure

NAME = 15.0
LARGEST = 120.0  # pixels of a square
FINEST = 128  # cells across a square on the screen: more could not be told apart
KEYS = {Qt.Key.Key_Left: -1, Qt.Key.Key_Right: 1}


class Thumbnails(QWidget):
    """Patterns [head, query, key] as small squares. ``chosen`` carries a head's number."""

    chosen = Signal(int)

    def __init__(self) -> None:
        super().__init__()
        self.theme = LIGHT
        self.names: Sequence[str] = ()
        self.maps: NDArray[Any] = np.zeros((0, 0, 0))
        self.limit = 1.0
        self._shown: tuple[NDArray[Any], NDArray[Any]] | None = None
        self.head = -1
        self.table: Callable[[], Table] = list
        self.setMinimumHeight(70)
        self.setMouseTracking(True)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setAccessibleName("Heads of the layer")

    def show_maps(
        self,
        names: Sequence[str],
        maps: NDArray[Any],
        limit: float,
        head: int,
        table: Callable[[], Table],
    ) -> None:
        """Show a layer's heads, one of them selected; ``table()``: the rows that CSV gets."""
        self.names, self.maps, self.limit, self.head, self.table = names, maps, limit, head, table
        self.setAccessibleDescription(names[head] if 0 <= head < len(names) else "")
        self.update()

    def drawing(self, figure: PlotFigure) -> Drawing:
        """All heads on paper, as many beside each other as fit."""
        paper, size, theme = figure.paper(), figure.font_size, figure.theme
        across = max(1, min(len(self.names), int((paper.width - MARGIN) / (8.5 * size))))
        wide = (paper.width - 2 * MARGIN - (across - 1) * size) / across
        causal = np.tril(np.ones(self.maps.shape[1:], dtype=bool))
        for i, name in enumerate(self.names):
            left = MARGIN + (i % across) * (wide + size)
            top = MARGIN + 1.3 * size + (i // across) * (wide + 2.2 * size)
            shades = shade(self.maps[i] / (self.limit or 1.0), theme)
            paper.body += squares(shades, causal, (left, top, wide, wide))
            paper.body.append(Box("frame", left, top, wide, wide, "", theme.line, 0.5, "square"))
            paper.words.append(Text(left, top - 0.4 * size, name, size, theme.text))
        lines = -(-len(self.names) // across)
        paper.height = 2 * MARGIN + lines * (wide + 2.2 * size)
        return paper

    def cells(self) -> Table:
        """The numbers of all heads."""
        return self.table()

    def save(self, path: Path) -> None:
        """Write the picture or the numbers of all heads."""
        save_plot(self, path)

    def box(self, head: int) -> QRectF:
        """A head's square, in pixels, as large as the room allows."""
        number = max(1, len(self.names))
        best, across = 0.0, 1
        for columns in range(1, number + 1):
            lines = -(-number // columns)
            size = min(self.width() / columns - 8, self.height() / lines - NAME - 6)
            if size > best:
                best, across = size, columns
        best = max(8.0, min(best, LARGEST))
        return QRectF(
            1 + (head % across) * (best + 8), NAME + 1 + (head // across) * (best + NAME + 6), best, best
        )

    def _at(self, place: QPointF) -> int:
        found = (i for i in range(len(self.names)) if self.box(i).adjusted(0, -NAME, 0, 0).contains(place))
        return next(found, -1)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        """Say which head, and where its last token looks most."""
        head = self._at(event.position())
        self.setCursor(Qt.CursorShape.ArrowCursor if head < 0 else Qt.CursorShape.PointingHandCursor)
        QToolTip.showText(event.globalPosition().toPoint(), self.names[head] if head >= 0 else "", self)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Choose a head."""
        head = self._at(event.position())
        if head >= 0:
            self.chosen.emit(head)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Left and right go from head to head."""
        step = KEYS.get(Qt.Key(event.key()))
        if step is not None and self.names:
            self.chosen.emit((self.head + step) % len(self.names))
        else:
            super().keyPressEvent(event)

    def _coarse(self) -> NDArray[Any]:
        """The maps as the screen shows them, found once: hovering and choosing repaint them."""
        if self._shown is None or self._shown[0] is not self.maps:
            self._shown = self.maps, coarse(self.maps, FINEST)
        return self._shown[1]

    def paintEvent(self, event: QPaintEvent) -> None:
        """Names and squares."""
        painter = QPainter(self)
        painter.setFont(font(10))
        maps = self._coarse()
        causal = np.tril(np.ones(maps.shape[1:], dtype=bool))
        ground = QColor(self.theme.panel)
        for i, name in enumerate(self.names):
            box = self.box(i)
            shades = shade(maps[i] / (self.limit or 1.0), self.theme)
            shades[~causal] = (ground.red(), ground.green(), ground.blue())
            _square(painter, box, shades)
            mine = i == self.head
            painter.setPen(QColor(self.theme.accent if mine else self.theme.muted))
            above = QRectF(box.left(), box.top() - NAME, max(box.width(), 40), NAME - 2)
            painter.drawText(above, Qt.AlignmentFlag.AlignVCenter, name)
            colour = self.theme.accent if mine else self.theme.line
            painter.setPen(QPen(QColor(colour), 2.0 if mine else 1.0))
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.drawRect(box)
        painter.end()


def coarse(maps: NDArray[Any], most: int) -> NDArray[Any]:
    """Maps [head, query, key] with at most so many cells across: of cells that become one, the largest."""
    step = -(-maps.shape[1] // most)
    if step <= 1:
        return maps
    first = np.arange(0, maps.shape[1], step)
    high, low = (
        each.reduceat(each.reduceat(maps, first, axis=1), first, axis=2) for each in (np.maximum, np.minimum)
    )
    return np.asarray(np.where(high >= -low, high, low))


def _square(painter: QPainter, box: QRectF, shades: NDArray[np.uint8]) -> None:
    rows, columns, _ = shades.shape
    image = QImage(shades.tobytes(), columns, rows, 3 * columns, QImage.Format.Format_RGB888)
    painter.drawImage(box, image)
