"""Precision against recall: how many of the strongest edges are a reference's."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from circuitviz.number_text import decimal_number
from circuitviz.shapes.charts.chart_spec import ChartSpec, charts

AXIS_RESOLUTION = 500  # places along an axis that are told apart


@charts.register("ranking", summary="precision against recall of each row")
def draw_precision_recall(chart: ChartSpec, result: dict[str, Any]) -> None:
    """A line a row; ``strong`` names the row that is drawn in colour, the others stay grey."""
    rows = [row for row in result["rows"] if row["curve"]["recall"]]
    chart.table_rows = [["method", "recall", "precision"]]
    chart.set_axis_labels("precision", "recall")
    rows.sort(key=lambda row: row["method"] == result.get("strong"))
    chart.extra_table_rows = partial(_curve_rows, rows)
    for row in rows:
        recall, precision = np.array(row["curve"]["recall"]), np.array(row["curve"]["precision"])
        seen = _is_distinct_point(recall, precision)
        recall, precision = recall[seen], precision[seen]
        strong = row["method"] == result.get("strong")
        ink = chart.theme_colour("positive") if strong else chart.theme_colour("muted", 0.45)
        x, y = np.concatenate([[0.0], recall]), np.concatenate([precision[:1], precision])
        chart.add_line(x, y, ink, str(row["method"]) if strong else "other rows")
        for r, p in zip(recall.tolist(), precision.tolist(), strict=True) if strong or len(x) < 200 else ():
            chart.add_hover_region(
                r,
                p,
                0.03,
                0.06,
                f"{row['method']}: precision {decimal_number(p, 3)} at recall {decimal_number(r, 3)}",
            )
    chart.set_ranges((0, 1), (0, 1.02), padding=0.03)


def _is_distinct_point(recall: NDArray[np.float64], precision: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Points that lie apart from the one before, the last one too: a ranking of 32,491 edges has as many."""
    places = np.rint(AXIS_RESOLUTION * np.column_stack([recall, precision]))
    seen = np.append(True, (np.diff(places, axis=0) != 0).any(axis=1))
    seen[-1] = True
    return seen


def _curve_rows(rows: list[dict[str, Any]]) -> list[list[Any]]:
    curves = [(row["method"], row["curve"]) for row in rows]
    return [
        [name, recall, precision]
        for name, curve in curves
        for recall, precision in zip(curve["recall"], curve["precision"], strict=True)
    ]
