"""How strongly a feature fires where it fires: a histogram, whose bins are wide as powers of two."""

from __future__ import annotations

from typing import Any

import numpy as np

from circuitviz.number_text import rounded_number
from circuitviz.shapes.charts.chart_spec import ChartSpec, RectMark, charts


@charts.register("activations", summary="how often a feature fires how strongly")
def draw_activations(chart: ChartSpec, result: dict[str, Any]) -> None:
    """``bins``: tokens in each; ``reach``: the activation at which the last bin ends."""
    counts = list(result["bins"])
    width = result["reach"] / len(counts)
    last = max((i for i, count in enumerate(counts) if count), default=0)
    chart.table_rows = [["from", "to", "tokens"]]
    chart.set_axis_labels("tokens", "activation")
    sides = []
    for i, count in enumerate(counts[: last + 1]):
        low, high = i * width, (i + 1) * width
        chart.table_rows.append([low, high, count])
        sides.append((low + 0.05 * width, 0.0, high - 0.05 * width, float(count)))
        tooltip = f"activation {rounded_number(low, 3)} to {rounded_number(high, 3)}: {count:,} tokens"
        chart.add_hover_region(low + width / 2, max(counts) / 2, width, 2.2 * max(counts), tooltip)
    chart.marks.append(RectMark(np.array(sides), [chart.theme_colour("positive", 0.85)] * len(sides)))
    chart.draggable_axes = (False, False)
    chart.set_ranges(x=(0.0, (last + 1) * width), padding=0.02)
    chart.set_ranges(y=(0.0, max(counts)), padding=0.03)
