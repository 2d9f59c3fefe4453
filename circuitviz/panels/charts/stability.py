"""How often each edge is found again on other prompts."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyqtgraph as pg

from circuitviz.panels.charts.chart import Chart, charts


@charts.register("stability", summary="edges by how often they are chosen")
def draw(chart: Chart, result: dict[str, Any]) -> None:
    """Edges from the most to the least often chosen, against the share of resamples."""
    shares = list(result["edges"].items())
    chart.rows = [["edge", "share"], *[[name, share] for name, share in shares]]
    chart.axes("share of resamples", "edges, most often chosen first")
    if not shares:
        return
    y = np.array([share for _, share in shares])
    x = np.arange(len(y) + 1)
    chart.plot.plot(
        x, y, stepMode="center", pen=pg.mkPen(chart.colour("positive"), width=2), fillLevel=0,
        brush=chart.colour("positive", 0.18),
    )  # fmt: skip
    if result["mean_iou"] is not None:
        told = f"{result['resamples']} resamples, mean IoU {result['mean_iou']:.3f}"
        text = pg.TextItem(told, color=chart.colour("muted"), anchor=(1, 1))
        chart.plot.addItem(text)
        text.setPos(len(y), 0.0)
    for i, (name, share) in enumerate(shares):
        chart.spot(i + 0.5, 0.5, 1.0, 2.0, f"{name}: chosen in {share:.0%} of the resamples")
    chart.plot.setRange(xRange=(0, len(y)), yRange=(0, 1.03), padding=0.02)
