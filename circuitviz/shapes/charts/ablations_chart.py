"""A circuit of features in every setting as one heat map: what it keeps, and what the rest keeps."""

from __future__ import annotations

from typing import Any

from circuitviz.number_text import decimal_number
from circuitviz.shapes.charts.cell_matrix import (
    MatrixCell,
    add_faithfulness_scale,
    add_matrix,
    faithfulness_colour,
    format_cell_value,
)
from circuitviz.shapes.charts.chart_spec import ChartSpec, charts

SHARE_OF_COLUMN = {"faithfulness": "circuit", "completeness": "rest"}
ABLATION_TABLE_COLUMNS = (
    "ablation", "errors", "patterns", "faithfulness", "completeness", "circuit", "rest", "model", "ablated",
)  # fmt: skip


@charts.register("ablations", summary="a heat map of settings")
def draw_ablations(chart: ChartSpec, result: dict[str, Any]) -> None:
    """Rows: ablation and errors. Columns: faithfulness and completeness, with patterns free and frozen.

    A faithfulness of 1 and a completeness of 0 are best.
    """
    cells = [{"patterns": "free", **cell} for cell in result["cells"]]  # older files do not say it
    chart.table_rows = [
        list(ABLATION_TABLE_COLUMNS),
        *([cell[k] for k in ABLATION_TABLE_COLUMNS] for cell in cells),
    ]
    rows = list(dict.fromkeys((cell["ablation"], cell["errors"]) for cell in cells))
    ways = list(dict.fromkeys(cell["patterns"] for cell in cells))
    columns = [(patterns, name) for patterns in ways for name in SHARE_OF_COLUMN]
    drawn: list[MatrixCell] = []
    for cell in cells:
        y = rows.index((cell["ablation"], cell["errors"]))
        for name, value_of in SHARE_OF_COLUMN.items():
            x, value = columns.index((cell["patterns"], name)), cell[name]
            good = value if value is None or name == "faithfulness" else 1 - abs(value)
            colour = chart.theme_colour("raised") if good is None else faithfulness_colour(chart, good)
            drawn.append((y, x, colour, format_cell_value(value)))
            text = "undefined: model and ablated do not differ" if value is None else decimal_number(value, 3)
            chart.add_hover_region(
                x + 0.5, y + 0.5, 1.0, 1.0,
                f"{name}, {cell['ablation']}, errors {cell['errors']}, patterns {cell['patterns']}: {text}; "
                f"{result['target']} {decimal_number(cell[value_of], 3)}, "
                f"in the model {decimal_number(cell['model'], 3)}, "
                f"ablated {decimal_number(cell['ablated'], 3)}",
            )  # fmt: skip
    names = [name if patterns == "free" else f"{name[0].upper()} {patterns}" for patterns, name in columns]
    add_matrix(chart, [f"{ablation} · errors {errors}" for ablation, errors in rows], names, drawn)
    add_faithfulness_scale(chart, "faithfulness F, or 1 − |completeness C|")
