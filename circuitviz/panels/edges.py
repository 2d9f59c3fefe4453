"""How many edges are enough: the slider and the faithfulness curve, one above the other."""

from __future__ import annotations

import math

import numpy as np
import pyqtgraph as pg
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QHBoxLayout, QLabel, QPushButton, QSlider, QSpinBox, QVBoxLayout

from circuitviz.canvas.theme import Theme
from circuitviz.panels.desk import Desk
from circuitviz.panels.registry import Panel, inset_numbers, panels

STEPS = 1000
TICKS = (1, 3, 10, 30, 100, 300, 1000, 3000, 10_000, 30_000, 100_000, 300_000)


@panels.register("edges", summary="number of edges", title="Edges", area="bottom", order=0)
class EdgesPanel(Panel):
    """A logarithmic slider; the curve with its interval band; a line where the circuit stands."""

    def __init__(self, desk: Desk) -> None:
        super().__init__(desk)
        self.slider = QSlider(Qt.Orientation.Horizontal, maximum=STEPS, accessibleName="Edges")
        self.number = QSpinBox(minimum=1, maximum=10_000_000, accessibleName="Number of edges")
        self.again = QPushButton("Measure curve")
        self.plot = pg.PlotWidget()
        self.plot.scene().setItemIndexMethod(self.plot.scene().ItemIndexMethod.NoIndex)  # as the canvas's
        self._most = 1
        self._setting = False
        self._build()
        self.slider.valueChanged.connect(self._slid)
        self.number.editingFinished.connect(lambda: self._choose(self.number.value()))
        self.again.clicked.connect(desk.draw_curve)
        desk.state_changed.connect(self.show_state)
        desk.live.changed.connect(lambda _tier: self._show_point())
        desk.curve_changed.connect(self.show_curve)
        desk.document_opened.connect(self.show_curve)
        self.show_state()

    def set_theme(self, theme: Theme) -> None:
        """Colour the plot."""
        self.plot.setBackground(theme.panel)
        for side in ("left", "bottom"):
            axis = self.plot.getAxis(side)
            axis.setPen(theme.line)
            axis.setTextPen(theme.muted)
        blue = pg.mkColor(theme.positive)
        self.curve.setPen(pg.mkPen(blue, width=2))
        self.curve.setSymbolBrush(blue)
        band = pg.mkColor(theme.positive)
        band.setAlpha(45)
        self.band.setBrush(band)
        self.here.setPen(pg.mkPen(theme.negative, width=1.5, style=Qt.PenStyle.DashLine))
        self.point.setBrush(pg.mkBrush(theme.negative))
        self.one.setPen(pg.mkPen(theme.line))
        self.plot.setLabel("left", "faithfulness", color=theme.muted)
        self.plot.setLabel("bottom", "edges", color=theme.muted)

    def _build(self) -> None:
        row = QHBoxLayout()
        row.addWidget(QLabel("Edges"))
        row.addWidget(self.slider, 1)
        row.addWidget(self.number)
        row.addWidget(self.again)
        self.number.setFixedWidth(84)
        self.slider.setMinimumWidth(80)
        self.plot.setMenuEnabled(False)
        self.plot.hideButtons()
        self.plot.setMouseEnabled(False, False)
        self.plot.setLogMode(x=True)
        ticks = [(math.log10(number), f"{number:,}") for number in TICKS]
        self.plot.getAxis("bottom").setTicks([ticks])  # the axis's own run into one another
        self.plot.setMinimumHeight(96)
        self.plot.setAccessibleName("Faithfulness against the number of edges")
        empty = pg.PlotDataItem([], [])
        self.low, self.high = pg.PlotDataItem([], []), pg.PlotDataItem([], [])
        self.band = pg.FillBetweenItem(self.low, self.high)
        self.curve = pg.PlotDataItem([], [], symbol="o", symbolSize=5, symbolPen=None)
        self.here = pg.InfiniteLine(angle=90)
        self.one = pg.InfiniteLine(pos=1.0, angle=0)
        self.point = pg.ScatterPlotItem(size=9, pen=None)
        for item in (self.low, self.high):
            item.setPen(None)
        for item in (self.one, self.low, self.high, self.band, self.curve, self.here, self.point, empty):
            self.plot.addItem(item)
        whole = QVBoxLayout(self)
        whole.setContentsMargins(12, 6, 12, 8)
        whole.setSpacing(6)
        whole.addLayout(row)
        whole.addWidget(self.plot, 1)
        inset_numbers(self)

    def show_state(self) -> None:
        """Follow the circuit."""
        state = self.desk.state
        has = state.scores is not None and state.circuit is not None
        for widget in (self.slider, self.number, self.again):
            widget.setEnabled(has and self.desk.preview is None)
        features = self.desk.asking.question is not None
        self.again.setEnabled(self.again.isEnabled() and not features)
        self.again.setToolTip("circuits of features are judged by their nodes" if features else "")
        if state.circuit is None:
            return
        self._most = state.circuit.graph.n_edges
        kept = state.circuit.n_edges
        self._setting = True
        self.number.setMaximum(self._most)
        self.number.setValue(max(1, kept))
        self.slider.setValue(round(STEPS * math.log(max(1, kept)) / math.log(max(2, self._most))))
        self._setting = False
        self.plot.setXRange(0, math.log10(max(10, self._most)), padding=0.03)
        self._show_point()

    def show_curve(self) -> None:
        """Draw the points measured so far."""
        points = [p for p in self.desk.document.curve if p["value"] is not None]
        x = np.array([max(1, p["edges"]) for p in points], dtype=float)
        y, low, high = (
            np.array([p[k] if p[k] is not None else p["value"] for p in points], dtype=float)
            for k in ("value", "low", "high")
        )
        self.curve.setData(x, y)
        self.low.setData(x, low)
        self.high.setData(x, high)
        if len(points):
            bottom, top = min(0.0, float(low.min())), max(1.05, float(high.max()))
            self.plot.setYRange(bottom, top, padding=0.04)
        self._show_point()

    def _show_point(self) -> None:
        circuit = self.desk.state.circuit
        if circuit is None or not circuit.n_edges:
            self.point.setData([], [])
            return
        at = math.log10(circuit.n_edges)
        self.here.setValue(at)
        value = (self.desk.live.numbers or {}).get("faithfulness", {}).get("value")
        self.point.setData([at] if value is not None else [], [value] if value is not None else [])

    def _slid(self, place: int) -> None:
        if not self._setting:
            self._choose(round(math.exp(place / STEPS * math.log(max(2, self._most)))))

    def _choose(self, amount: int) -> None:
        circuit = self.desk.document.state.circuit
        if circuit is not None and amount != circuit.n_edges and not self._setting:
            self.desk.choose(max(1, min(self._most, amount)))
