"""Sorted bars of nodes, the longest on top: lying, so that their names can be read."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from circuitviz.shapes.charts.chart_spec import ChartSpec, RectMark

MAX_VISIBLE_BARS = 14
HALF_BAR_ROWS = 0.33  # of a bar's height, in rows


def add_bars(
    chart: ChartSpec,
    names: Sequence[str],
    values: Sequence[float],
    low: Sequence[float | None],
    high: Sequence[float | None],
    texts: Sequence[str],
    interval_label: str = "95 % interval",
    nodes: Sequence[str] | None = None,
) -> None:
    """One bar a name, in the order given, with whiskers; the rest is reached by dragging.

    Args:
        chart: takes the bars.
        names: what the bars are of.
        values: their lengths.
        low: lower ends of the whiskers; None for a bar without.
        high: upper ends of the whiskers.
        texts: hover texts.
        interval_label: what the whiskers are.
        nodes: for each bar the node that a click selects, or none at all; the names by default.
    """
    at = list(range(len(names)))
    sides = [
        (min(0.0, v), i - HALF_BAR_ROWS, max(0.0, v), i + HALF_BAR_ROWS)
        for i, v in zip(at, values, strict=True)
    ]
    colours = {True: chart.theme_colour("positive", 0.85), False: chart.theme_colour("negative", 0.85)}
    chart.marks.append(RectMark(np.array(sides, float).reshape(-1, 4), [colours[v >= 0] for v in values]))
    chart.add_whiskers(values, at, low, high, is_horizontal=True, legend_label=interval_label)
    ends = [0.0, *values, *(v for v in (*low, *high) if v is not None)]
    left, right = min(ends), max(ends)
    if left < 0 < right:
        chart.add_rule(chart.theme_colour("line"), x=0.0)
    for i, name in enumerate(names):
        selected = [name] if nodes is None else list(nodes[i : i + 1])
        chart.add_hover_region((left + right) / 2, i, 2 * (right - left) or 1.0, 1.0, texts[i], *selected)
    chart.axis_ticks["left"] = list(zip(at, names, strict=True))
    chart.is_y_upwards, chart.draggable_axes = False, (False, True)
    chart.set_ranges(x=(left, right), padding=0.06)
    chart.set_ranges(y=(-0.6, min(max(len(names), 3), MAX_VISIBLE_BARS) - 0.4))
