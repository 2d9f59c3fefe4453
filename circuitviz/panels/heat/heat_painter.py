"""The strokes that draw a heat map in the window; sheet.py puts the same on paper."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QPointF, QRectF, QSizeF, Qt
from PySide6.QtGui import QColor, QFontMetricsF, QImage, QPainter, QPen, QStaticText

from circuitviz.paint.circuit_painter import canvas_font
from circuitviz.panels.heat.heat_grid import ColourArray, HeatGrid, diverging_colours, is_black_text_clearer
from circuitviz.scene.theme import Theme
from circuitviz.shapes.plot_axes import with_minus_sign

MAX_ROW_NAMES_PX, MAX_COLUMN_NAMES_PX = 118.0, 62.0  # pixels that names may take
SCALE_WIDTH_PX, UNIT_WIDTH_PX = (
    58.0,
    19.0,
)  # pixels of the colour scale at the right, and of its unit beside it
CELL_GAP_PX = 1.0
ALIGN_RIGHT = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
ALIGN_CENTER = Qt.AlignmentFlag.AlignCenter


@dataclass(frozen=True)
class GridFrame:
    """Where a grid lies in its picture: top left corner of the cells, and their size."""

    left: float
    top: float
    cell_width: float
    cell_height: float
    has_turned_names: bool
    font_px: float

    def cell_rect(self, row: int, column: int) -> QRectF:
        """A cell with its gap."""
        return QRectF(
            self.left + column * self.cell_width,
            self.top + row * self.cell_height,
            self.cell_width,
            self.cell_height,
        )


def visible_token(token: str) -> str:
    """A token as it is written in a picture: spaces and line ends can be seen."""
    if not token.strip():
        return token.replace(" ", "␣").replace("\n", "⏎") or "∅"
    return token.strip()


def fit_grid(
    grid: HeatGrid,
    available: QSizeF,
    *,
    show_scale: bool = True,
    square_cells: bool = False,
    max_cell_height: float = 36.0,
) -> GridFrame:
    """Fit a grid into a room: names left and above, a scale at the right."""
    rows, columns = (max(1, n) for n in grid.values.shape)
    size = 11.0
    metrics = QFontMetricsF(canvas_font(size))
    names = max((metrics.horizontalAdvance(name) for name in grid.row_names), default=0.0)
    left = min(MAX_ROW_NAMES_PX, names + 10) if names else 1.0
    wide = (available.width() - left - (scale_width(grid) if show_scale else 1.0)) / columns
    longest = max((metrics.horizontalAdvance(name) for name in grid.column_names), default=0.0)
    turned = longest > wide - 4
    top = 1.0 if not longest else (min(MAX_COLUMN_NAMES_PX, longest * 0.87 + 14) if turned else 20.0)
    if turned and not show_scale:
        wide -= top * 0.45 / columns  # the last name leans out
    high = min(max_cell_height, (available.height() - top - 2) / rows)
    if square_cells:
        wide = high = max(
            1.0, min(wide, high if max_cell_height <= wide else (available.height() - top - 2) / rows)
        )
    return GridFrame(left, top, max(1.0, wide), max(1.0, high), turned, size)


def paint_names_and_frames(
    painter: QPainter,
    grid: HeatGrid,
    frame: GridFrame,
    theme: Theme,
    *,
    highlighted_row: int = -1,
    marked_nodes: frozenset[str] = frozenset(),
) -> None:
    """Names and frames: what changes as the mouse moves."""
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    _paint_names(painter, grid, frame, theme, highlighted_row, marked_nodes)
    painter.setBrush(Qt.BrushStyle.NoBrush)
    pen = QPen(QColor(theme.text), 1.4)
    pen.setJoinStyle(Qt.PenJoinStyle.MiterJoin)
    painter.setPen(pen)
    for place in grid.framed_cells:
        painter.drawRect(frame.cell_rect(*place).adjusted(0.5, 0.5, -1.5, -1.5))
    if 0 <= highlighted_row < len(grid.row_names):
        painter.setPen(QPen(QColor(theme.muted), 1.0))
        there = np.flatnonzero(np.isfinite(grid.values[highlighted_row])).tolist() or [0]
        ends = frame.cell_rect(highlighted_row, there[0]).united(frame.cell_rect(highlighted_row, there[-1]))
        painter.drawRect(ends.adjusted(-0.5, -0.5, -0.5, -0.5))
    painter.setPen(QPen(QColor(theme.accent), 2.0))
    for i, nodes in enumerate(grid.cell_nodes if marked_nodes else ()):
        for j, node in enumerate(nodes):
            if node in marked_nodes and len(set(nodes)) > 1:
                painter.drawRect(frame.cell_rect(i, j).adjusted(0, 0, -1, -1))


def paint_cells(painter: QPainter, grid: HeatGrid, frame: GridFrame, theme: Theme) -> None:
    """Cells as one bitmap, as fine as the screen, with lines of the ground between them, and their texts."""
    ground, shades = QColor(theme.panel).rgb() & 0xFFFFFF, grid.cell_colours(theme)
    colours = shades.astype(np.uint32) @ np.array([1 << 16, 1 << 8, 1], dtype=np.uint32)
    colours[np.isnan(grid.values)] = ground
    ratio = painter.device().devicePixelRatio()
    gap = CELL_GAP_PX if min(frame.cell_width, frame.cell_height) > 4 else 0.0
    (down, below), (across, beside) = (
        _pixel_cells(number, size * ratio, gap * ratio)
        for number, size in zip(grid.values.shape, (frame.cell_height, frame.cell_width), strict=True)
    )
    lines = colours[:, across]
    lines[:, beside] = ground
    pixels = lines[down]
    pixels[below] = ground
    high, wide = pixels.shape
    image = QImage(pixels.tobytes(), wide, high, 4 * wide, QImage.Format.Format_RGB32)
    image.setDevicePixelRatio(ratio)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing, False)  # pixels go onto pixels
    painter.drawImage(QPointF(round(frame.left), round(frame.top)), image)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    size = min(11.0, frame.cell_height - 3)
    if grid.cell_texts and size >= 7 and frame.cell_width > 16:
        painter.setFont(canvas_font(size))
        _paint_cell_texts(painter, grid, frame, shades)


def _pixel_cells(n_cells: int, size: float, gap: float) -> tuple[NDArray[np.intp], NDArray[np.bool_]]:
    """Of each pixel along ``n_cells`` cells: its cell, and whether it lies in the gap at its cell's end."""
    at = np.arange(round(n_cells * size)) + 0.5
    cells = np.minimum((at / size).astype(np.intp), n_cells - 1)
    return cells, at + gap > (cells + 1) * size


