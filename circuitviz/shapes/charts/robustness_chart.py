"""Faithfulness in every setting as one heat map."""

from __future__ import annotations

from typing import Any

from circuitviz.number_text import decimal_number, interval_text
from circuitviz.shapes.charts.cell_matrix import (
    MatrixCell,
    add_faithfulness_scale,
    add_matrix,
    faithfulness_colour,
    format_cell_value,
)
from circuitviz.shapes.charts.chart_spec import ChartSpec, charts


@charts.register("robustness", summary="a heat map of settings")
def draw_robustness(chart: ChartSpec, result: dict[str, Any]) -> None:
    """Rows: ablation and what is patched; columns: metrics. Blue is 1, orange 0 or less."""
    cells = result["cells"]
    chart.table_rows = [["ablation", "metric", "patched", "value", "low", "high"]]
    chart.table_rows += [
        [c[k] for k in ("ablation", "metric", "patched", "value", "low", "high")] for c in cells
    ]
    rows = list(dict.fromkeys((c["ablation"], c["patched"]) for c in cells))
    columns = list(dict.fromkeys(c["metric"] for c in cells))
    drawn: list[MatrixCell] = []
    for cell in cells:
        x, y = columns.index(cell["metric"]), rows.index((cell["ablation"], cell["patched"]))
        value = cell["value"]
        colour = chart.theme_colour("raised") if value is None else faithfulness_colour(chart, value)
        drawn.append((y, x, colour, format_cell_value(value)))
        tooltip = f"{cell['metric']}, {cell['ablation']}, {cell['patched']} patched: "
        tooltip += cell.get("why") or ("undefined" if value is None else decimal_number(value, 3))
        if cell["low"] is not None:
            tooltip += f" {interval_text(cell['low'], cell['high'], 3)}"
        chart.add_hover_region(x + 0.5, y + 0.5, 1.0, 1.0, tooltip)
    add_matrix(chart, [f"{ablation} · {unit}" for ablation, unit in rows], columns, drawn)
    add_faithfulness_scale(chart, "faithfulness")
