"""How strongly a feature fires where it fires: a histogram, whose bins are wide as powers of two."""

from __future__ import annotations

from typing import Any

import numpy as np

from circuitviz.panels.charts.sketch import Boxes, Sketch, charts


@charts.register("activations", summary="how often a feature fires how strongly")
def draw(sketch: Sketch, result: dict[str, Any]) -> None:
    """``bins``: tokens in each; ``reach``: the activation at which the last bin ends."""
    counts = list(result["bins"])
    width = result["reach"] / len(counts)
    last = max((i for i, count in enumerate(counts) if count), default=0)
    sketch.rows = [["from", "to", "tokens"]]
    sketch.axes("tokens", "activation")
    sides = []
    for i, count in enumerate(counts[: last + 1]):
        low, high = i * width, (i + 1) * width
        sketch.rows.append([low, high, count])
        sides.append((low + 0.05 * width, 0.0, high - 0.05 * width, float(count)))
        said = f"activation {low:.3g} to {high:.3g}: {count:,} tokens"
        sketch.spot(low + width / 2, max(counts) / 2, width, 2.2 * max(counts), said)
    sketch.marks.append(Boxes(np.array(sides), [sketch.colour("positive", 0.85)] * len(sides)))
    sketch.moves = (False, False)
    sketch.span(x=(0.0, (last + 1) * width), padding=0.02)
    sketch.span(y=(0.0, max(counts)), padding=0.03)
