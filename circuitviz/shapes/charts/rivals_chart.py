"""Faithfulness of a circuit and its rivals, with what they share."""

from __future__ import annotations

from typing import Any

from circuitviz.number_text import decimal_number
from circuitviz.shapes.charts.bar_rows import add_bars
from circuitviz.shapes.charts.chart_spec import ChartSpec, charts

MAX_PROMPT_CHARS = 60


@charts.register("rivals", summary="a bar for the circuit and each rival")
def draw_rivals(chart: ChartSpec, result: dict[str, Any]) -> None:
    """A bar for each circuit of the same size; the note says how many edges all share."""
    names = ["this circuit", *(f"rival {i + 1}" for i in range(result["found"]))]
    intervals = list(result["faithfulness"])
    overlaps = result["iou"][0]
    if not result["found"] and "closest" in result:
        names.append("closest, no rival")
        intervals.append(result["closest"])
        overlaps = [*overlaps, result["closest"]["iou"]]
    chart.table_rows = [["circuit", "faithfulness", "low", "high", "IoU with this circuit"]]
    chart.table_rows += [
        [name, *(interval[key] for key in ("value", "low", "high")), overlap]
        for name, interval, overlap in zip(names, intervals, overlaps, strict=True)
    ]
    chart.set_axis_labels("", f"faithfulness of circuits of {result['edges']:,} edges")
    values = [interval["value"] or 0.0 for interval in intervals]
    low = [interval["low"] for interval in intervals]
    high = [interval["high"] for interval in intervals]
    texts = [
        f"{name}: {decimal_number(value, 3)}, IoU with this circuit {decimal_number(overlap, 2)}"
        for name, value, overlap in zip(names, values, overlaps, strict=True)
    ]
    add_bars(chart, names, values, low, high, texts, nodes=())
    if result["prompts"]:
        chart.add_legend_note(f"they differ most on “{_shorten(result['prompts'][0]['text'])}”")
    if result["found"]:
        chart.add_legend_note(f"edges that all share: {len(result['core']):,}")
    else:
        chart.add_legend_note("no other circuit of this size is as faithful")


def _shorten(text: str) -> str:
    return text if len(text) <= MAX_PROMPT_CHARS else f"{text[: MAX_PROMPT_CHARS - 1]}…"