def _paint_cell_texts(painter: QPainter, grid: HeatGrid, frame: GridFrame, cell_colours: ColourArray) -> None:
    """Texts of cells, in black or white; the same text is laid out once, and left out where only … fits."""
    metrics, room = QFontMetricsF(painter.font()), frame.cell_width - CELL_GAP_PX - 3
    cut: dict[str, QStaticText] = {}
    written: dict[str, list[tuple[QPointF, QStaticText]]] = {"#000000": [], "#ffffff": []}
    colours = np.where(is_black_text_clearer(cell_colours), *written).tolist()
    for i, j in np.argwhere(np.isfinite(grid.values)).tolist():
        name = grid.cell_texts[i][j]
        if name not in cut:
            fitting = metrics.elidedText(with_minus_sign(name), Qt.TextElideMode.ElideRight, room)
            cut[name] = QStaticText("" if fitting == "…" else fitting)
            cut[name].setTextFormat(Qt.TextFormat.PlainText)
            cut[name].prepare(font=painter.font())
        if cut[name].text():
            size, middle = (
                cut[name].size(),
                frame.cell_rect(i, j).center() - QPointF(CELL_GAP_PX, CELL_GAP_PX) / 2,
            )
            corner = middle - QPointF(size.width(), size.height()) / 2
            written[colours[i][j]].append((corner, cut[name]))
    for colour, cells in written.items():
        painter.setPen(QColor(colour))
        for corner, text in cells:
            painter.drawStaticText(corner, text)


