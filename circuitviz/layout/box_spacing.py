"""Spacing around boxes of groups, which are wider and higher than the nodes that layouts are made for."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from itertools import pairwise

from circuitviz.layout.registry import Positions

NODE_SIZE = (86.0, 32.0)  # width and height of a node, in the layout's units
MIN_BOX_GAP = 14.0  # least distance between neighbours in a row, in the layout's units


def make_room_for_boxes(
    positions: Positions, sizes: Mapping[str, tuple[float, float]], fixed: Collection[str]
) -> Positions:
    """Move nodes and boxes apart so that none overlap; the order of rows and within rows stays.

    Args:
        positions: Centres by name, in the layout's units.
        sizes: Width and height of boxes by name; anything else is as large as a node. Without sizes nothing
            moves.
        fixed: Names that keep their positions.
    """
    if not sizes:
        return positions
    rows: dict[float, list[str]] = {}
    for name, (_, y) in positions.items():
        if name not in fixed:
            rows.setdefault(round(y, 3), []).append(name)
    moved: Positions = {name: positions[name] for name in fixed if name in positions}
    shift = previous_overhang = (
        0.0  # of the row below: how far it moved, half of what exceeds a node's height
    )
    for y, names in sorted(rows.items()):
        overhang = max(sizes.get(name, NODE_SIZE)[1] - NODE_SIZE[1] for name in names) / 2
        shift += max(0.0, previous_overhang + overhang)
        previous_overhang = overhang
        names.sort(key=lambda name: positions[name][0])
        for name, x in zip(names, _push_apart(names, positions, sizes), strict=True):
            moved[name] = (x, y + shift)
    return {name: moved[name] for name in positions}


def _push_apart(
    names: list[str], positions: Positions, sizes: Mapping[str, tuple[float, float]]
) -> list[float]:
    """The x of a row's names from the left, moved apart as little as needed; their mean stays."""
    x = [positions[names[0]][0]]
    for left_name, name in pairwise(names):
        min_distance = (sizes.get(left_name, NODE_SIZE)[0] + sizes.get(name, NODE_SIZE)[0]) / 2 + MIN_BOX_GAP
        distance = positions[name][0] - positions[left_name][0]
        has_box = left_name in sizes or name in sizes
        x.append(max(positions[name][0], x[-1] + (min_distance if has_box else min(min_distance, distance))))
    shift = sum(positions[name][0] - shifted_x for name, shifted_x in zip(names, x, strict=True)) / len(x)
    return [shifted_x + shift for shifted_x in x]
