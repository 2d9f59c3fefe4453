"""Faithfulness and completeness of features against the number of nodes, as two lines."""

from __future__ import annotations

import math
from typing import Any

import pyqtgraph as pg

from circuitviz.panels.charts.chart import Chart, charts

LINES = {"faithfulness": ("positive", "circuit"), "completeness": ("negative", "the rest")}


@charts.register("sizes", summary="two lines over the number of nodes")
def draw(chart: Chart, result: dict[str, Any]) -> None:
    """The number of nodes on a logarithmic scale; 1 is the whole model, 0 everything ablated."""
    points = result["points"]
    keys = ("nodes", "last", "faithfulness", "completeness")
    chart.rows = [list(keys), *([point[k] for k in keys] for point in points)]
    chart.axes("share of the target", f"strongest nodes, {result['ablation']} ablation")
    if not points:
        return
    every = [point[name] for point in points for name in LINES if point[name] is not None]
    low, high = min([0.0, *every]), max([1.0, *every])
    for level in (0.0, 1.0):
        chart.plot.addItem(pg.InfiniteLine(level, angle=0, pen=pg.mkPen(chart.colour("line"))))
    reach = math.log10(points[-1]["nodes"]) / 16 or 0.1
    for name, (colour, title) in LINES.items():
        there = [(math.log10(p["nodes"]), p[name], p) for p in points if p[name] is not None]
        x, y = [t[0] for t in there], [t[1] for t in there]
        pen, brush = pg.mkPen(chart.colour(colour), width=2), chart.colour(colour)
        chart.plot.plot(x, y, pen=pen, symbol="o", symbolSize=6, symbolBrush=brush, symbolPen=None)
        for at, value, point in there:
            text = f"{point['nodes']} nodes, down to {point['last']}: {name} {value:.3f}"
            chart.spot(at, value, reach, (high - low) / 12, text, point["last"])
        if there:
            label = pg.TextItem(title, anchor=(0, 1))
            label.setColor(chart.colour(colour))
            chart.plot.addItem(label)
            label.setPos(x[0], y[0])
    ticks = [[(math.log10(v), f"{v:,}") for v in (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000)]]
    chart.plot.getAxis("bottom").setTicks(ticks)
    chart.plot.setYRange(low, high, padding=0.1)
    chart.plot.setXRange(0, math.log10(points[-1]["nodes"]) or 0.1, padding=0.05)
