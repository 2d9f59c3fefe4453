"""One plot widget for all measures: themed, read by hovering, clicked through to the canvas, exported."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from pathlib import Path
from typing import Any

import pyqtgraph as pg
from PySide6.QtCore import QPointF, Qt, Signal
from PySide6.QtGui import QCursor, QFocusEvent, QFontMetricsF, QKeyEvent, QPaintEvent
from PySide6.QtWidgets import QToolTip, QVBoxLayout, QWidget

from circuitviz.paint.circuit_painter import canvas_font
from circuitviz.panels.charts.chart_legend import ChartLegend
from circuitviz.panels.charts.chart_spec import ChartSpec, HoverRegion, LegendEntry, charts
from circuitviz.panels.charts.keyboard_cursor import KeyboardCursor
from circuitviz.panels.charts.marks_item import MarksItem
from circuitviz.panels.charts.paper_chart import chart_drawing
from circuitviz.panels.figures.plot_export import save_plot
from circuitviz.panels.registry import is_part_in_view
from circuitviz.scene.theme import LIGHT, Theme
from circuitviz.shapes.drawing import Drawing
from circuitviz.shapes.plot_axes import PlotFigureOptions, with_minus_sign

UNNAMED_CHART = "Chart"  # to those who hear it, until it is told what it shows
TICK_LABEL_OVERHANG_PX = 24  # pixels by which a number may stand out over its axis
COMPACT_LEFT_AXIS_PX = 40  # pixels of the numbers at the left
AXIS_SIDES = ("left", "bottom", "top")
TICK_FONT_PX = 11  # pixels of numbers and names at the axes


class MinusSignAxis(pg.AxisItem):  # type: ignore[misc]
    """An axis whose numbers have a minus sign, as those on paper."""

    def tickStrings(self, values: Sequence[float], scale: float, spacing: float) -> list[str]:
        """Names of ticks."""
        return [with_minus_sign(name) for name in super().tickStrings(values, scale, spacing)]


class LazyPlotWidget(pg.PlotWidget):  # type: ignore[misc]  # pyqtgraph has no types
    """A plot that catches up with its chart when it is painted, that is when it has come into sight."""

    def __init__(self, chart: ChartView) -> None:
        super().__init__(axisItems={side: MinusSignAxis(side) for side in AXIS_SIDES}, enableMenu=False)
        self.chart = chart

    def paintEvent(self, event: QPaintEvent) -> None:
        """Show what was drawn while nobody looked."""
        self.chart.apply_pending()
        super().paintEvent(event)


class ChartView(QWidget):
    """Sketches a result and shows it: one plot and one item stay, only what they show is exchanged.

    A result that is shown already is not drawn again, and a chart out of sight draws when it comes into
    sight. ``hover_text_changed(text)``: what lies under the mouse, for a line of text; ``nodes_clicked(nodes)``: a tuple
    of nodes that what was clicked stands for. A ``is_compact`` one is low, and names its axes in the key.
    """

    hover_text_changed = Signal(str)
    nodes_clicked = Signal(object)

    def __init__(self, is_compact: bool = False) -> None:
        super().__init__()
        self.theme, self.is_compact = LIGHT, is_compact
        self._requested: tuple[str, dict[str, Any] | None, Theme] = ("", None, LIGHT)
        self._spec: ChartSpec | None = None
        self._needs_redraw = True
        self._applied_settings: dict[str, object] = {}
        self.plot_widget = LazyPlotWidget(self)
        self.plot_widget.scene().setItemIndexMethod(
            self.plot_widget.scene().ItemIndexMethod.NoIndex
        )  # as the canvas's
        self.plot_widget.hideButtons()
        self.marks_item, self.legend = MarksItem(), ChartLegend()
        item = self.plot_widget.getPlotItem()
        item.disableAutoRange()
        item.setContentsMargins(2, 6, 10, 0)  # the outermost numbers stand out over the frame
        item.addItem(self.marks_item, ignoreBounds=True)
        for side in AXIS_SIDES:
            item.getAxis(side).setStyle(hideOverlappingLabels=TICK_LABEL_OVERHANG_PX)
        if is_compact:
            item.getAxis("left").setWidth(COMPACT_LEFT_AXIS_PX)  # those of several charts begin at one line
        whole = QVBoxLayout(self, spacing=0)
        whole.setContentsMargins(0, 0, 0, 0)
        whole.addWidget(self.legend)
        whole.addWidget(self.plot_widget)
        self.plot_widget.setFocusPolicy(Qt.FocusPolicy.NoFocus)  # keys are ours: they walk from bar to bar
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setAccessibleName(UNNAMED_CHART)
        self.keyboard_cursor = KeyboardCursor(self)
        self.plot_widget.scene().sigMouseMoved.connect(self._on_mouse_moved)
        self.plot_widget.scene().sigMouseClicked.connect(
            lambda event: self._on_mouse_clicked(event.scenePos())
        )

    def draw_result(self, measure: str, result: dict[str, Any] | None) -> None:
        """Draw a result; an empty plot for none, or for a measure without a picture."""
        if result is None or measure not in charts.names():
            measure, result = "", None
        elif self.accessibleName().startswith(UNNAMED_CHART):
            self.setAccessibleName(f"{UNNAMED_CHART}: {charts.get(measure).summary}")
        before, result_before, theme = self._requested
        if (measure, self.theme) == (before, theme) and is_same_result(result, result_before):
            return
        self._requested, self._spec, self._needs_redraw = (measure, result, self.theme), None, True
        self.setAccessibleDescription("")
        if is_part_in_view(self):
            self.apply_pending()

    def clear(self) -> None:
        """An empty plot."""
        self.draw_result("", None)

    @property
    def spec(self) -> ChartSpec:
        """What is drawn, whether it was shown yet or not."""
        if self._spec is None:
            self._spec = self._build_spec(self._requested[2])
        return self._spec

    @property
    def table_rows(self) -> list[list[Any]]:
        """The table behind the picture, for CSV."""
        return [*self.spec.table_rows, *self.spec.extra_table_rows()]

    @property
    def hover_regions(self) -> list[HoverRegion]:
        """What can be pointed at."""
        return self.spec.hover_regions

    def apply_pending(self) -> None:
        """Show what was drawn last, where that is not yet done."""
        if not self._needs_redraw:
            return
        self._needs_redraw = False
        sketch, marked = self.spec, self.keyboard_cursor.is_shown
        self.keyboard_cursor.hide()
        item = self.plot_widget.getPlotItem()
        if self._is_new_setting("ground", sketch.theme.panel):
            self.plot_widget.setBackground(sketch.theme.panel)
        for side in AXIS_SIDES:
            self._show_axis(side, sketch)
        item.layout.activate()  # now, or the first painting has the names' room of the chart before
        box = item.getViewBox()
        box.invertY(not sketch.is_y_upwards)
        box.setMouseEnabled(*sketch.draggable_axes)
        box.setRange(xRange=sketch.x_range, yRange=sketch.y_range, padding=0)
        self.marks_item.show_marks(sketch.marks)
        named = [LegendEntry(f"{sketch.axis_labels['left']} by {sketch.axis_labels['bottom']}")]
        self.legend.show_entries(
            named * (self.is_compact and bool(sketch.marks)) + sketch.legend_entries, sketch.theme
        )
        if marked:
            self.keyboard_cursor.show(announce=False)

    def drawing(self, figure: PlotFigureOptions) -> Drawing:
        """The chart on paper, in the paper's colours, within the stretch that is shown here."""
        self.apply_pending()
        return chart_drawing(self._build_spec(figure.theme), self.plot_widget.getPlotItem(), figure)

    def cells(self) -> Sequence[Sequence[Any]]:
        """The table behind the picture."""
        return self.table_rows

    def save(self, path: Path) -> None:
        """Write the picture, or its table (CSV), as the suffix says."""
        save_plot(self, path)

    def _build_spec(self, theme: Theme) -> ChartSpec:
        made = ChartSpec(theme)
        measure, result, _theme = self._requested
        if result is not None:
            charts.get(measure).value(made, result)
        return made

    def _is_new_setting(self, what: str, value: object) -> bool:
        """Whether a part looks otherwise than it was last set; setting an axis lays the plot out anew."""
        known = what in self._applied_settings and self._applied_settings[what] == value
        self._applied_settings[what] = value
        return not known

    def _show_axis(self, side: str, sketch: ChartSpec) -> None:
        axis, theme = self.plot_widget.getAxis(side), sketch.theme
        names = sketch.axis_ticks.get(side)
        there = side == "left" or (side == "top") == ("top" in sketch.axis_ticks)
        if self._is_new_setting(f"{side} colours", (theme.line, theme.muted)):
            axis.setPen(theme.line)
            axis.setTextPen(theme.muted)
            self._applied_settings.pop(f"{side} label", None)  # it is coloured, too
        if self._is_new_setting(f"{side} there", there):
            self.plot_widget.showAxis(side, there)
        if self._is_new_setting(f"{side} names", None if names is None else list(names)):
            axis.setTicks(None if names is None else [list(names)])
        if self._is_new_setting(f"{side} font", canvas_font(TICK_FONT_PX)):
            axis.setStyle(tickFont=canvas_font(TICK_FONT_PX))
        ticks = 0 if "top" in sketch.axis_ticks else -4  # cells bear their names themselves
        if self._is_new_setting(f"{side} ticks", ticks):
            axis.setStyle(tickLength=ticks)
        if (
            side == "left"
            and not self.is_compact
            and self._is_new_setting("room", self._left_axis_width_px(sketch))
        ):
            axis.setWidth(
                self._left_axis_width_px(sketch)
            )  # else it is found while painting, and all is laid out again
        label = "" if self.is_compact else sketch.axis_labels.get(side, "")
        if self._is_new_setting(f"{side} label", label):
            axis.setLabel(escape(label), color=theme.muted)  # pyqtgraph takes it for HTML
            axis.setSIPrefixEnableRanges(())  # a label brings back the scaling of numbers, unsaid
            axis.updateAutoSIPrefix()

    def _left_axis_width_px(self, sketch: ChartSpec) -> int | None:
        """Pixels that the names at the left take; None where numbers stand there."""
        if "left" not in sketch.axis_ticks:
            return None
        metrics = QFontMetricsF(canvas_font(TICK_FONT_PX))
        widest = max((metrics.horizontalAdvance(name) for _, name in sketch.axis_ticks["left"]), default=0.0)
        return round(widest) + (30 if sketch.axis_labels["left"] else 12)

    def _hover_region_at(self, scene: QPointF) -> HoverRegion | None:
        place = self.plot_widget.getPlotItem().getViewBox().mapSceneToView(scene)
        inside = [spot for spot in self.hover_regions if spot[0].contains(place)]
        return min(inside, key=lambda s: (s[0].center() - place).manhattanLength(), default=None)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Arrows walk, Return selects, Home and End go to the ends."""
        if not self.keyboard_cursor.handle_key(event):
            super().keyPressEvent(event)

    def focusInEvent(self, event: QFocusEvent) -> None:
        """Show where the keyboard stands to whoever came by Tab."""
        super().focusInEvent(event)
        if event.reason() in (Qt.FocusReason.TabFocusReason, Qt.FocusReason.BacktabFocusReason):
            self.keyboard_cursor.show()

    def focusOutEvent(self, event: QFocusEvent) -> None:
        """Nothing stands out any more."""
        super().focusOutEvent(event)
        self.keyboard_cursor.hide()

    def _on_mouse_moved(self, scene: QPointF) -> None:
        spot = self._hover_region_at(scene)
        self.hover_text_changed.emit(spot[1] if spot else "")
        QToolTip.showText(QCursor.pos(), spot[1] if spot else "", self.plot_widget)
        shape = Qt.CursorShape.PointingHandCursor if spot and spot[2] else Qt.CursorShape.ArrowCursor
        self.plot_widget.setCursor(shape)

    def _on_mouse_clicked(self, scene: QPointF) -> None:
        spot = self._hover_region_at(scene)
        if spot is not None and spot[2]:
            self.nodes_clicked.emit(spot[2])


def is_same_result(left: dict[str, Any] | None, right: dict[str, Any] | None) -> bool:
    """Whether two results are one: their plain values are equal, everything larger is the same object."""
    if left is None or right is None or left.keys() != right.keys():
        return left is right
    plain = (str, int, float, bool)
    pairs = [(left[name], right[name]) for name in left]
    return all(a is b or (isinstance(a, plain) and a == b) for a, b in pairs)
