"""Boxes are wider and higher than nodes: what stands around them moves aside by as much."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from itertools import pairwise

from circuitviz.layout.registry import Places

NODE = (86.0, 32.0)  # width and height of a node, in the layout's units
BESIDE = 14.0  # least free room between two in a row


def make_room(places: Places, sizes: Mapping[str, tuple[float, float]], fixed: Collection[str]) -> Places:
    """Places where boxes of these sizes have room; order in rows and of rows stays.

    ``sizes``: width and height by name, a node's where there is none; ``fixed``: names that stay.
    Without sizes nothing moves.
    """
    if not sizes:
        return places
    rows: dict[float, list[str]] = {}
    for name, (_, y) in places.items():
        if name not in fixed:
            rows.setdefault(round(y, 3), []).append(name)
    made: Places = {name: places[name] for name in fixed if name in places}
    shift = taller = 0.0  # how far the row below was raised, and how much higher than nodes it is
    for y, names in sorted(rows.items()):
        more = max(sizes.get(name, NODE)[1] - NODE[1] for name in names) / 2
        shift += max(0.0, taller + more)
        taller = more
        names.sort(key=lambda name: places[name][0])
        for name, x in zip(names, _spread(names, places, sizes), strict=True):
            made[name] = (x, y + shift)
    return {name: made[name] for name in places}


def _spread(names: list[str], places: Places, sizes: Mapping[str, tuple[float, float]]) -> list[float]:
    """The x of a row's names from the left, pushed apart as little as needed about their middle."""
    x = [places[names[0]][0]]
    for before, name in pairwise(names):
        apart = (sizes.get(before, NODE)[0] + sizes.get(name, NODE)[0]) / 2 + BESIDE
        own = places[name][0] - places[before][0]
        wide = before in sizes or name in sizes
        x.append(max(places[name][0], x[-1] + (apart if wide else min(apart, own))))
    shift = sum(places[name][0] - at for name, at in zip(names, x, strict=True)) / len(x)
    return [at + shift for at in x]
