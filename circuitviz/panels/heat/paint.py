"""The strokes that draw a heat map in the window; sheet.py puts the same on paper."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QPointF, QRectF, QSizeF, Qt
from PySide6.QtGui import QColor, QFontMetricsF, QImage, QPainter, QPen, QStaticText

from circuitviz.canvas.paint import font
from circuitviz.canvas.theme import Theme
from circuitviz.panels.heat.grid import HeatGrid, Shades, inks, shade
from circuitviz.pictures.plots import printed

LEFTMOST, TALLEST = 118.0, 62.0  # pixels that names may take
SCALE, UNIT = 58.0, 19.0  # pixels of the colour scale at the right, and of its unit beside it
GAP = 1.0
RIGHT = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
MIDDLE = Qt.AlignmentFlag.AlignCenter


@dataclass(frozen=True)
class Frame:
    """Where a grid lies in its picture: top left corner of the cells, and their size."""

    left: float
    top: float
    wide: float
    high: float
    turned: bool
    size: float

    def cell(self, row: int, column: int) -> QRectF:
        """A cell with its gap."""
        return QRectF(self.left + column * self.wide, self.top + row * self.high, self.wide, self.high)


def shown(token: str) -> str:
    """A token as it is written in a picture: spaces and line ends can be seen."""
    if not token.strip():
        return token.replace(" ", "␣").replace("\n", "⏎") or "∅"
    return token.strip()


def frame(
    grid: HeatGrid, room: QSizeF, *, scale: bool = True, square: bool = False, highest: float = 36.0
) -> Frame:
    """Fit a grid into a room: names left and above, a scale at the right."""
    rows, columns = (max(1, n) for n in grid.values.shape)
    size = 11.0
    metrics = QFontMetricsF(font(size))
    names = max((metrics.horizontalAdvance(name) for name in grid.rows), default=0.0)
    left = min(LEFTMOST, names + 10) if names else 1.0
    wide = (room.width() - left - (scale_width(grid) if scale else 1.0)) / columns
    longest = max((metrics.horizontalAdvance(name) for name in grid.columns), default=0.0)
    turned = longest > wide - 4
    top = 1.0 if not longest else (min(TALLEST, longest * 0.87 + 14) if turned else 20.0)
    if turned and not scale:
        wide -= top * 0.45 / columns  # the last name leans out
    high = min(highest, (room.height() - top - 2) / rows)
    if square:
        wide = high = max(1.0, min(wide, high if highest <= wide else (room.height() - top - 2) / rows))
    return Frame(left, top, max(1.0, wide), max(1.0, high), turned, size)


def paint_marks(
    painter: QPainter,
    grid: HeatGrid,
    at: Frame,
    theme: Theme,
    *,
    row: int = -1,
    marked: frozenset[str] = frozenset(),
) -> None:
    """Names and frames: what changes as the mouse moves."""
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    _names(painter, grid, at, theme, row, marked)
    painter.setBrush(Qt.BrushStyle.NoBrush)
    pen = QPen(QColor(theme.text), 1.4)
    pen.setJoinStyle(Qt.PenJoinStyle.MiterJoin)
    painter.setPen(pen)
    for place in grid.strong:
        painter.drawRect(at.cell(*place).adjusted(0.5, 0.5, -1.5, -1.5))
    if 0 <= row < len(grid.rows):
        painter.setPen(QPen(QColor(theme.muted), 1.0))
        there = np.flatnonzero(np.isfinite(grid.values[row])).tolist() or [0]
        ends = at.cell(row, there[0]).united(at.cell(row, there[-1]))
        painter.drawRect(ends.adjusted(-0.5, -0.5, -0.5, -0.5))
    painter.setPen(QPen(QColor(theme.accent), 2.0))
    for i, nodes in enumerate(grid.nodes if marked else ()):
        for j, node in enumerate(nodes):
            if node in marked and len(set(nodes)) > 1:
                painter.drawRect(at.cell(i, j).adjusted(0, 0, -1, -1))


def paint_cells(painter: QPainter, grid: HeatGrid, at: Frame, theme: Theme) -> None:
    """Cells as one bitmap, as fine as the screen, with lines of the ground between them, and their texts."""
    ground, shades = QColor(theme.panel).rgb() & 0xFFFFFF, grid.shades(theme)
    colours = shades.astype(np.uint32) @ np.array([1 << 16, 1 << 8, 1], dtype=np.uint32)
    colours[np.isnan(grid.values)] = ground
    ratio = painter.device().devicePixelRatio()
    gap = GAP if min(at.wide, at.high) > 4 else 0.0
    (down, below), (across, beside) = (
        _pixels(number, size * ratio, gap * ratio)
        for number, size in zip(grid.values.shape, (at.high, at.wide), strict=True)
    )
    lines = colours[:, across]
    lines[:, beside] = ground
    pixels = lines[down]
    pixels[below] = ground
    high, wide = pixels.shape
    image = QImage(pixels.tobytes(), wide, high, 4 * wide, QImage.Format.Format_RGB32)
    image.setDevicePixelRatio(ratio)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing, False)  # pixels go onto pixels
    painter.drawImage(QPointF(round(at.left), round(at.top)), image)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    size = min(11.0, at.high - 3)
    if grid.texts and size >= 7 and at.wide > 16:
        painter.setFont(font(size))
        _texts(painter, grid, at, shades)


def _pixels(number: int, size: float, gap: float) -> tuple[NDArray[np.intp], NDArray[np.bool_]]:
    """Of each pixel along ``number`` cells: its cell, and whether it lies in the gap at its cell's end."""
    at = np.arange(round(number * size)) + 0.5
    cells = np.minimum((at / size).astype(np.intp), number - 1)
    return cells, at + gap > (cells + 1) * size


