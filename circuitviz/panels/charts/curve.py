"""Faithfulness against size, with its interval as a band."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pyqtgraph as pg

from circuitviz.panels.charts.chart import Chart, charts


@charts.register("curve", summary="the curve with its band")
def draw(chart: Chart, result: dict[str, Any]) -> None:
    """A line over the number of edges, on a logarithmic scale; 1 is the whole model."""
    points = [p for p in result["points"] if p["value"] is not None]
    chart.rows = [["asked", "edges", "value", "low", "high"]]
    chart.rows += [[p[k] for k in ("asked", "edges", "value", "low", "high")] for p in points]
    chart.axes("faithfulness", "edges asked for")
    if not points:
        return
    x = np.array([math.log10(max(1, p["asked"])) for p in points])
    y = np.array([p["value"] for p in points])
    low, high = (
        np.array([p["value"] if p[k] is None else p[k] for p in points]) for k in ("low", "high")
    )
    band = pg.FillBetweenItem(pg.PlotDataItem(x, low), pg.PlotDataItem(x, high))
    band.setBrush(chart.colour("positive", 0.18))
    chart.plot.addItem(band)
    chart.plot.addItem(pg.InfiniteLine(1.0, angle=0, pen=pg.mkPen(chart.colour("line"))))
    pen, brush = pg.mkPen(chart.colour("positive"), width=2), chart.colour("positive")
    chart.plot.plot(x, y, pen=pen, symbol="o", symbolSize=6, symbolBrush=brush, symbolPen=None)
    ticks = [(math.log10(v), f"{v:,}") for v in (1, 3, 10, 30, 100, 300, 1000, 3000, 10_000, 30_000)]
    chart.plot.getAxis("bottom").setTicks([[t for t in ticks if t[0] <= x[-1] + 0.05]])
    reach = (x[-1] - x[0]) / 16 or 1.0
    for i, p in enumerate(points):
        text = f"{p['edges']:,} edges: {p['value']:.3f}"
        if p["low"] is not None:
            text += f" [{p['low']:.3f}, {p['high']:.3f}]"
        chart.spot(x[i], y[i], reach, 0.2, text)
    if "cpr" in result:
        text = pg.TextItem(f"CPR {result['cpr']:.3f}   CMD {result['cmd']:.3f}", anchor=(1, 1))
        text.setColor(chart.colour("muted"))
        chart.plot.addItem(text)
        text.setPos(x[-1], min(0.0, float(low.min())))
    chart.plot.setYRange(min(0.0, float(low.min())), max(1.05, float(high.max())), padding=0.05)
    chart.plot.setXRange(x[0], x[-1], padding=0.04)
