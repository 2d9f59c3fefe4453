"""How often each edge is found again on other prompts."""

from __future__ import annotations

from typing import Any

import numpy as np

from circuitviz.number_text import decimal_number
from circuitviz.shapes.charts.chart_spec import ChartSpec, charts


@charts.register("stability", summary="edges by how often they are chosen")
def draw_stability(chart: ChartSpec, result: dict[str, Any]) -> None:
    """Edges from the most to the least often chosen, against the share of resamples."""
    shares = list(result["edges"].items())
    chart.table_rows = [["edge", "share"], *[[name, share] for name, share in shares]]
    chart.set_axis_labels("share of resamples", "edges, most often chosen first")
    if not shares:
        return
    y = np.repeat([share for _, share in shares], 2)
    x = np.repeat(np.arange(len(shares) + 1), 2)[1:-1]
    chart.add_band(x, np.zeros(len(x)), y, chart.theme_colour("positive", 0.18))
    chart.add_line(x, y, chart.theme_colour("positive"))
    if result["mean_iou"] is not None:
        chart.add_legend_note(
            f"{result['resamples']} resamples, mean IoU {decimal_number(result['mean_iou'], 3)}"
        )
    for i, (name, share) in enumerate(shares):
        chart.add_hover_region(
            i + 0.5, 0.5, 1.0, 2.0, f"{name}: chosen in {share:.0%} of the resamples", *_edge_nodes(name)
        )
    chart.set_ranges((0, len(shares)), (0, 1.03), padding=0.02)


def _edge_nodes(edge: str) -> tuple[str, ...]:
    """The nodes between which an edge runs, a receiver's input left out."""
    sender, _, receiver = edge.partition("->")
    return (sender, receiver.partition("<")[0]) if receiver else ()
