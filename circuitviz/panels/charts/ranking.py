"""Precision against recall: how many of the strongest edges are a reference's."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyqtgraph as pg

from circuitviz.panels.charts.chart import Chart, charts


@charts.register("ranking", summary="precision against recall of each row")
def draw(chart: Chart, result: dict[str, Any]) -> None:
    """A line a row; ``strong`` names the row that is drawn in colour, the others stay grey."""
    rows = [row for row in result["rows"] if row["curve"]["recall"]]
    chart.rows = [["method", "recall", "precision"]]
    chart.axes("precision", "recall")
    rows.sort(key=lambda row: row["method"] == result.get("strong"))
    for row in rows:
        recall, precision = np.array(row["curve"]["recall"]), np.array(row["curve"]["precision"])
        points = list(zip(recall.tolist(), precision.tolist(), strict=True))
        chart.rows += [[row["method"], r, p] for r, p in points]
        strong = row["method"] == result.get("strong")
        pen = pg.mkPen(chart.colour("positive" if strong else "muted", 1.0 if strong else 0.45), width=2)
        x = np.concatenate([[0.0], recall])
        y = np.concatenate([precision[:1], precision])
        chart.plot.plot(x, y, pen=pen)
        for r, p in points if strong or len(points) < 200 else ():
            chart.spot(r, p, 0.03, 0.06, f"{row['method']}: precision {p:.3f} at recall {r:.3f}")
    chart.plot.setXRange(0, 1, padding=0.03)
    chart.plot.setYRange(0, 1.02, padding=0.03)
