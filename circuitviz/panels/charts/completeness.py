"""Circuit against model without the same nodes: a complete circuit lies on the diagonal."""

from __future__ import annotations

from typing import Any

import pyqtgraph as pg

from circuitviz.panels.charts.chart import Chart, charts

KINDS = {"random": ("o", "muted"), "class": ("s", "query"), "greedy": ("d", "negative")}


@charts.register("completeness", summary="F(C∖K) against F(M∖K), with the diagonal")
def draw(chart: Chart, result: dict[str, Any]) -> None:
    """A point for each set K; its distance from the diagonal is the gap."""
    sets = [s for s in result["sets"] if s["gap"] is not None]
    chart.rows = [["kind", "set", "nodes", "model", "circuit", "gap"]]
    chart.axes("F of the circuit without K", "F of the model without K")
    values = [one[k]["value"] for one in sets for k in ("model", "circuit")]
    low, high = min([0.0, *values]), max([1.0, *values])
    pad = 0.06 * (high - low)
    chart.plot.plot([low, high], [low, high], pen=pg.mkPen(chart.colour("line"), width=1.5))
    for one in sets:
        x, y = one["model"]["value"], one["circuit"]["value"]
        chart.rows.append([one["kind"], one["name"], " ".join(one["nodes"]), x, y, one["gap"]])
        chart.whiskers([x], [y], [one["circuit"]["low"]], [one["circuit"]["high"]])
        symbol, colour = KINDS.get(one["kind"], ("o", "muted"))
        chart.plot.plot(
            [x], [y], pen=None, symbol=symbol, symbolSize=9, symbolPen=None,
            symbolBrush=chart.colour(colour, 0.85),
        )  # fmt: skip
        shown = ", ".join(one["nodes"][:5]) + (" …" if len(one["nodes"]) > 5 else "")
        text = f"{one['name']} without {shown}: circuit {y:.3f}, model {x:.3f}, gap {one['gap']:.3f}"
        chart.spot(x, y, 0.06 * (high - low), 0.1 * (high - low), text, *one["nodes"])
    there = {one["kind"] for one in sets}
    for row, (kind, (symbol, colour)) in enumerate((k, v) for k, v in KINDS.items() if k in there):
        names = {"random": "random sets", "class": "classes", "greedy": "greedy, the worst found"}
        place = (low + pad / 2, high - row * 0.13 * (high - low))
        chart.plot.plot(
            [place[0]], [place[1]], pen=None, symbol=symbol, symbolSize=9, symbolPen=None,
            symbolBrush=chart.colour(colour, 0.85),
        )  # fmt: skip
        text = pg.TextItem(names[kind], color=chart.colour("muted"), anchor=(0, 0.5))
        chart.plot.addItem(text)
        text.setPos(place[0] + 0.015 * (high - low), place[1])
    chart.plot.setRange(xRange=(low - pad, high + pad), yRange=(low - pad, high + pad), padding=0)
