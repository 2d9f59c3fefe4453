"""A circuit of features in every setting as one heat map: what it keeps, and what the rest keeps."""

from __future__ import annotations

from typing import Any

import pyqtgraph as pg
from PySide6.QtCore import QRectF
from PySide6.QtGui import QColor, QFont

from circuitviz.panels.charts.chart import Chart, charts
from circuitviz.panels.charts.robustness import shade

COLUMNS = {"faithfulness": "circuit", "completeness": "rest"}


@charts.register("ablations", summary="a heat map of settings")
def draw(chart: Chart, result: dict[str, Any]) -> None:
    """Rows: ablation and errors; columns: faithfulness (1 is best) and completeness (0 is best)."""
    cells = result["cells"]
    keys = ("ablation", "errors", "faithfulness", "completeness", "circuit", "rest", "model", "ablated")
    chart.rows = [list(keys), *([cell[k] for k in keys] for cell in cells)]
    item = chart.plot.getPlotItem()
    for y, cell in enumerate(cells):
        for x, (name, value_of) in enumerate(COLUMNS.items()):
            value = cell[name]
            good = value if value is None or name == "faithfulness" else 1 - abs(value)
            colour = chart.colour("raised") if good is None else shade(chart, good)
            box = pg.QtWidgets.QGraphicsRectItem(QRectF(x + 0.02, y + 0.03, 0.96, 0.94))
            box.setPen(pg.mkPen(None))
            box.setBrush(colour)
            item.addItem(box)
            shown = "–" if value is None else f"{value:.2f}".replace("-0.00", "0.00").replace("-", "−")
            text = pg.TextItem(shown, anchor=(0.5, 0.5))
            text.setColor(QColor("#10141c" if colour.lightnessF() > 0.55 else "#ffffff"))
            item.addItem(text)
            text.setPos(x + 0.5, y + 0.5)
            told = "undefined: model and ablated do not differ" if value is None else f"{value:.3f}"
            chart.spot(
                x + 0.5, y + 0.5, 1.0, 1.0,
                f"{name}, {cell['ablation']}, errors {cell['errors']}: {told}; {result['target']} "
                f"{cell[value_of]:.3f}, in the model {cell['model']:.3f}, ablated {cell['ablated']:.3f}",
            )  # fmt: skip
    item.getViewBox().invertY(True)
    item.showAxis("top", True)
    item.showAxis("bottom", False)
    small = QFont(chart.font())
    small.setPixelSize(10)
    for side in ("top", "left"):
        item.getAxis(side).setStyle(tickFont=small)
    titles = ("faithfulness of the circuit", "completeness: the rest's share")
    item.getAxis("top").setTicks([[(i + 0.5, name) for i, name in enumerate(titles)]])
    names = [(i + 0.5, f"{cell['ablation']} · errors {cell['errors']}") for i, cell in enumerate(cells)]
    item.getAxis("left").setTicks([names])
    chart.plot.setRange(xRange=(0, len(COLUMNS)), yRange=(0, max(1, len(cells))), padding=0)
    item.setMouseEnabled(False, False)
