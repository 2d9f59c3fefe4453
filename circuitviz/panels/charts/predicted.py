"""Predicted against measured: each node a point, the diagonal where attribution is right."""

from __future__ import annotations

from typing import Any

import pyqtgraph as pg

from circuitviz.panels.charts.chart import Chart, charts

REACH = 0.03  # of the axes: how near the mouse has to be to a point


@charts.register("predicted", summary="a scatter with the diagonal")
def draw(chart: Chart, result: dict[str, Any]) -> None:
    """``points``: node, predicted and measured change of the target."""
    points = result["points"]
    chart.rows = [["node", "predicted", "measured"]]
    chart.rows += [[p[k] for k in ("node", "predicted", "measured")] for p in points]
    chart.axes(f"measured, {result['response']}", f"predicted change of {result['target']}")
    if not points:
        return
    x, y = ([p[k] for p in points] for k in ("predicted", "measured"))
    (left, right), (low, high) = _range(x), _range(y)
    ends = [min(left, low), max(right, high)]
    chart.plot.addItem(pg.PlotDataItem(ends, ends, pen=pg.mkPen(chart.colour("muted"), width=1, dash=[4, 4])))
    for angle in (0, 90):
        chart.plot.addItem(pg.InfiniteLine(0.0, angle=angle, pen=pg.mkPen(chart.colour("line"))))
    spots = pg.ScatterPlotItem(
        x, y, size=8, brush=chart.colour("positive", 0.75), pen=pg.mkPen(chart.colour("panel"), width=1),
        useCache=False,  # which would make bitmaps of them, also in files
    )  # fmt: skip
    chart.plot.addItem(spots)
    width, height = (REACH * 2 * (b - a) for a, b in ((left, right), (low, high)))
    for point in points:
        text = f"{point['node']}: predicted {point['predicted']:+.4f}, measured {point['measured']:+.4f}"
        chart.spot(point["predicted"], point["measured"], width, height, text, point["node"])
    chart.plot.setRange(xRange=(left, right), yRange=(low, high), padding=0.06)
    if result["r"] is not None:
        label = pg.TextItem(f"r {result['r']:.3f}   {len(points)} nodes", anchor=(1, 1))
        label.setColor(chart.colour("muted"))
        chart.plot.addItem(label)
        label.setPos(right, low)


def _range(values: list[float]) -> tuple[float, float]:
    """From the least to the greatest, with 0 among them and some width."""
    low, high = min(0.0, *values), max(0.0, *values)
    return (low, high) if high > low else (-1.0, 1.0)
