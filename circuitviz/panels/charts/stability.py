"""How often each edge is found again on other prompts."""

from __future__ import annotations

from typing import Any

import numpy as np

from circuitviz.panels.charts.sketch import Sketch, charts


@charts.register("stability", summary="edges by how often they are chosen")
def draw(sketch: Sketch, result: dict[str, Any]) -> None:
    """Edges from the most to the least often chosen, against the share of resamples."""
    shares = list(result["edges"].items())
    sketch.rows = [["edge", "share"], *[[name, share] for name, share in shares]]
    sketch.axes("share of resamples", "edges, most often chosen first")
    if not shares:
        return
    y = np.repeat([share for _, share in shares], 2)
    x = np.repeat(np.arange(len(shares) + 1), 2)[1:-1]
    sketch.band(x, np.zeros(len(x)), y, sketch.colour("positive", 0.18))
    sketch.line(x, y, sketch.colour("positive"))
    if result["mean_iou"] is not None:
        sketch.say(f"{result['resamples']} resamples, mean IoU {result['mean_iou']:.3f}")
    for i, (name, share) in enumerate(shares):
        sketch.spot(i + 0.5, 0.5, 1.0, 2.0, f"{name}: chosen in {share:.0%} of the resamples", *_ends(name))
    sketch.span((0, len(shares)), (0, 1.03), padding=0.02)


def _ends(edge: str) -> tuple[str, ...]:
    """The nodes between which an edge runs, a receiver's input left out."""
    sender, _, receiver = edge.partition("->")
    return (sender, receiver.partition("<")[0]) if receiver else ()
