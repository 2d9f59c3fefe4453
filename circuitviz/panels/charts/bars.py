"""Sorted bars of nodes, the longest on top: lying, so that their names can be read."""

from __future__ import annotations

from collections.abc import Sequence

import pyqtgraph as pg

from circuitviz.panels.charts.chart import Chart

IN_SIGHT = 14


def bars(
    chart: Chart,
    names: Sequence[str],
    values: Sequence[float],
    low: Sequence[float | None],
    high: Sequence[float | None],
    texts: Sequence[str],
) -> None:
    """One bar a node, in the order given, with whiskers; the rest is reached by dragging."""
    at = list(range(len(names)))
    brushes = [chart.colour("positive" if v >= 0 else "negative", 0.85) for v in values]
    chart.plot.addItem(
        pg.BarGraphItem(x0=[0] * len(at), y=at, width=list(values), height=0.66, brushes=brushes, pen=None)
    )
    chart.whiskers(values, at, low, high, across=True)
    chart.plot.getAxis("left").setTicks([list(zip(at, names, strict=True))])
    ends = [0.0, *values, *(v for v in (*low, *high) if v is not None)]
    left, right = min(ends), max(ends)
    for i, name in enumerate(names):
        chart.spot((left + right) / 2, i, 2 * (right - left) or 1.0, 1.0, texts[i], name)
    item = chart.plot.getPlotItem()
    item.getViewBox().invertY(True)
    chart.plot.setXRange(left, right, padding=0.06)
    chart.plot.setYRange(-0.6, min(max(len(names), 3), IN_SIGHT) - 0.4, padding=0)
    item.setMouseEnabled(False, True)
