"""Circuit against model without the same nodes: a complete circuit lies on the diagonal."""

from __future__ import annotations

from typing import Any

from circuitviz.panels.charts.sketch import Sketch, charts

KINDS = {
    "random": ("o", "muted", "random sets"),
    "class": ("s", "query", "classes"),
    "greedy": ("d", "negative", "greedy, the worst found"),
}


@charts.register("completeness", summary="F(C∖K) against F(M∖K), with the diagonal")
def draw(sketch: Sketch, result: dict[str, Any]) -> None:
    """A point for each set K; its distance from the diagonal is the gap."""
    sets = [s for s in result["sets"] if s["gap"] is not None]
    sketch.rows = [["kind", "set", "nodes", "model", "circuit", "gap"]]
    sketch.axes("F of the circuit without K", "F of the model without K")
    values = [one[k]["value"] for one in sets for k in ("model", "circuit")]
    low, high = min([0.0, *values]), max([1.0, *values])
    sketch.line([low, high], [low, high], sketch.colour("muted", 0.6), "complete", width=1.0, dashed=True)
    for kind, (symbol, colour, name) in KINDS.items():
        mine = [one for one in sets if (one["kind"] if one["kind"] in KINDS else "random") == kind]
        if not mine:
            continue
        x, y = ([one[k]["value"] for one in mine] for k in ("model", "circuit"))
        below, above = ([one["circuit"][k] for one in mine] for k in ("low", "high"))
        sketch.whiskers(x, y, below, above, name="95 % interval")
        sketch.dots(x, y, sketch.colour(colour, 0.85), name, size=9, symbol=symbol)
    for one in sets:
        x, y = one["model"]["value"], one["circuit"]["value"]
        sketch.rows.append([one["kind"], one["name"], " ".join(one["nodes"]), x, y, one["gap"]])
        shown = ", ".join(one["nodes"][:5]) + (" …" if len(one["nodes"]) > 5 else "")
        text = f"{one['name']} without {shown}: circuit {y:.3f}, model {x:.3f}, gap {one['gap']:.3f}"
        sketch.spot(x, y, 0.06 * (high - low), 0.1 * (high - low), text, *one["nodes"])
    sketch.span((low, high), (low, high), padding=0.06)
