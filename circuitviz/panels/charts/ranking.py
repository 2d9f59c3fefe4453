"""Precision against recall: how many of the strongest edges are a reference's."""

from __future__ import annotations

from typing import Any

import numpy as np

from circuitviz.panels.charts.sketch import Sketch, charts


@charts.register("ranking", summary="precision against recall of each row")
def draw(sketch: Sketch, result: dict[str, Any]) -> None:
    """A line a row; ``strong`` names the row that is drawn in colour, the others stay grey."""
    rows = [row for row in result["rows"] if row["curve"]["recall"]]
    sketch.rows = [["method", "recall", "precision"]]
    sketch.axes("precision", "recall")
    rows.sort(key=lambda row: row["method"] == result.get("strong"))
    for row in rows:
        recall, precision = np.array(row["curve"]["recall"]), np.array(row["curve"]["precision"])
        points = list(zip(recall.tolist(), precision.tolist(), strict=True))
        sketch.rows += [[row["method"], r, p] for r, p in points]
        strong = row["method"] == result.get("strong")
        ink = sketch.colour("positive") if strong else sketch.colour("muted", 0.45)
        x, y = np.concatenate([[0.0], recall]), np.concatenate([precision[:1], precision])
        sketch.line(x, y, ink, str(row["method"]) if strong else "other rows")
        for r, p in points if strong or len(points) < 200 else ():
            sketch.spot(r, p, 0.03, 0.06, f"{row['method']}: precision {p:.3f} at recall {r:.3f}")
    sketch.span((0, 1), (0, 1.02), padding=0.03)
