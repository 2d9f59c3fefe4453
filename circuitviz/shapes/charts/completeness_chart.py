"""Circuit against model without the same nodes: a complete circuit lies on the diagonal."""

from __future__ import annotations

from typing import Any

from circuitviz.number_text import decimal_number
from circuitviz.shapes.charts.chart_spec import ChartSpec, charts

STYLE_OF_SET_KIND = {
    "random": ("o", "muted", "random sets"),
    "class": ("s", "query", "classes"),
    "greedy": ("d", "negative", "greedy, the worst found"),
}


@charts.register("completeness", summary="F(C∖K) against F(M∖K), with the diagonal")
def draw_completeness(chart: ChartSpec, result: dict[str, Any]) -> None:
    """A point for each set K; its distance from the diagonal is the gap."""
    sets = [s for s in result["sets"] if s["gap"] is not None]
    chart.table_rows = [["kind", "set", "nodes", "model", "circuit", "gap"]]
    chart.set_axis_labels("F of the circuit without K", "F of the model without K")
    values = [one[k]["value"] for one in sets for k in ("model", "circuit")]
    low, high = min([0.0, *values]), max([1.0, *values])
    chart.add_line(
        [low, high], [low, high], chart.theme_colour("muted", 0.6), "complete", width_px=1.0, dashed=True
    )
    for kind, (symbol, colour, name) in STYLE_OF_SET_KIND.items():
        mine = [
            one for one in sets if (one["kind"] if one["kind"] in STYLE_OF_SET_KIND else "random") == kind
        ]
        if not mine:
            continue
        x, y = ([one[k]["value"] for one in mine] for k in ("model", "circuit"))
        below, above = ([one["circuit"][k] for one in mine] for k in ("low", "high"))
        chart.add_whiskers(x, y, below, above, legend_label="95 % interval")
        chart.add_points(x, y, chart.theme_colour(colour, 0.85), name, size_px=9, symbol=symbol)
    for one in sets:
        x, y = one["model"]["value"], one["circuit"]["value"]
        chart.table_rows.append([one["kind"], one["name"], " ".join(one["nodes"]), x, y, one["gap"]])
        shown = ", ".join(one["nodes"][:5]) + (" …" if len(one["nodes"]) > 5 else "")
        both = f"circuit {decimal_number(y, 3)}, model {decimal_number(x, 3)}"
        text = f"{one['name']} without {shown}: {both}, gap {decimal_number(one['gap'], 3)}"
        chart.add_hover_region(x, y, 0.06 * (high - low), 0.1 * (high - low), text, *one["nodes"])
    chart.set_ranges((low, high), (low, high), padding=0.06)
