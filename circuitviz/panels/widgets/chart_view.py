"""The widget of every chart: paints the shapes of figure files, and handles mouse and keys."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from PySide6.QtCore import QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import (
    QColor,
    QCursor,
    QFocusEvent,
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QPen,
    QPixmap,
    QWheelEvent,
)
from PySide6.QtWidgets import QApplication, QSizePolicy, QToolTip

from circuitviz.paint.circuit_painter import canvas_font
from circuitviz.paint.plot_export import save_plot
from circuitviz.paint.shape_painter import paint_drawing
from circuitviz.panels.registry import is_part_in_view
from circuitviz.panels.widgets.arrow_keys import ARROW_DIRECTIONS, nearest_in_direction
from circuitviz.panels.widgets.themed_widget import ThemedWidget
from circuitviz.scene.theme import LIGHT, Theme
from circuitviz.shapes.charts import ChartSpec, build_chart, charts
from circuitviz.shapes.charts.chart_shapes import figure_of_chart, lay_out_chart
from circuitviz.shapes.charts.chart_spec import AxisRange, HoverRegion
from circuitviz.shapes.drawing import Drawing
from circuitviz.shapes.plot_axes import PlotAxes, PlotFigureOptions
from circuitviz.shapes.text_metrics import SCREEN_FONT

UNNAMED_CHART = "Chart"  # the accessible name until the chart is told what it shows
TEXT_PX = 11  # of all text in a chart
WHEEL_ZOOM = 1.02  # of a range, for a degree of the wheel
NO_REGION = -1


class ChartView(ThemedWidget):
    """Shows the chart of a result.

    A result that is shown already is not drawn again, and a hidden chart is drawn once it is shown. An
    ``is_compact`` chart is low; its legend names its axes. Dragging pans along the axes that the chart
    allows, the wheel zooms there. Arrow keys go from one hover region to the next; Return selects its nodes.

    Signals:
        hover_text_changed(str): the text of the region under the mouse or the keyboard; empty for none.
        nodes_clicked(object): a tuple of the nodes that a clicked region stands for.
    """

    hover_text_changed = Signal(str)
    nodes_clicked = Signal(object)

    def __init__(self, name: str = UNNAMED_CHART, *, is_compact: bool = False) -> None:
        super().__init__()
        self.is_compact = is_compact
        self._requested: tuple[str, dict[str, Any] | None, Theme] = ("", None, LIGHT)
        self._spec: ChartSpec | None = None
        self._ranges: tuple[AxisRange, AxisRange] | None = None  # what dragging and zooming have chosen
        self._layout: tuple[object, Drawing, PlotAxes] | None = None
        self._pixmap: tuple[Drawing, float, QPixmap] | None = None
        self._drag: tuple[QPointF, tuple[AxisRange, AxisRange], bool] | None = None
        self._region, self._has_cursor = NO_REGION, False
        self.setMouseTracking(True)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.setAccessibleName(name)

    def draw_result(self, measure: str, result: dict[str, Any] | None) -> None:
        """Show the chart of a result; an empty one for None."""
        if result is None:
            measure = ""
        elif self.accessibleName().startswith(UNNAMED_CHART):
            summary = charts.get(measure).summary if measure in charts.names() else measure
            self.setAccessibleName(f"{UNNAMED_CHART}: {summary}")
        measure_before, result_before, theme_before = self._requested
        same_kind = (measure, self.theme) == (measure_before, theme_before)
        if same_kind and is_same_result(result, result_before):
            return
        self._requested, self._spec, self._ranges, self._layout = (
            (measure, result, self.theme),
            None,
            None,
            None,
        )
        self.setAccessibleDescription("")
        self.update()
        if self._has_cursor and is_part_in_view(self):
            self._show_cursor(announce=False)

    def set_theme(self, theme: Theme) -> None:
        """Draw the same chart in other colours."""
        super().set_theme(theme)
        measure, result, _theme = self._requested
        self.draw_result(measure, result)

    def clear(self) -> None:
        """Show an empty chart."""
        self.draw_result("", None)

    @property
    def spec(self) -> ChartSpec:
        """What is shown, whether it was painted yet or not."""
        if self._spec is None:
            measure, result, theme = self._requested
            self._spec = build_chart(measure, result, theme)
        return self._spec

    @property
    def table_rows(self) -> list[list[Any]]:
        """The table behind the chart, for CSV."""
        return self.spec.all_table_rows()

    @property
    def hover_regions(self) -> list[HoverRegion]:
        """What can be pointed at."""
        return self.spec.hover_regions

    @property
    def visible_ranges(self) -> tuple[AxisRange, AxisRange]:
        """The ranges of x and y that are shown."""
        return self._ranges or (self.spec.x_range, self.spec.y_range)

    def set_visible_ranges(self, x: AxisRange | None = None, y: AxisRange | None = None) -> None:
        """Show other ranges of x and y; None keeps one as it is."""
        x_before, y_before = self.visible_ranges
        self._ranges, self._layout = (x or x_before, y or y_before), None
        self.update()

    def layout_shapes(self) -> tuple[Drawing, PlotAxes]:
        """The shapes that the window paints, in pixels, and the axes that map the chart's units to pixels."""
        font_px = float(canvas_font(TEXT_PX).pixelSize())
        key = (self.spec, self._ranges, self.width(), self.height(), font_px)
        if self._layout is None or self._layout[0] != key:
            page = Drawing(self.width(), self.height(), self.spec.theme.panel, SCREEN_FONT)
            x_range, y_range = self.visible_ranges
            axes = lay_out_chart(
                self.spec, page, font_px, self.height(), x_range=x_range, y_range=y_range,
                is_compact=self.is_compact, points_per_px=1.0,
            )  # fmt: skip
            self._layout = (key, page, axes)
        return self._layout[1:]

    def drawing(self, figure: PlotFigureOptions) -> Drawing:
        """The chart on paper, in the paper's colours, within the ranges that are shown here."""
        measure, result, _theme = self._requested
        x_range, y_range = self.visible_ranges
        return figure_of_chart(build_chart(measure, result, figure.theme), figure, x_range, y_range)

    def cells(self) -> Sequence[Sequence[Any]]:
        """The table behind the chart."""
        return self.table_rows

    def save(self, path: Path) -> None:
        """Write the figure or its table (CSV), as the suffix says."""
        save_plot(self, path)

    def sizeHint(self) -> QSize:
        """Room for a chart; it takes what it gets."""
        return QSize(420, 96 if self.is_compact else 240)

    def paintEvent(self, event: QPaintEvent) -> None:
        """Paint the shapes, and the frame of the region where the keyboard stands."""
        painter = QPainter(self)
        axes = self.layout_shapes()[1]
        painter.drawPixmap(0, 0, self._shapes_pixmap())
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        if self._has_cursor and 0 <= self._region < len(self.hover_regions):
            region, (left, top, width, height) = self.hover_regions[self._region], axes.frame
            corners = [
                QPointF(
                    *axes.to_paper(region.x + sign * region.width / 2, region.y + sign * region.height / 2)
                )
                for sign in (-1, 1)
            ]
            accent = QColor(self.spec.theme.accent)
            painter.setPen(QPen(accent, 1.5))
            accent.setAlphaF(0.16)
            painter.setBrush(accent)
            painter.drawRect(QRectF(*corners).normalized() & QRectF(left, top, width, height))
        painter.end()

    def _shapes_pixmap(self) -> QPixmap:
        """The shapes, painted once for each layout: moving the keyboard's region repaints none."""
        drawing, _axes = self.layout_shapes()
        ratio = self.devicePixelRatioF()
        if self._pixmap is None or self._pixmap[0] is not drawing or self._pixmap[1] != ratio:
            pixmap = QPixmap(self.size() * ratio)
            pixmap.setDevicePixelRatio(ratio)
            painter = QPainter(pixmap)
            paint_drawing(drawing, painter)
            painter.end()
            self._pixmap = (drawing, ratio, pixmap)
        return self._pixmap[2]

    # mouse

    def region_at(self, place: QPointF) -> HoverRegion | None:
        """The hover region at a place of the widget whose centre is nearest."""
        axes = self.layout_shapes()[1]
        left, top, width, height = axes.frame
        if not QRectF(left, top, width, height).contains(place):
            return None
        x, y = axes.from_paper(place.x(), place.y())
        inside = [region for region in self.hover_regions if region.contains(x, y)]
        return min(inside, key=lambda one: abs(one.x - x) + abs(one.y - y), default=None)

    def region_center(self, region: HoverRegion) -> QPointF:
        """The middle of a region, in pixels of the widget."""
        return QPointF(*self.layout_shapes()[1].to_paper(region.x, region.y))

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        """Move the visible ranges while a button is held; otherwise show what is under the mouse."""
        if self._drag is not None and event.buttons() & Qt.MouseButton.LeftButton:
            self._move_ranges(event.position())
            return
        region = self.region_at(event.position())
        text = region.text if region else ""
        self.hover_text_changed.emit(text)
        QToolTip.showText(QCursor.pos(), text, self)
        is_clickable = region is not None and bool(region.nodes)
        self.setCursor(Qt.CursorShape.PointingHandCursor if is_clickable else Qt.CursorShape.ArrowCursor)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Begin a click or a drag."""
        if event.button() is Qt.MouseButton.LeftButton:
            self._drag = (event.position(), self.visible_ranges, False)

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        """Select what was clicked, unless the mouse was dragged."""
        drag, self._drag = self._drag, None
        if drag is not None and not drag[2]:
            self.click_at(event.position())

    def click_at(self, place: QPointF) -> None:
        """Select the nodes of the region at a place of the widget."""
        region = self.region_at(place)
        if region is not None and region.nodes:
            self.nodes_clicked.emit(region.nodes)

    def wheelEvent(self, event: QWheelEvent) -> None:
        """Zoom about the mouse along the axes that may be moved."""
        axes, can_move = self.layout_shapes()[1], self.spec.draggable_axes
        if not any(can_move):
            event.ignore()  # a scroll area around the chart scrolls
            return
        factor = WHEEL_ZOOM ** (-event.angleDelta().y() / 8)
        fixed = axes.from_paper(event.position().x(), event.position().y())
        x, y = (
            (center + (low - center) * factor, center + (high - center) * factor) if movable else (low, high)
            for center, (low, high), movable in zip(fixed, self.visible_ranges, can_move, strict=True)
        )
        self.set_visible_ranges(x, y)

    def _move_ranges(self, place: QPointF) -> None:
        """Follow a drag along the axes that may be moved."""
        assert self._drag is not None
        start, before, was_moved = self._drag
        shift = place - start
        if not was_moved and shift.manhattanLength() < QApplication.startDragDistance():
            return
        self._drag = (start, before, True)
        axes = self.layout_shapes()[1]
        _left, _top, width, height = axes.frame
        fractions = (-shift.x() / width, (shift.y() if axes.y_up else -shift.y()) / height)
        x, y = (
            (low + fraction * (high - low), high + fraction * (high - low)) if movable else (low, high)
            for (low, high), fraction, movable in zip(
                before, fractions, self.spec.draggable_axes, strict=True
            )
        )
        self.set_visible_ranges(x, y)

    # keyboard

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Arrows go to the nearest region, Return selects it, Home and End go to the first and last."""
        key, regions = Qt.Key(event.key()), self.hover_regions
        self._region = min(self._region, len(regions) - 1)
        if not regions or event.modifiers() & ~Qt.KeyboardModifier.KeypadModifier:
            super().keyPressEvent(event)
        elif key in (Qt.Key.Key_Return, Qt.Key.Key_Enter, Qt.Key.Key_Space) and self._region >= 0:
            if regions[self._region].nodes:
                self.nodes_clicked.emit(regions[self._region].nodes)
        elif key in (Qt.Key.Key_Home, Qt.Key.Key_End):
            self._move_cursor(0 if key == Qt.Key.Key_Home else len(regions) - 1)
        elif key in ARROW_DIRECTIONS:
            to_paper = self.layout_shapes()[1].to_paper
            places = np.array([to_paper(region.x, region.y) for region in regions])
            self._move_cursor(nearest_in_direction(places, self._region, ARROW_DIRECTIONS[key]))
        else:
            super().keyPressEvent(event)

    def focusInEvent(self, event: QFocusEvent) -> None:
        """Show the keyboard's region where Tab moved the focus here."""
        super().focusInEvent(event)
        if event.reason() in (Qt.FocusReason.TabFocusReason, Qt.FocusReason.BacktabFocusReason):
            self._show_cursor()

    def focusOutEvent(self, event: QFocusEvent) -> None:
        """Hide the keyboard's region."""
        super().focusOutEvent(event)
        self._has_cursor = False
        self.update()

    def _show_cursor(self, announce: bool = True) -> None:
        """Show the region where the keyboard was, at first the first one."""
        if self.hover_regions:
            self._move_cursor(min(max(0, self._region), len(self.hover_regions) - 1), announce)

    def _move_cursor(self, index: int, announce: bool = True) -> None:
        """Go to a region and bring its middle into the visible ranges; ``announce``: emit its text."""
        self._region, self._has_cursor = index, True
        region = self.hover_regions[index]
        x, y = (
            value_range if value_range[0] <= center <= value_range[1] else _centred(value_range, center)
            for value_range, center in zip(self.visible_ranges, (region.x, region.y), strict=True)
        )
        if (x, y) != self.visible_ranges:
            self.set_visible_ranges(x, y)
        self.setAccessibleDescription(f"{region.text}; {index + 1} of {len(self.hover_regions)}")
        if announce:
            self.hover_text_changed.emit(region.text)
        self.update()


def _centred(value_range: AxisRange, center: float) -> AxisRange:
    half = (value_range[1] - value_range[0]) / 2
    return center - half, center + half


def is_same_result(left: dict[str, Any] | None, right: dict[str, Any] | None) -> bool:
    """Whether two results are the same: plain values are equal, everything larger is the same object."""
    if left is None or right is None or left.keys() != right.keys():
        return left is right
    plain = (str, int, float, bool)
    pairs = [(left[name], right[name]) for name in left]
    return all(a is b or (isinstance(a, plain) and a == b) for a, b in pairs)
