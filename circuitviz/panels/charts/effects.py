"""Direct effects of all nodes as sorted bars."""

from __future__ import annotations

from typing import Any

from circuitviz.panels.charts.bars import bars
from circuitviz.panels.charts.sketch import Sketch, charts


@charts.register("effects", summary="direct effects, the strongest on top")
def draw(sketch: Sketch, result: dict[str, Any]) -> None:
    """``nodes``: name, value, low and high of each."""
    nodes = sorted(result["nodes"], key=lambda node: -abs(node["value"]))
    sketch.rows = [["node", "value", "low", "high"]]
    sketch.rows += [[node[key] for key in ("node", "value", "low", "high")] for node in nodes]
    sketch.axes("", "logits to correct − incorrect")
    texts = []
    for node in nodes:
        interval = "" if node["low"] is None else f" [{node['low']:+.3f}, {node['high']:+.3f}]"
        texts.append(f"{node['node']}: {node['value']:+.4f}{interval}")
    columns = [[node[key] for node in nodes] for key in ("node", "value", "low", "high")]
    bars(sketch, columns[0], columns[1], columns[2], columns[3], texts)
