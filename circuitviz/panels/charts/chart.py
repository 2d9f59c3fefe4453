"""One plot widget for all measures: themed, read by hovering, clicked through to the canvas, exported."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyqtgraph as pg
from PySide6.QtCore import QPointF, QRectF, Qt, Signal
from PySide6.QtGui import QColor, QFocusEvent, QKeyEvent
from PySide6.QtWidgets import QVBoxLayout, QWidget

from circuitviz.canvas.theme import LIGHT
from circuitviz.panels.charts.keys import Walk
from circuitviz.panels.charts.sheet import drawing_of
from circuitviz.panels.saving import save_plot
from circuitviz.pictures.drawing import Drawing
from circuitviz.pictures.plots import PlotFigure
from circuitviz.registry import Registry

Draw = Callable[["Chart", dict[str, Any]], None]
"""(chart, a measure's result as a dict): draws it anew."""

charts: Registry[Draw] = Registry("chart", "circuitviz.panels.charts", "circuitviz.charts")


NAMELESS = "Chart"  # to those who hear it, until it is told what it shows


class Chart(QWidget):
    """A cleared plot for each drawing, with what the drawings share.

    ``pointed(text)``: what lies under the mouse, for a line of text; ``clicked(nodes)``: a tuple of
    nodes that what was clicked stands for. ``rows`` is the table behind the picture, for CSV.
    """

    pointed = Signal(str)
    clicked = Signal(object)

    def __init__(self) -> None:
        super().__init__()
        self.theme = LIGHT
        self.rows: list[list[Any]] = []
        self.plot = pg.PlotWidget()
        self.plot.scene().setItemIndexMethod(self.plot.scene().ItemIndexMethod.NoIndex)  # as the canvas's
        self.plot.setMenuEnabled(False)
        self.plot.hideButtons()
        whole = QVBoxLayout(self)
        whole.setContentsMargins(0, 0, 0, 0)
        whole.addWidget(self.plot)
        self.spots: list[tuple[QRectF, str, tuple[str, ...]]] = []
        self._drawn: tuple[Draw, dict[str, Any]] | None = None
        self.plot.setFocusPolicy(Qt.FocusPolicy.NoFocus)  # keys are ours: they walk from bar to bar
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setAccessibleName(NAMELESS)
        self.walk = Walk(self)
        self.plot.scene().sigMouseMoved.connect(self._moved)
        self.plot.scene().sigMouseClicked.connect(lambda event: self._clicked(event.scenePos()))

    def draw(self, measure: str, result: dict[str, Any] | None) -> None:
        """Draw a result; an empty plot for none, or for a measure without a picture."""
        marked = self.walk.seen
        self.clear()
        if result is not None and measure in charts.names():
            self._drawn = (charts.get(measure).value, result)
            self._drawn[0](self, result)
            if self.accessibleName().startswith(NAMELESS):
                self.setAccessibleName(f"{NAMELESS}: {charts.get(measure).summary}")
        if marked:
            self.walk.begin(said=False)

    def clear(self) -> None:
        """An empty plot in the theme's colours."""
        item = self.plot.getPlotItem()
        item.clear()
        item.setLogMode(False, False)
        item.getViewBox().invertY(False)
        item.getViewBox().setAspectLocked(False)
        item.setMouseEnabled(True, True)
        self.spots, self.rows, self._drawn = [], [], None
        self.walk.forget()
        self.setAccessibleDescription("")
        self.plot.setBackground(self.theme.panel)
        for side in ("left", "bottom", "top", "right"):
            axis = item.getAxis(side)
            axis.setTicks(None)
            axis.setPen(self.theme.line)
            axis.setTextPen(self.theme.muted)
            axis.setStyle(tickLength=-4)
            axis.setStyle(tickFont=None)
            axis.setSIPrefixEnableRanges(())  # enableAutoSIPrefix(False) would scale numbers, unsaid
            axis.setLabel("")
            item.showAxis(side, side in ("left", "bottom"))

    def axes(self, left: str, bottom: str) -> None:
        """Name the axes."""
        for side, text in (("left", left), ("bottom", bottom)):
            self.plot.setLabel(side, text, color=self.theme.muted)
            axis = self.plot.getAxis(side)
            axis.setSIPrefixEnableRanges(())  # a label brings the scaling back
            axis.updateAutoSIPrefix()

    def colour(self, name: str, alpha: float = 1.0) -> QColor:
        """A colour of the theme by its field's name."""
        colour = QColor(getattr(self.theme, name))
        colour.setAlphaF(alpha)
        return colour

    def spot(self, x: float, y: float, width: float, height: float, text: str, *nodes: str) -> None:
        """What a place in the plot says and stands for; centre and size in the plot's units."""
        rect = QRectF(x - width / 2, y - height / 2, width, height)
        self.spots.append((rect, text, nodes))

    def whiskers(
        self, x: Sequence[float], y: Sequence[float], low: Sequence[Any], high: Sequence[Any], **how: Any
    ) -> None:
        """Intervals of points that have one; ``across`` for horizontal ones."""
        across = how.pop("across", False)
        at = [i for i in range(len(x)) if low[i] is not None and high[i] is not None]
        if at:
            value = np.array([(x if across else y)[i] for i in at])
            sides = {
                ("left" if across else "bottom"): value - np.array([low[i] for i in at]),
                ("right" if across else "top"): np.array([high[i] for i in at]) - value,
            }
            where = {"x": np.array([x[i] for i in at]), "y": np.array([y[i] for i in at])}
            pen = pg.mkPen(self.colour("muted", 0.8), width=1)
            self.plot.addItem(pg.ErrorBarItem(**where, **sides, pen=pen, beam=0))

    def drawing(self, figure: PlotFigure) -> Drawing:
        """The chart on paper, in the paper's colours, within the stretch that is shown here."""
        if self._drawn is None:
            return drawing_of(self, figure)
        twin = Chart()  # shades that a chart mixes from the theme's colours are mixed again
        twin.theme = figure.theme
        twin.clear()
        self._drawn[0](twin, self._drawn[1])
        x, y = self.plot.getPlotItem().getViewBox().viewRange()
        twin.plot.setRange(xRange=x, yRange=y, padding=0)
        made = drawing_of(twin, figure)
        twin.plot.close()
        return made

    def cells(self) -> Sequence[Sequence[Any]]:
        """The table behind the picture."""
        return self.rows

    def save(self, path: Path) -> None:
        """Write the picture, or its table (CSV), as the suffix says."""
        save_plot(self, path)

    def _at(self, scene: QPointF) -> tuple[QRectF, str, tuple[str, ...]] | None:
        place = self.plot.getPlotItem().getViewBox().mapSceneToView(scene)
        inside = [spot for spot in self.spots if spot[0].contains(place)]
        return min(inside, key=lambda s: (s[0].center() - place).manhattanLength(), default=None)

    def keyPressEvent(self, event: QKeyEvent) -> None:  # noqa: N802
        """Arrows walk, Return selects, Home and End go to the ends."""
        if not self.walk.pressed(event):
            super().keyPressEvent(event)

    def focusInEvent(self, event: QFocusEvent) -> None:  # noqa: N802
        """Show where the keyboard stands to whoever came by Tab."""
        super().focusInEvent(event)
        if event.reason() in (Qt.FocusReason.TabFocusReason, Qt.FocusReason.BacktabFocusReason):
            self.walk.begin()

    def focusOutEvent(self, event: QFocusEvent) -> None:  # noqa: N802
        """Nothing stands out any more."""
        super().focusOutEvent(event)
        self.walk.end()

    def _moved(self, scene: QPointF) -> None:
        spot = self._at(scene)
        self.pointed.emit(spot[1] if spot else "")
        shape = Qt.CursorShape.PointingHandCursor if spot and spot[2] else Qt.CursorShape.ArrowCursor
        self.plot.setCursor(shape)

    def _clicked(self, scene: QPointF) -> None:
        spot = self._at(scene)
        if spot is not None and spot[2]:
            self.clicked.emit(spot[2])
