"""Faithfulness on the prompts of the search and on others, for each division of the prompts."""

from __future__ import annotations

from typing import Any

from circuitviz.number_text import decimal_number, interval_text
from circuitviz.shapes.charts.chart_spec import ChartSpec, charts

STYLE_OF_POINT = {
    "in_sample": ("muted", "in-sample: the prompts of the search", "s"),
    "held_out": ("positive", "held-out: the other prompts", "o"),
}
ROW_OFFSETS = {"in_sample": -0.15, "held_out": 0.15}


@charts.register("generalisation", summary="two points with intervals for each division")
def draw_generalisation(chart: ChartSpec, result: dict[str, Any]) -> None:
    """A row for each division; squares are in-sample, circles held-out."""
    chart.table_rows = [["division", "sample", "faithfulness", "low", "high", "IoU of the two circuits"]]
    chart.table_rows += [
        [split["difference"], name, *(split[name][key] for key in ("value", "low", "high")), split["iou"]]
        for split in result["splits"]
        for name in STYLE_OF_POINT
    ]
    splits = [split for split in result["splits"] if split["held_out"]["value"] is not None]
    chart.set_axis_labels("", f"faithfulness of circuits of {result['edges']:,} edges")
    chart.axis_ticks["left"] = [(row, split["difference"]) for row, split in enumerate(splits)]
    chart.is_y_upwards = False
    ends = [0.0, 1.0]
    chart.add_rule(chart.theme_colour("line"), x=1.0)
    for name, (colour, title, symbol) in STYLE_OF_POINT.items():
        rows = [row + ROW_OFFSETS[name] for row in range(len(splits))]
        values, low, high = ([split[name][key] for split in splits] for key in ("value", "low", "high"))
        chart.add_whiskers(values, rows, low, high, is_horizontal=True)
        chart.add_points(values, rows, chart.theme_colour(colour), title, size_px=8, symbol=symbol)
        for row, split in zip(rows, splits, strict=True):
            interval = split[name]
            text = f"{split['difference']}, {title}: {decimal_number(interval['value'], 3)}"
            if interval["low"] is not None:
                text += f" {interval_text(interval['low'], interval['high'], 3)}"
                ends += [interval["low"], interval["high"]]
            chart.add_hover_region(interval["value"], row, 0.3, 0.3, text)
            ends.append(interval["value"])
    chart.set_ranges(x=(min(ends), max(ends)), padding=0.06)
    chart.set_ranges(y=(-0.6, max(len(splits), 2) - 0.4))
