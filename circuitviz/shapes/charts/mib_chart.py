"""MIB's areas as a table: methods by tasks."""

from __future__ import annotations

from typing import Any

from circuitviz.document.curve_areas import AREA_TITLES
from circuitviz.document.sample import HELD_OUT
from circuitviz.number_text import decimal_number, interval_text
from circuitviz.plots import TablePlot
from circuitviz.shapes.charts.chart_spec import ChartSpec, charts
from circuitviz.shapes.charts.plain_chart import draw_plain_chart


@charts.register("mib", summary="a table of areas")
def draw_mib(chart: ChartSpec, result: dict[str, Any]) -> None:
    """A row for each method, three columns for each task; a row names its sample where it is not held-out."""
    rows = result["rows"]
    tasks = list(dict.fromkeys(row["task"] for row in rows))
    names = list(dict.fromkeys(row["method"] for row in rows))
    by_place = {(row["method"], row["task"]): row for row in rows}
    columns = [(task, area) for task in tasks for area in AREA_TITLES]
    samples = {row["method"]: row["sample"] for row in rows if not row["error"]}
    texts = [
        f"{name}, {samples[name]}" if samples.get(name, HELD_OUT) != HELD_OUT else name for name in names
    ]
    cells = [
        [text, *(_area(by_place.get((name, task), {}), area) for task, area in columns)]
        for name, text in zip(names, texts, strict=True)
    ]
    titles = [
        f"{AREA_TITLES[area]}, {task}" if len(tasks) > 1 else AREA_TITLES[area] for task, area in columns
    ]
    draw_plain_chart(chart, {"plot": TablePlot(["method", *titles], cells)})
    chart.table_rows = [["method", "task", "sample", "prompts", "area", "value", "low", "high", "why not"]]
    for row in rows:
        for area in AREA_TITLES:
            interval = row.get(area) or {"value": None, "low": None, "high": None}
            numbers = [interval[key] for key in ("value", "low", "high")]
            row_names = [row[key] for key in ("method", "task", "sample", "prompts")]
            chart.table_rows.append([*row_names, area, *numbers, row["error"]])


def _area(row: dict[str, Any], area: str) -> str | None:
    interval = row.get(area)
    if interval is None or interval["value"] is None:
        return None
    text = decimal_number(interval["value"], 3)
    return (
        text if interval["low"] is None else f"{text} {interval_text(interval['low'], interval['high'], 3)}"
    )
