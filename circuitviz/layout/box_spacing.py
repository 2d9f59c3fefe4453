"""Boxes are wider and higher than nodes: what stands around them moves aside by as much."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from itertools import pairwise

from circuitviz.layout.registry import Positions

NODE_SIZE = (86.0, 32.0)  # width and height of a node, in the layout's units
MIN_BOX_GAP = 14.0  # least free room between two in a row


def make_room_for_boxes(
    positions: Positions, sizes: Mapping[str, tuple[float, float]], fixed: Collection[str]
) -> Positions:
    """Places where boxes of these sizes have room; order in rows and of rows stays.

    ``sizes``: width and height by name, a node's where there is none; ``fixed``: names that stay.
    Without sizes nothing moves.
    """
    if not sizes:
        return positions
    rows: dict[float, list[str]] = {}
    for name, (_, y) in positions.items():
        if name not in fixed:
            rows.setdefault(round(y, 3), []).append(name)
    made: Positions = {name: positions[name] for name in fixed if name in positions}
    shift = taller = 0.0  # how far the row below was raised, and how much higher than nodes it is
    for y, names in sorted(rows.items()):
        more = max(sizes.get(name, NODE_SIZE)[1] - NODE_SIZE[1] for name in names) / 2
        shift += max(0.0, taller + more)
        taller = more
        names.sort(key=lambda name: positions[name][0])
        for name, x in zip(names, _push_apart(names, positions, sizes), strict=True):
            made[name] = (x, y + shift)
    return {name: made[name] for name in positions}


def _push_apart(names: list[str], places: Positions, sizes: Mapping[str, tuple[float, float]]) -> list[float]:
    """The x of a row's names from the left, pushed apart as little as needed about their middle."""
    x = [places[names[0]][0]]
    for before, name in pairwise(names):
        apart = (sizes.get(before, NODE_SIZE)[0] + sizes.get(name, NODE_SIZE)[0]) / 2 + MIN_BOX_GAP
        own = places[name][0] - places[before][0]
        wide = before in sizes or name in sizes
        x.append(max(places[name][0], x[-1] + (apart if wide else min(apart, own))))
    shift = sum(places[name][0] - at for name, at in zip(names, x, strict=True)) / len(x)
    return [at + shift for at in x]
