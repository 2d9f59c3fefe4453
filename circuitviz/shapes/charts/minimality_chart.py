"""How much each node is needed, the most needed first."""

from __future__ import annotations

from typing import Any

from circuitviz.number_text import decimal_number
from circuitviz.shapes.charts.bar_rows import add_bars
from circuitviz.shapes.charts.chart_spec import ChartSpec, charts


@charts.register("minimality", summary="a sorted bar per node")
def draw_minimality(chart: ChartSpec, result: dict[str, Any]) -> None:
    """The largest change of faithfulness that taking the node out makes."""
    nodes = [row for row in result["nodes"] if row["value"] is not None]
    chart.table_rows = [["node", "value", "change", "low", "high", "without"]]
    low, high, texts = [], [], []
    for row in nodes:
        change = row["change"]
        numbers = [row["value"], change["value"], change["low"], change["high"]]
        chart.table_rows.append([row["node"], *numbers, " ".join(row["without"])])
        ends = [change["low"], change["high"]]
        sign = -1 if change["value"] < 0 else 1
        within = sorted(sign * end for end in ends) if None not in ends else [None, None]
        low.append(within[0])
        high.append(within[1])
        rest = f", with {', '.join(row['without'][:5])} out, too" if row["without"] else ""
        texts.append(f"{row['node']}: changes faithfulness by {decimal_number(row['value'], 3)}{rest}")
    chart.set_axis_labels("", "largest change of faithfulness")
    add_bars(chart, [row["node"] for row in nodes], [row["value"] for row in nodes], low, high, texts)
