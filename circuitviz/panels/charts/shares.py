"""What several nodes or channels give to one thing, as bars whose sum is named."""

from __future__ import annotations

from typing import Any

from circuitviz.panels.charts.bars import bars
from circuitviz.panels.charts.sketch import Sketch, charts


@charts.register("shares", summary="shares of a sum, a bar each")
def draw(sketch: Sketch, result: dict[str, Any]) -> None:
    """``shares``: (name, value, what is said of it) in order; ``axis``: what a value is."""
    shares = result["shares"]
    total = sum(value for _, value, _ in shares)
    sketch.rows = [["name", "value"], *([name, value] for name, value, _ in shares), ["sum", total]]
    sketch.axes("", result["axis"])
    names = [name for name, _, _ in shares]
    none = [None] * len(names)
    texts = [said or f"{name}: {value:+.4f}" for name, value, said in shares]
    bars(sketch, names, [value for _, value, _ in shares], none, none, texts)
