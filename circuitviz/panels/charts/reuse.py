"""Which components several circuits share: a matrix of shares, one row and one column a circuit."""

from __future__ import annotations

from typing import Any

from circuitviz.panels.charts.matrix import Cell, between, matrix
from circuitviz.panels.charts.sketch import Sketch, charts


@charts.register("reuse", summary="shares of components between circuits")
def draw(sketch: Sketch, result: dict[str, Any]) -> None:
    """Cells from pale (0) to the accent's colour (1) with their number; a click means the shared nodes.

    ``result``: ``Reuse.as_dict`` and ``what``, ``nodes`` or ``edges``.
    """
    names, what = list(result["names"]), str(result.get("what", "nodes"))
    shares = result[what]
    sketch.rows = [["share of", "found in", what], *_rows(names, shares)]
    if not names:
        return
    ends = sketch.colour("window"), sketch.colour("accent")
    letters = [chr(ord("A") + i) if i < 26 else str(i + 1) for i in range(len(names))]
    drawn: list[Cell] = []
    for i, row in enumerate(shares):
        for j, share in enumerate(row):
            value = 0.0 if share is None else float(share)
            drawn.append((i, j, between(*ends, value), "–" if share is None else f"{value:.2f}"))
            said = f"{value:.0%} of the {what} of {names[i]} are in {names[j]} too"
            sketch.spot(j + 0.5, i + 0.5, 1.0, 1.0, said, *result["common"][i][j])
    matrix(sketch, [f"{a}  {name}" for a, name in zip(letters, names, strict=True)], letters, drawn)
    sketch.ramp(f"1: share of the row's {what} that the column has", "0", ends)


def _rows(names: list[str], shares: list[list[float | None]]) -> list[list[Any]]:
    return [[names[i], names[j], share] for i, row in enumerate(shares) for j, share in enumerate(row)]