def _texts(painter: QPainter, grid: HeatGrid, at: Frame, shades: Shades) -> None:
    """Texts of cells, in black or white; the same text is laid out once, and left out where only … fits."""
    metrics, room = QFontMetricsF(painter.font()), at.wide - GAP - 3
    cut: dict[str, QStaticText] = {}
    written: dict[str, list[tuple[QPointF, QStaticText]]] = {"#000000": [], "#ffffff": []}
    colours = np.where(inks(shades), *written).tolist()
    for i, j in np.argwhere(np.isfinite(grid.values)).tolist():
        name = grid.texts[i][j]
        if name not in cut:
            fitting = metrics.elidedText(printed(name), Qt.TextElideMode.ElideRight, room)
            cut[name] = QStaticText("" if fitting == "…" else fitting)
            cut[name].setTextFormat(Qt.TextFormat.PlainText)
            cut[name].prepare(font=painter.font())
        if cut[name].text():
            size, middle = cut[name].size(), at.cell(i, j).center() - QPointF(GAP, GAP) / 2
            corner = middle - QPointF(size.width(), size.height()) / 2
            written[colours[i][j]].append((corner, cut[name]))
    for colour, cells in written.items():
        painter.setPen(QColor(colour))
        for corner, text in cells:
            painter.drawStaticText(corner, text)


def _names(
    painter: QPainter, grid: HeatGrid, at: Frame, theme: Theme, row: int, marked: frozenset[str]
) -> None:
    rows, columns = grid.values.shape
    painter.setFont(font(at.size))
    metrics = QFontMetricsF(painter.font())
    elide = Qt.TextElideMode.ElideRight
    several = len({node for nodes in grid.nodes for node in nodes}) > 1
    every = max(1, round(metrics.height() * 0.75 / at.high + 0.49))
    for i in range(0, rows, every):
        mine = several and any(node in marked for node in grid.nodes[i])
        painter.setPen(QColor(theme.accent if mine else theme.text if i == row else theme.muted))
        box = QRectF(0, at.top + i * at.high, at.left - 6, at.high)
        box.adjust(0, -4, 0, 4)
        painter.drawText(box, RIGHT, metrics.elidedText(grid.rows[i], elide, at.left - 8))
    every = max(1, round(metrics.height() * 0.8 / at.wide + 0.49)) if at.turned else 1
    painter.setPen(QColor(theme.muted))
    for j in range(0, columns, every):
        middle = at.left + (j + 0.5) * at.wide
        if at.turned:
            painter.save()
            painter.translate(middle - GAP, at.top - 4)
            painter.rotate(-60)
            text = metrics.elidedText(grid.columns[j], elide, (at.top - 10) / 0.87)
            painter.drawText(QPointF(0, metrics.ascent() * 0.4), text)
            painter.restore()
        else:
            box = QRectF(middle - at.wide / 2, at.top - 20, at.wide, 18)
            painter.drawText(box, MIDDLE, grid.columns[j])


def paint_scale(painter: QPainter, grid: HeatGrid, at: Frame, theme: Theme, right: float) -> None:
    """What the colours mean: a bar from the least to the most, with its numbers and its unit."""
    whole = grid.values.shape[0] * at.high - GAP
    x, high = right - scale_width(grid) + 14, min(120.0, whole)
    if high < 30:
        return
    steps = 48
    for step in range(steps):
        share = 1 - step / (steps - 1)
        colour = shade(np.array(2 * share - 1 if grid.signed else share), theme)
        top = at.top + high * step / steps
        painter.fillRect(QRectF(x, top, 9, high / steps + 0.6), QColor(*colour.tolist()))
    painter.setFont(font(10))
    painter.setPen(QColor(theme.muted))
    there = np.nan_to_num(grid.values)
    more = "≥" if there.max() > 1.001 * grid.most else ""
    less = "≤" if there.min() < -1.001 * grid.most else ""
    marks = ((0.0, grid.most), (1.0, -grid.most if grid.signed else 0.0), (0.5, 0.0))
    for place, number in marks[: 3 if grid.signed and high > 44 else 2]:
        box = QRectF(x + 12, at.top + place * high - 7, SCALE - 26, 14)
        box.moveTop(min(max(box.top(), at.top - 2), at.top + high - 12))
        sign = {0.0: more, 1.0: less}.get(place, "")
        painter.drawText(box, Qt.AlignmentFlag.AlignVCenter, sign + printed(figure(number)))
    painter.save()
    painter.translate(right - UNIT, at.top)
    painter.rotate(-90)  # it reads upwards and ends where the scale does
    text = QFontMetricsF(painter.font()).elidedText(grid.unit, Qt.TextElideMode.ElideRight, whole)
    painter.drawText(QRectF(-whole, 0, whole, UNIT - 6), RIGHT, text)
    painter.restore()


def scale_width(grid: HeatGrid) -> float:
    """Pixels that a grid's scale takes, with its unit."""
    return SCALE + (UNIT if grid.unit else 0.0)


def figure(number: float) -> str:
    """A number of a scale, short."""
    size = abs(number)
    if not size:
        return "0"
    return f"{number:.0f}" if size >= 10 else f"{number:.1f}" if size >= 1 else f"{number:.2f}"
