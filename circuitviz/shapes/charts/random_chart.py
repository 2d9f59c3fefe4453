"""Faithfulness of a circuit beside that of random circuits of the same size."""

from __future__ import annotations

from typing import Any

from circuitviz.number_text import decimal_number, interval_text
from circuitviz.shapes.charts.chart_spec import ChartSpec, charts

OWN_ROW, RANDOM_ROW = 0, 1


@charts.register("random", summary="a circuit and random circuits as points")
def draw_random(chart: ChartSpec, result: dict[str, Any]) -> None:
    """Two rows of points over faithfulness: the circuit with its interval, each random circuit."""
    own, values = result.get("own") or {"value": None}, list(result.get("values", ()))
    chart.table_rows = [["circuit", "faithfulness"], ["this circuit", own["value"]]]
    chart.table_rows += [["random", value] for value in values]
    chart.set_axis_labels("", f"faithfulness of circuits of {result['asked']:,} edges")
    chart.axis_ticks["left"] = [(OWN_ROW, "this circuit"), (RANDOM_ROW, "random")]
    chart.is_y_upwards = False
    for level in (0.0, 1.0):
        chart.add_rule(chart.theme_colour("line"), x=level)
    ends = [0.0, 1.0, *values]
    if own["value"] is not None:
        low, high = (own["value"] if own[key] is None else own[key] for key in ("low", "high"))
        chart.add_whiskers([own["value"]], [OWN_ROW], [low], [high], is_horizontal=True)
        chart.add_points([own["value"]], [OWN_ROW], chart.theme_colour("positive"), size_px=9)
        text = f"this circuit: {decimal_number(own['value'], 3)}"
        text += "" if own["low"] is None else f" {interval_text(own['low'], own['high'], 3)}"
        chart.add_hover_region(own["value"], OWN_ROW, 0.2, 0.8, text)
        ends += [low, high]
    if values:
        chart.add_points(values, [RANDOM_ROW] * len(values), chart.theme_colour("muted", 0.7), size_px=8)
        median, low, high = (
            decimal_number(round(result[key], 3) + 0.0, 3) for key in ("value", "low", "high")
        )
        text = f"{result['circuits']} random circuits: median {median}, 95 % within [{low}, {high}]"
        chart.add_hover_region(result["value"], RANDOM_ROW, 2.0, 0.8, text)
        chart.add_legend_note(text)
    chart.set_ranges(x=(min(ends), max(ends)), padding=0.06)
    chart.set_ranges(y=(-0.7, 1.7))
