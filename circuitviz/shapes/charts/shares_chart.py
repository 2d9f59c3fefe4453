"""What several nodes or channels give to one thing, as bars whose sum is named."""

from __future__ import annotations

from typing import Any

from circuitviz.number_text import signed_number
from circuitviz.shapes.charts.bar_rows import add_bars
from circuitviz.shapes.charts.chart_spec import ChartSpec, charts


@charts.register("shares", summary="shares of a sum, a bar each")
def draw_shares(chart: ChartSpec, result: dict[str, Any]) -> None:
    """``shares``: (name, value, what is said of it) in order; ``axis``: what a value is."""
    shares = result["shares"]
    total = sum(value for _, value, _ in shares)
    chart.table_rows = [["name", "value"], *([name, value] for name, value, _ in shares), ["sum", total]]
    chart.set_axis_labels("", result["axis"])
    names = [name for name, _, _ in shares]
    none = [None] * len(names)
    texts = [text or f"{name}: {signed_number(value, 4)}" for name, value, text in shares]
    add_bars(chart, names, [value for _, value, _ in shares], none, none, texts)
