"""In which components a feature's circuits are alike: mean similarity with quartiles, a bar a site."""

from __future__ import annotations

from typing import Any

from circuitviz.number_text import decimal_number
from circuitviz.shapes.charts.bar_rows import add_bars
from circuitviz.shapes.charts.chart_spec import ChartSpec, charts


@charts.register("trace-sites", summary="similarity of circuits by component")
def draw_trace_sites(chart: ChartSpec, result: dict[str, Any]) -> None:
    """``sites``: site, mean, low, high and pairs of each, from the first layer on."""
    sites = result["sites"]
    chart.table_rows = [["site", "mean", "low_quartile", "high_quartile", "pairs"]]
    chart.table_rows += [[one[key] for key in ("site", "mean", "low", "high", "pairs")] for one in sites]
    chart.set_axis_labels("", "cosine similarity of two examples")
    texts = [
        f"{one['site']}: mean {decimal_number(one['mean'], 3)}, "
        f"quartiles {decimal_number(one['low'], 3)} to {decimal_number(one['high'], 3)}, "
        f"over {one['pairs']:,} pairs of examples"
        for one in sites
    ]
    columns = [[one[key] for one in sites] for key in ("site", "mean", "low", "high")]
    add_bars(chart, columns[0], columns[1], columns[2], columns[3], texts, "quartiles")
    if sites:
        chart.set_ranges(x=(min(0.0, *columns[2]), 1.0), padding=0.03)
