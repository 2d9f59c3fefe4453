"""Every head's score in every role's test: a strip a role, a cell a head."""

from __future__ import annotations

from typing import Any

import pyqtgraph as pg
from PySide6.QtCore import QRectF

from circuitviz.panels.charts.chart import Chart, charts


@charts.register("roles", summary="a heat map of heads by role")
def draw(chart: Chart, result: dict[str, Any]) -> None:
    """Rows: roles; columns: heads, layer by layer. More colour: nearer to the role's highest score."""
    from circuitviz.evaluation.roles import percentile

    roles = result["roles"]
    heads = list(next(iter(roles.values()))["scores"]) if roles else []
    chart.rows = [["role", "head", "score", "percentile"]]
    item = chart.plot.getPlotItem()
    for y, found in enumerate(roles.values()):
        scores = found["scores"]
        most = max((abs(v) for v in scores.values() if v is not None), default=0.0) or 1.0
        for x, head in enumerate(heads):
            value, rank = scores[head], percentile(scores, head)
            chart.rows.append([found["role"], head, value, rank])
            told = f"{found['role']}, {head}: "
            told += "not defined" if value is None else f"{value:.3f} {found['unit']}, percentile {rank:.0f}"
            chart.spot(x + 0.5, y + 0.5, 1.0, 1.0, told, head)
            if value is not None:
                box = pg.QtWidgets.QGraphicsRectItem(QRectF(x + 0.04, y + 0.08, 0.92, 0.84))
                box.setPen(pg.mkPen(None))
                box.setBrush(chart.colour("positive" if value >= 0 else "negative", abs(value) / most))
                item.addItem(box)
    layers = dict.fromkeys(head.partition(".")[0] for head in heads)
    starts = [(next(i for i, h in enumerate(heads) if h.startswith(f"{name}.")), name) for name in layers]
    item.getViewBox().invertY(True)
    item.getAxis("bottom").setTicks([[(at + 0.5, f"{name}.h0") for at, name in starts]])
    item.getAxis("left").setTicks([[(y + 0.5, found["role"]) for y, found in enumerate(roles.values())]])
    chart.plot.setRange(xRange=(0, max(1, len(heads))), yRange=(0, max(1, len(roles))), padding=0)
    item.setMouseEnabled(False, False)
