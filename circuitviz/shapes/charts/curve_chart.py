"""Faithfulness against size, with its interval as a band."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from circuitviz.document.curve_areas import describe_areas
from circuitviz.number_text import decimal_number, interval_text
from circuitviz.shapes.charts.chart_spec import ChartSpec, charts
from circuitviz.shapes.charts.log_ticks import log_ticks

CURVE_TABLE_COLUMNS = ("asked", "edges", "value", "low", "high")


@charts.register("curve", summary="the curve with its band")
def draw_curve(chart: ChartSpec, result: dict[str, Any]) -> None:
    """A line over the number of edges, on a logarithmic scale; 1 is the whole model."""
    points = [p for p in result["points"] if p["value"] is not None]
    chart.table_rows = [list(CURVE_TABLE_COLUMNS), *([p[k] for k in CURVE_TABLE_COLUMNS] for p in points)]
    chart.set_axis_labels("faithfulness", "edges asked for")
    if not points:
        return
    x = [log_edges(p) for p in points]
    add_random_circuits(chart, result.get("random", ()))
    add_faithfulness_line(chart, x, points)
    if "cpr" in result:
        for text in describe_areas(result):
            chart.add_legend_note(text)
    chart.axis_ticks["bottom"] = log_ticks(max(1, points[-1]["asked"]))
    chart.set_ranges(x=(x[0], x[-1]), padding=0.04)


def add_random_circuits(chart: ChartSpec, baselines: Sequence[dict[str, Any]]) -> None:
    """Median and 95 % range of random circuits of each size, below the curve."""
    baselines = [b for b in baselines if b["value"] is not None]
    if not baselines:
        return
    x = [log_edges(b) for b in baselines]
    y, low, high = ([b[key] for b in baselines] for key in ("value", "low", "high"))
    chart.add_band(x, low, high, chart.theme_colour("muted", 0.18))
    chart.add_line(x, y, chart.theme_colour("muted"), "random circuits of the same size", dashed=True)
    reach = (max(x) - min(x)) / 16 or 1.0
    for at, b in zip(x, baselines, strict=True):
        text = (
            f"{b['circuits']} random circuits of {b['asked']:,} edges: median {decimal_number(b['value'], 3)}"
        )
        chart.add_hover_region(
            at,
            b["value"],
            reach,
            0.1,
            f"{text} {interval_text(b['low'], b['high'], 3)}",
        )


def log_edges(point: dict[str, Any]) -> float:
    """The place of a point on the axis of sizes; sizes below 1 are at 1."""
    return math.log10(max(1, point["asked"]))


def add_faithfulness_line(
    chart: ChartSpec, x: Sequence[float], points: Sequence[dict[str, Any]], is_named: bool = True
) -> None:
    """Faithfulness over x with its interval, a line at 1, and what each point says.

    Args:
        chart: What it is added to.
        x: Places of the points.
        points: The points.
        is_named: Whether the legend names line and band.
    """
    band, line = ("95 % interval", "faithfulness; 1 is the whole model") if is_named else ("", "")
    y = [p["value"] for p in points]
    low, high = ([p["value"] if p[k] is None else p[k] for p in points] for k in ("low", "high"))
    chart.add_band(x, low, high, chart.theme_colour("positive", 0.18), band)
    chart.add_rule(chart.theme_colour("line"), y=1.0)
    chart.add_line(x, y, chart.theme_colour("positive"), line)
    chart.add_points(x, y, chart.theme_colour("positive"), size_px=6)
    reach = (max(x) - min(x)) / 16 or 1.0
    for at, p in zip(x, points, strict=True):
        text = f"{p['edges']:,} edges: {decimal_number(p['value'], 3)}"
        if p["low"] is not None:
            text += f" {interval_text(p['low'], p['high'], 3)}"
        chart.add_hover_region(at, p["value"], reach, 0.2, text)
    chart.set_ranges(y=(min(0.0, *low), max(1.05, *high)), padding=0.05)
