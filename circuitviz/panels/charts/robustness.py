"""Faithfulness in every setting as one heat map."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyqtgraph as pg
from PySide6.QtCore import QRectF
from PySide6.QtGui import QColor, QFont

from circuitviz.panels.charts.chart import Chart, charts


@charts.register("robustness", summary="a heat map of settings")
def draw(chart: Chart, result: dict[str, Any]) -> None:
    """Rows: ablation and what is patched; columns: metrics. Blue is 1, orange 0 or less."""
    cells = result["cells"]
    chart.rows = [["ablation", "metric", "patched", "value", "low", "high"]]
    chart.rows += [[c[k] for k in ("ablation", "metric", "patched", "value", "low", "high")] for c in cells]
    rows = list(dict.fromkeys((c["ablation"], c["patched"]) for c in cells))
    columns = list(dict.fromkeys(c["metric"] for c in cells))
    item = chart.plot.getPlotItem()
    for cell in cells:
        x, y = columns.index(cell["metric"]), rows.index((cell["ablation"], cell["patched"]))
        value = cell["value"]
        colour = chart.colour("raised") if value is None else shade(chart, value)
        box = pg.QtWidgets.QGraphicsRectItem(QRectF(x + 0.02, y + 0.03, 0.96, 0.94))
        box.setPen(pg.mkPen(None))
        box.setBrush(colour)
        item.addItem(box)
        shown = "–" if value is None else f"{value:.2f}".replace("-0.00", "0.00")
        text = pg.TextItem(shown, anchor=(0.5, 0.5))
        text.setColor(QColor("#10141c" if colour.lightnessF() > 0.55 else "#ffffff"))
        item.addItem(text)
        text.setPos(x + 0.5, y + 0.5)
        told = f"{cell['metric']}, {cell['ablation']}, {cell['patched']} patched: "
        told += cell.get("why") or ("undefined" if value is None else f"{value:.3f}")
        if cell["low"] is not None:
            told += f" [{cell['low']:.3f}, {cell['high']:.3f}]"
        chart.spot(x + 0.5, y + 0.5, 1.0, 1.0, told)
    item.getViewBox().invertY(True)
    item.showAxis("top", True)
    item.showAxis("bottom", False)
    small = QFont(chart.font())
    small.setPixelSize(10)
    for side in ("top", "left"):
        item.getAxis(side).setStyle(tickFont=small)
    item.getAxis("top").setTicks([[(i + 0.5, name) for i, name in enumerate(columns)]])
    names = [(i + 0.5, f"{ablation} · {unit}") for i, (ablation, unit) in enumerate(rows)]
    item.getAxis("left").setTicks([names])
    chart.plot.setRange(xRange=(0, max(1, len(columns))), yRange=(0, max(1, len(rows))), padding=0)
    item.setMouseEnabled(False, False)


def shade(chart: Chart, value: float) -> QColor:
    """From the negative colour at 0 and below, over the ground, to the positive one at 1."""
    share = float(np.clip(value, 0, 1))
    low, middle, high = (chart.colour(name) for name in ("negative", "raised", "positive"))
    ends, part = ((low, middle), share * 2) if share < 0.5 else ((middle, high), share * 2 - 1)
    start, end = ends
    return QColor.fromRgbF(
        start.redF() + (end.redF() - start.redF()) * part,
        start.greenF() + (end.greenF() - start.greenF()) * part,
        start.blueF() + (end.blueF() - start.blueF()) * part,
    )
