"""Which components several circuits share: a matrix of shares, one row and one column a circuit."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyqtgraph as pg

from circuitviz.canvas.theme import Theme
from circuitviz.panels.charts.chart import Chart, charts


@charts.register("reuse", summary="shares of components between circuits")
def draw(chart: Chart, result: dict[str, Any]) -> None:
    """Cells from pale (0) to the positive colour (1) with their number; a click means the shared nodes.

    ``result``: ``Reuse.as_dict`` and ``what``, ``nodes`` or ``edges``.
    """
    names, what = list(result["names"]), str(result.get("what", "nodes"))
    shares = result[what]
    chart.rows = [["share of", "found in", what], *_rows(names, shares)]
    if not names:
        return
    letters = [chr(ord("A") + i) if i < 26 else str(i + 1) for i in range(len(names))]
    for i, row in enumerate(shares):
        for j, share in enumerate(row):
            value = 0.0 if share is None else float(share)
            cell = pg.QtWidgets.QGraphicsRectItem(j + 0.03, i + 0.03, 0.94, 0.94)
            cell.setPen(pg.mkPen(None))
            cell.setBrush(pg.mkBrush(_shade(chart.theme, value)))
            chart.plot.addItem(cell)
            text = pg.TextItem("–" if share is None else f"{value:.2f}", anchor=(0.5, 0.5))
            text.setColor("#ffffff" if _lightness(_shade(chart.theme, value)) < 0.45 else "#101318")
            text.setPos(j + 0.5, i + 0.5)
            chart.plot.addItem(text)
            common = result["common"][i][j]
            said = f"{value:.0%} of the {what} of {names[i]} are in {names[j]} too"
            chart.spot(j + 0.5, i + 0.5, 1.0, 1.0, said, *common)
    item = chart.plot.getPlotItem()
    item.getViewBox().invertY(True)
    item.setMouseEnabled(False, False)
    at = [i + 0.5 for i in range(len(names))]
    rows = [f"{letter}  {name}" for letter, name in zip(letters, names, strict=True)]
    item.getAxis("left").setTicks([list(zip(at, rows, strict=True))])
    item.showAxis("top", True)
    item.showAxis("bottom", False)
    item.getAxis("top").setTicks([list(zip(at, letters, strict=True))])
    chart.plot.setRange(xRange=(0, len(names)), yRange=(0, len(names)), padding=0.01)


def _rows(names: list[str], shares: list[list[float | None]]) -> list[list[Any]]:
    return [[names[i], names[j], share] for i, row in enumerate(shares) for j, share in enumerate(row)]


def _shade(theme: Theme, share: float) -> str:
    ground, ink = pg.mkColor(theme.window), pg.mkColor(theme.accent)
    mixed = np.array(ground.getRgb()[:3]) * (1 - share) + np.array(ink.getRgb()[:3]) * share
    return "#" + "".join(f"{round(c):02x}" for c in mixed)


def _lightness(colour: str) -> float:
    red, green, blue, _ = pg.mkColor(colour).getRgbF()
    return float(0.299 * red + 0.587 * green + 0.114 * blue)
