"""Which components several circuits share: a matrix of shares, one row and one column a circuit."""

from __future__ import annotations

from typing import Any

from circuitviz.number_text import decimal_number
from circuitviz.shapes.charts.cell_matrix import MatrixCell, add_matrix, mix_colours
from circuitviz.shapes.charts.chart_spec import ChartSpec, charts


@charts.register("reuse", summary="shares of components between circuits")
def draw_reuse(chart: ChartSpec, result: dict[str, Any]) -> None:
    """Cells from pale (0) to the accent's colour (1) with their number; a click means the shared nodes.

    ``result``: ``CircuitReuse.as_dict`` and ``what``, ``nodes`` or ``edges``.
    """
    names, what = list(result["names"]), str(result.get("what", "nodes"))
    shares = result[what]
    chart.table_rows = [["share of", "found in", what], *_share_rows(names, shares)]
    if not names:
        return
    ends = chart.theme_colour("window"), chart.theme_colour("accent")
    letters = [chr(ord("A") + i) if i < 26 else str(i + 1) for i in range(len(names))]
    drawn: list[MatrixCell] = []
    for i, row in enumerate(shares):
        for j, share in enumerate(row):
            value = 0.0 if share is None else float(share)
            drawn.append(
                (i, j, mix_colours(*ends, value), "–" if share is None else decimal_number(value, 2))
            )
            tooltip = f"{value:.0%} of the {what} of {names[i]} are in {names[j]} too"
            chart.add_hover_region(j + 0.5, i + 0.5, 1.0, 1.0, tooltip, *result["common"][i][j])
    add_matrix(chart, [f"{a}  {name}" for a, name in zip(letters, names, strict=True)], letters, drawn)
    chart.add_colour_ramp(f"1: share of the row's {what} that the column has", "0", ends)


def _share_rows(names: list[str], shares: list[list[float | None]]) -> list[list[Any]]:
    return [[names[i], names[j], share] for i, row in enumerate(shares) for j, share in enumerate(row)]
