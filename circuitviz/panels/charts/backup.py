"""Direct effects before and after an ablation: who steps in."""

from __future__ import annotations

from typing import Any

import pyqtgraph as pg

from circuitviz.panels.charts.chart import Chart, charts

MOST = 14


@charts.register("backup", summary="a before-after list of heads")
def draw(chart: Chart, result: dict[str, Any]) -> None:
    """A line from before (hollow) to after (full) for the heads that changed most."""
    heads = result["heads"]
    chart.rows = [["head", "before", "after", "change", "low", "high"]]
    for head in heads:
        change = head["change"]
        chart.rows.append(
            [head["node"], head["before"], head["after"], change["value"], change["low"], change["high"]]
        )
    most = sorted(heads, key=lambda head: -abs(head["after"] - head["before"]))[:MOST]
    most.sort(key=lambda head: head["after"] - head["before"])
    metric = result["metric"]
    ablated = ", ".join(result["ablated"][:4]) + (" …" if len(result["ablated"]) > 4 else "")
    chart.axes("", f"direct effect, with {ablated} out: {metric['before']:.2f} → {metric['after']:.2f}")
    chart.plot.addItem(pg.InfiniteLine(0.0, angle=90, pen=pg.mkPen(chart.colour("line"))))
    ends = [head[when] for head in most for when in ("before", "after")] or [0.0]
    span = max(ends) - min(ends) or 1.0
    for row, head in enumerate(most):
        change = head["change"]
        rose = change["value"] >= 0
        colour = chart.colour("positive" if rose else "negative")
        x = [head["before"], head["after"]]
        chart.plot.plot(x, [row, row], pen=pg.mkPen(colour, width=2))
        chart.plot.plot(
            [x[0]], [row], pen=None, symbol="o", symbolSize=8, symbolPen=pg.mkPen(colour, width=1.5),
            symbolBrush=chart.colour("panel"),
        )  # fmt: skip
        chart.plot.plot([x[1]], [row], pen=None, symbol="o", symbolSize=8, symbolPen=None, symbolBrush=colour)
        interval = "" if change["low"] is None else f" [{change['low']:+.3f}, {change['high']:+.3f}]"
        text = f"{head['node']}: {x[0]:.3f} → {x[1]:.3f}, {change['value']:+.3f}{interval}"
        chart.spot(sum(x) / 2, row, 4 * span, 1.0, text, head["node"])
    chart.plot.getAxis("left").setTicks([[(row, head["node"]) for row, head in enumerate(most)]])
    chart.plot.setYRange(-0.7, max(1, len(most)) - 0.3, padding=0)
    chart.plot.setXRange(min([0.0, *ends]), max([0.0, *ends]), padding=0.06)