def _paint_names(
    painter: QPainter,
    grid: HeatGrid,
    frame: GridFrame,
    theme: Theme,
    highlighted_row: int,
    marked_nodes: frozenset[str],
) -> None:
    rows, columns = grid.values.shape
    painter.setFont(canvas_font(frame.font_px))
    metrics = QFontMetricsF(painter.font())
    elide = Qt.TextElideMode.ElideRight
    several = len({node for nodes in grid.cell_nodes for node in nodes}) > 1
    every = max(1, round(metrics.height() * 0.75 / frame.cell_height + 0.49))
    for i in range(0, rows, every):
        mine = several and any(node in marked_nodes for node in grid.cell_nodes[i])
        painter.setPen(QColor(theme.accent if mine else theme.text if i == highlighted_row else theme.muted))
        box = QRectF(0, frame.top + i * frame.cell_height, frame.left - 6, frame.cell_height)
        box.adjust(0, -4, 0, 4)
        painter.drawText(box, ALIGN_RIGHT, metrics.elidedText(grid.row_names[i], elide, frame.left - 8))
    every = max(1, round(metrics.height() * 0.8 / frame.cell_width + 0.49)) if frame.has_turned_names else 1
    painter.setPen(QColor(theme.muted))
    for j in range(0, columns, every):
        middle = frame.left + (j + 0.5) * frame.cell_width
        if frame.has_turned_names:
            painter.save()
            painter.translate(middle - CELL_GAP_PX, frame.top - 4)
            painter.rotate(-60)
            text = metrics.elidedText(grid.column_names[j], elide, (frame.top - 10) / 0.87)
            painter.drawText(QPointF(0, metrics.ascent() * 0.4), text)
            painter.restore()
        else:
            box = QRectF(middle - frame.cell_width / 2, frame.top - 20, frame.cell_width, 18)
            painter.drawText(box, ALIGN_CENTER, grid.column_names[j])


def paint_scale(painter: QPainter, grid: HeatGrid, frame: GridFrame, theme: Theme, right: float) -> None:
    """What the colours mean: a bar from the least to the most, with its numbers and its unit."""
    whole = grid.values.shape[0] * frame.cell_height - CELL_GAP_PX
    x, high = right - scale_width(grid) + 14, min(120.0, whole)
    if high < 30:
        return
    steps = 48
    for step in range(steps):
        share = 1 - step / (steps - 1)
        colour = diverging_colours(np.array(2 * share - 1 if grid.is_signed else share), theme)
        top = frame.top + high * step / steps
        painter.fillRect(QRectF(x, top, 9, high / steps + 0.6), QColor(*colour.tolist()))
    painter.setFont(canvas_font(10))
    painter.setPen(QColor(theme.muted))
    there = np.nan_to_num(grid.values)
    more = "≥" if there.max() > 1.001 * grid.scale_end else ""
    less = "≤" if there.min() < -1.001 * grid.scale_end else ""
    marks = ((0.0, grid.scale_end), (1.0, -grid.scale_end if grid.is_signed else 0.0), (0.5, 0.0))
    for place, number in marks[: 3 if grid.is_signed and high > 44 else 2]:
        box = QRectF(x + 12, frame.top + place * high - 7, SCALE_WIDTH_PX - 26, 14)
        box.moveTop(min(max(box.top(), frame.top - 2), frame.top + high - 12))
        sign = {0.0: more, 1.0: less}.get(place, "")
        painter.drawText(
            box, Qt.AlignmentFlag.AlignVCenter, sign + with_minus_sign(format_scale_number(number))
        )
    painter.save()
    painter.translate(right - UNIT_WIDTH_PX, frame.top)
    painter.rotate(-90)  # it reads upwards and ends where the scale does
    text = QFontMetricsF(painter.font()).elidedText(grid.unit, Qt.TextElideMode.ElideRight, whole)
    painter.drawText(QRectF(-whole, 0, whole, UNIT_WIDTH_PX - 6), ALIGN_RIGHT, text)
    painter.restore()


def scale_width(grid: HeatGrid) -> float:
    """Pixels that a grid's scale takes, with its unit."""
    return SCALE_WIDTH_PX + (UNIT_WIDTH_PX if grid.unit else 0.0)


def format_scale_number(number: float) -> str:
    """A number of a scale, short."""
    size = abs(number)
    if not size:
        return "0"
    return f"{number:.0f}" if size >= 10 else f"{number:.1f}" if size >= 1 else f"{number:.2f}"
