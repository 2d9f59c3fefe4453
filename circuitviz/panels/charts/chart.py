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

from circuitviz.canvas.paint import font
from circuitviz.canvas.theme import LIGHT, Theme
from circuitviz.panels.charts.ink import Ink
from circuitviz.panels.charts.key import Key
from circuitviz.panels.charts.keys import Walk
from circuitviz.panels.charts.sheet import drawing_of
from circuitviz.panels.charts.sketch import Entry, Sketch, Spot, charts
from circuitviz.panels.registry import in_sight
from circuitviz.panels.saving import save_plot
from circuitviz.pictures.drawing import Drawing
from circuitviz.pictures.plots import PlotFigure, printed

NAMELESS = "Chart"  # to those who hear it, until it is told what it shows
OVER = 24  # pixels by which a number may stand out over its axis
NARROW = 40  # pixels of the numbers at the left
SIDES = ("left", "bottom", "top")
LEAST = 11  # pixels of numbers and names at the axes


class Numbers(pg.AxisItem):  # type: ignore[misc]
    """An axis whose numbers have a minus sign, as those on paper."""

    def tickStrings(self, values: Sequence[float], scale: float, spacing: float) -> list[str]:
        """Names of ticks."""
        return [printed(name) for name in super().tickStrings(values, scale, spacing)]


class Plot(pg.PlotWidget):  # type: ignore[misc]  # pyqtgraph has no types
    """A plot that catches up with its chart when it is painted, that is when it has come into sight."""

    def __init__(self, chart: Chart) -> None:
        super().__init__(axisItems={side: Numbers(side) for side in SIDES}, enableMenu=False)
        self.chart = chart

    def paintEvent(self, event: QPaintEvent) -> None:
        """Show what was drawn while nobody looked."""
        self.chart.settle()
        super().paintEvent(event)


