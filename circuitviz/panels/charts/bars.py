"""Sorted bars of nodes, the longest on top: lying, so that their names can be read."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from circuitviz.panels.charts.sketch import Boxes, Sketch

IN_SIGHT = 14
HALF = 0.33  # of a bar's height, in rows


def bars(
    sketch: Sketch,
    names: Sequence[str],
    values: Sequence[float],
    low: Sequence[float | None],
    high: Sequence[float | None],
    texts: Sequence[str],
    interval: str = "95 % interval",
) -> None:
    """One bar a node, in the order given, with whiskers; the rest is reached by dragging."""
    at = list(range(len(names)))
    sides = [(min(0.0, v), i - HALF, max(0.0, v), i + HALF) for i, v in zip(at, values, strict=True)]
    colours = {True: sketch.colour("positive", 0.85), False: sketch.colour("negative", 0.85)}
    sketch.marks.append(Boxes(np.array(sides, float).reshape(-1, 4), [colours[v >= 0] for v in values]))
    sketch.whiskers(values, at, low, high, across=True, name=interval)
    ends = [0.0, *values, *(v for v in (*low, *high) if v is not None)]
    left, right = min(ends), max(ends)
    if left < 0 < right:
        sketch.rule(sketch.colour("line"), x=0.0)
    for i, name in enumerate(names):
        sketch.spot((left + right) / 2, i, 2 * (right - left) or 1.0, 1.0, texts[i], name)
    sketch.names["left"] = list(zip(at, names, strict=True))
    sketch.upright, sketch.moves = False, (False, True)
    sketch.span(x=(left, right), padding=0.06)
    sketch.span(y=(-0.6, min(max(len(names), 3), IN_SIGHT) - 0.4))
