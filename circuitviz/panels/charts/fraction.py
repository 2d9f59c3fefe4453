"""How much of a target's value the kept leaves explain, against the threshold that keeps them."""

from __future__ import annotations

import math
from typing import Any

import pyqtgraph as pg
from PySide6.QtCore import Qt

from circuitviz.panels.charts.chart import Chart, charts


@charts.register("fraction", summary="attribution fraction against threshold")
def draw(chart: Chart, result: dict[str, Any]) -> None:
    """``points``: tau, nodes, fraction; ``tau``: where the circuit stands now, or None."""
    points = result["points"]
    chart.rows = [["tau", "nodes", "fraction"], *([p.tau, p.nodes, p.fraction] for p in points)]
    chart.axes("attribution fraction", "threshold τ")
    chart.plot.getPlotItem().setMouseEnabled(False, False)
    if not points:
        return
    x, y = [math.log10(p.tau) for p in points], [p.fraction for p in points]
    low, high = min(0.0, *y), max(1.05, *y)
    chart.plot.addItem(pg.InfiniteLine(1.0, angle=0, pen=pg.mkPen(chart.colour("line"))))
    pen, brush = pg.mkPen(chart.colour("positive"), width=2), chart.colour("positive")
    chart.plot.plot(x, y, pen=pen, symbol="o", symbolSize=5, symbolBrush=brush, symbolPen=None)
    first, last = math.floor(min(x)), math.ceil(max(x))
    ticks = [(float(at), f"{10.0**at:g}") for at in range(first, last + 1)]
    chart.plot.getAxis("bottom").setTicks([ticks])
    if result["tau"]:
        dash = pg.mkPen(chart.colour("negative"), width=1.5, style=Qt.PenStyle.DashLine)
        chart.plot.addItem(pg.InfiniteLine(math.log10(result["tau"]), angle=90, pen=dash))
    for i, p in enumerate(points):
        said = f"τ {p.tau:.3g}: {p.nodes:,} nodes, fraction {p.fraction:.3f}"
        chart.spot(x[i], y[i], (max(x) - min(x)) / 16 or 1.0, (high - low) / 3, said)
    chart.plot.setYRange(low, high, padding=0.05)
    chart.plot.setXRange(min(x), max(x), padding=0.04)