class Chart(QWidget):
    """Sketches a result and shows it: one plot and one item stay, only what they show is exchanged.

    A result that is shown already is not drawn again, and a chart out of sight draws when it comes into
    sight. ``pointed(text)``: what lies under the mouse, for a line of text; ``clicked(nodes)``: a tuple
    of nodes that what was clicked stands for. A ``compact`` one is low, and names its axes in the key.
    """

    pointed = Signal(str)
    clicked = Signal(object)

    def __init__(self, compact: bool = False) -> None:
        super().__init__()
        self.theme, self.compact = LIGHT, compact
        self._wanted: tuple[str, dict[str, Any] | None, Theme] = ("", None, LIGHT)
        self._sketch: Sketch | None = None
        self._due = True
        self._shown: dict[str, object] = {}
        self.plot = Plot(self)
        self.plot.scene().setItemIndexMethod(self.plot.scene().ItemIndexMethod.NoIndex)  # as the canvas's
        self.plot.hideButtons()
        self.ink, self.key = Ink(), Key()
        item = self.plot.getPlotItem()
        item.disableAutoRange()
        item.setContentsMargins(2, 6, 10, 0)  # the outermost numbers stand out over the frame
        item.addItem(self.ink, ignoreBounds=True)
        for side in SIDES:
            item.getAxis(side).setStyle(hideOverlappingLabels=OVER)
        if compact:
            item.getAxis("left").setWidth(NARROW)  # those of several charts begin at one line
        whole = QVBoxLayout(self, spacing=0)
        whole.setContentsMargins(0, 0, 0, 0)
        whole.addWidget(self.key)
        whole.addWidget(self.plot)
        self.plot.setFocusPolicy(Qt.FocusPolicy.NoFocus)  # keys are ours: they walk from bar to bar
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setAccessibleName(NAMELESS)
        self.walk = Walk(self)
        self.plot.scene().sigMouseMoved.connect(self._moved)
        self.plot.scene().sigMouseClicked.connect(lambda event: self._clicked(event.scenePos()))

    def draw(self, measure: str, result: dict[str, Any] | None) -> None:
        """Draw a result; an empty plot for none, or for a measure without a picture."""
        if result is None or measure not in charts.names():
            measure, result = "", None
        elif self.accessibleName().startswith(NAMELESS):
            self.setAccessibleName(f"{NAMELESS}: {charts.get(measure).summary}")
        before, result_before, theme = self._wanted
        if (measure, self.theme) == (before, theme) and alike(result, result_before):
            return
        self._wanted, self._sketch, self._due = (measure, result, self.theme), None, True
        self.setAccessibleDescription("")
        if in_sight(self):
            self.settle()

    def clear(self) -> None:
        """An empty plot."""
        self.draw("", None)

    @property
    def sketch(self) -> Sketch:
        """What is drawn, whether it was shown yet or not."""
        if self._sketch is None:
            self._sketch = self._sketched(self._wanted[2])
        return self._sketch

    @property
    def rows(self) -> list[list[Any]]:
        """The table behind the picture, for CSV."""
        return [*self.sketch.rows, *self.sketch.more()]

    @property
    def spots(self) -> list[Spot]:
        """What can be pointed at."""
        return self.sketch.spots

    def settle(self) -> None:
        """Show what was drawn last, where that is not yet done."""
        if not self._due:
            return
        self._due = False
        sketch, marked = self.sketch, self.walk.seen
        self.walk.end()
        item = self.plot.getPlotItem()
        if self._new("ground", sketch.theme.panel):
            self.plot.setBackground(sketch.theme.panel)
        for side in SIDES:
            self._show_axis(side, sketch)
        item.layout.activate()  # now, or the first painting has the names' room of the chart before
        box = item.getViewBox()
        box.invertY(not sketch.upright)
        box.setMouseEnabled(*sketch.moves)
        box.setRange(xRange=sketch.x, yRange=sketch.y, padding=0)
        self.ink.show_marks(sketch.marks)
        named = [Entry(f"{sketch.labels['left']} by {sketch.labels['bottom']}")]
        self.key.show_entries(named * (self.compact and bool(sketch.marks)) + sketch.key, sketch.theme)
        if marked:
            self.walk.begin(said=False)

    def drawing(self, figure: PlotFigure) -> Drawing:
        """The chart on paper, in the paper's colours, within the stretch that is shown here."""
        self.settle()
        return drawing_of(self._sketched(figure.theme), self.plot.getPlotItem(), figure)

    def cells(self) -> Sequence[Sequence[Any]]:
        """The table behind the picture."""
        return self.rows

    def save(self, path: Path) -> None:
        """Write the picture, or its table (CSV), as the suffix says."""
        save_plot(self, path)

    def _sketched(self, theme: Theme) -> Sketch:
        made = Sketch(theme)
        measure, result, _theme = self._wanted
        if result is not None:
            charts.get(measure).value(made, result)
        return made

    def _new(self, what: str, value: object) -> bool:
        """Whether a part looks otherwise than it was last set; setting an axis lays the plot out anew."""
        known = what in self._shown and self._shown[what] == value
        self._shown[what] = value
        return not known

    def _show_axis(self, side: str, sketch: Sketch) -> None:
        axis, theme = self.plot.getAxis(side), sketch.theme
        names = sketch.names.get(side)
        there = side == "left" or (side == "top") == ("top" in sketch.names)
        if self._new(f"{side} colours", (theme.line, theme.muted)):
            axis.setPen(theme.line)
            axis.setTextPen(theme.muted)
            self._shown.pop(f"{side} label", None)  # it is coloured, too
        if self._new(f"{side} there", there):
            self.plot.showAxis(side, there)
        if self._new(f"{side} names", None if names is None else list(names)):
            axis.setTicks(None if names is None else [list(names)])
        if self._new(f"{side} font", font(LEAST)):
            axis.setStyle(tickFont=font(LEAST))
        ticks = 0 if "top" in sketch.names else -4  # cells bear their names themselves
        if self._new(f"{side} ticks", ticks):
            axis.setStyle(tickLength=ticks)
        if side == "left" and not self.compact and self._new("room", self._room(sketch)):
            axis.setWidth(self._room(sketch))  # else it is found while painting, and all is laid out again
        label = "" if self.compact else sketch.labels.get(side, "")
        if self._new(f"{side} label", label):
            axis.setLabel(escape(label), color=theme.muted)  # pyqtgraph takes it for HTML
            axis.setSIPrefixEnableRanges(())  # a label brings back the scaling of numbers, unsaid
            axis.updateAutoSIPrefix()

    def _room(self, sketch: Sketch) -> int | None:
        """Pixels that the names at the left take; None where numbers stand there."""
        if "left" not in sketch.names:
            return None
        metrics = QFontMetricsF(font(LEAST))
        widest = max((metrics.horizontalAdvance(name) for _, name in sketch.names["left"]), default=0.0)
        return round(widest) + (30 if sketch.labels["left"] else 12)

    def _at(self, scene: QPointF) -> Spot | None:
        place = self.plot.getPlotItem().getViewBox().mapSceneToView(scene)
        inside = [spot for spot in self.spots if spot[0].contains(place)]
        return min(inside, key=lambda s: (s[0].center() - place).manhattanLength(), default=None)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Arrows walk, Return selects, Home and End go to the ends."""
        if not self.walk.pressed(event):
            super().keyPressEvent(event)

    def focusInEvent(self, event: QFocusEvent) -> None:
        """Show where the keyboard stands to whoever came by Tab."""
        super().focusInEvent(event)
        if event.reason() in (Qt.FocusReason.TabFocusReason, Qt.FocusReason.BacktabFocusReason):
            self.walk.begin()

    def focusOutEvent(self, event: QFocusEvent) -> None:
        """Nothing stands out any more."""
        super().focusOutEvent(event)
        self.walk.end()

    def _moved(self, scene: QPointF) -> None:
        spot = self._at(scene)
        self.pointed.emit(spot[1] if spot else "")
        QToolTip.showText(QCursor.pos(), spot[1] if spot else "", self.plot)
        shape = Qt.CursorShape.PointingHandCursor if spot and spot[2] else Qt.CursorShape.ArrowCursor
        self.plot.setCursor(shape)

    def _clicked(self, scene: QPointF) -> None:
        spot = self._at(scene)
        if spot is not None and spot[2]:
            self.clicked.emit(spot[2])


def alike(one: dict[str, Any] | None, other: dict[str, Any] | None) -> bool:
    """Whether two results are one: their plain values are equal, everything larger is the same object."""
    if one is None or other is None or one.keys() != other.keys():
        return one is other
    plain = (str, int, float, bool)
    pairs = [(one[name], other[name]) for name in one]
    return all(a is b or (isinstance(a, plain) and a == b) for a, b in pairs)
