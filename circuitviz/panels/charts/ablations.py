"""A circuit of features in every setting as one heat map: what it keeps, and what the rest keeps."""

from __future__ import annotations

from typing import Any

from circuitviz.panels.charts.matrix import Cell, matrix, number, scale, shade
from circuitviz.panels.charts.sketch import Sketch, charts

COLUMNS = {"faithfulness": "circuit", "completeness": "rest"}


@charts.register("ablations", summary="a heat map of settings")
def draw(sketch: Sketch, result: dict[str, Any]) -> None:
    """Rows: ablation and errors; columns: faithfulness (1 is best) and completeness (0 is best)."""
    cells = result["cells"]
    keys = ("ablation", "errors", "faithfulness", "completeness", "circuit", "rest", "model", "ablated")
    sketch.rows = [list(keys), *([cell[k] for k in keys] for cell in cells)]
    drawn: list[Cell] = []
    for y, cell in enumerate(cells):
        for x, (name, value_of) in enumerate(COLUMNS.items()):
            value = cell[name]
            good = value if value is None or name == "faithfulness" else 1 - abs(value)
            colour = sketch.colour("raised") if good is None else shade(sketch, good)
            drawn.append((y, x, colour, number(value)))
            told = "undefined: model and ablated do not differ" if value is None else f"{value:.3f}"
            sketch.spot(
                x + 0.5, y + 0.5, 1.0, 1.0,
                f"{name}, {cell['ablation']}, errors {cell['errors']}: {told}; {result['target']} "
                f"{cell[value_of]:.3f}, in the model {cell['model']:.3f}, ablated {cell['ablated']:.3f}",
            )  # fmt: skip
    matrix(sketch, [f"{cell['ablation']} · errors {cell['errors']}" for cell in cells], list(COLUMNS), drawn)
    scale(sketch, "faithfulness, or 1 − |completeness|")
