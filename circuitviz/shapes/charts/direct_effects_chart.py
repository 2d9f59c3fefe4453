"""Direct effects of all nodes as sorted bars."""

from __future__ import annotations

from typing import Any

from circuitviz.number_text import signed_number
from circuitviz.shapes.charts.bar_rows import add_bars
from circuitviz.shapes.charts.chart_spec import ChartSpec, charts


@charts.register("effects", summary="direct effects, the strongest on top")
def draw_direct_effects(chart: ChartSpec, result: dict[str, Any]) -> None:
    """``nodes``: name, value, low and high of each."""
    nodes = sorted(result["nodes"], key=lambda node: -abs(node["value"]))
    chart.table_rows = [["node", "value", "low", "high"]]
    chart.table_rows += [[node[key] for key in ("node", "value", "low", "high")] for node in nodes]
    chart.set_axis_labels("", "logits to correct − incorrect")
    texts = []
    for node in nodes:
        interval = (
            ""
            if node["low"] is None
            else f" [{signed_number(node['low'], 3)}, {signed_number(node['high'], 3)}]"
        )
        texts.append(f"{node['node']}: {signed_number(node['value'], 4)}{interval}")
    columns = [[node[key] for node in nodes] for key in ("node", "value", "low", "high")]
    add_bars(chart, columns[0], columns[1], columns[2], columns[3], texts)
