"""Ways for arrows between rows of boxes: around what lies between, side by side, never off the page."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable, Sequence
from itertools import pairwise

from circuitviz.scene.edge_arrays import CHANNELS
from circuitviz.shapes.drawing import Point
from circuitviz.shapes.edge_styles import PORT_OFFSETS
from circuitviz.shapes.node_shapes import BoxRect

MAX_OUTSIDE = 60.0  # how far beside a row arrows may pass, in scene units


ArrowEnds = tuple[int, int, str]
"""From the top of a box to the port of a channel at the bottom of another; boxes by their numbers."""


def port_x(at: BoxRect, channel: str) -> float:
    """The x of the place where a channel enters a box: q left, k in the middle, v right."""
    return at[0] + at[2] * (0.5 + float(PORT_OFFSETS[CHANNELS.index(channel)]))


def route_arrows(
    boxes: Sequence[BoxRect],
    rows: Sequence[Sequence[int]],
    ways: Sequence[ArrowEnds],
    page_width: float,
    size: float,
) -> list[tuple[Point, ...]]:
    """Cubic pieces for each way; ``rows`` holds the boxes' numbers from the bottom up.

    An arrow passes each row on its way through the gap that makes it shortest. Those that share a gap,
    a box's top or a port lie side by side, in the order of where they come from and go to.
    """
    where = {box: number for number, row in enumerate(rows) for box in row}
    gaps = [_row_gaps([boxes[b] for b in row], page_width) for row in rows]
    plans = [_plan_stops(boxes, where, gaps, way, page_width) for way in ways]
    shared: dict[Hashable, list[tuple[tuple[float, ...], int, int]]] = defaultdict(list)
    for number, plan in enumerate(plans):
        middles = [x for _, x, _ in plan]
        for stop, (place, _, _) in enumerate(plan):
            shared[place].append((_lane_order(middles, stop), number, stop))
    xs = {}
    for crowd in shared.values():
        room = min(plans[number][stop][2] for _, number, stop in crowd)
        step = min(0.6 * size, room / (len(crowd) + 1))
        for i, (_, number, stop) in enumerate(sorted(crowd)):
            xs[number, stop] = plans[number][stop][1] + (i - (len(crowd) - 1) / 2) * step
    made = []
    for number, (sender, receiver, _) in enumerate(ways):
        at = [xs[number, stop] for stop in range(len(plans[number]))]
        ends = (boxes[sender], boxes[receiver])
        if where[sender] < where[receiver]:
            between = [boxes[rows[r][0]] for r in range(where[sender] + 1, where[receiver])]
            made.append(_upward_curve(ends, between, at))
        else:
            made.append(_curve_around(ends, at, size))
    return made


def _lane_order(middles: Sequence[float], stop: int) -> tuple[float, ...]:
    """The order of routes that share a stop: in gaps by where they end.

    Two routes that run side by side then do not cross and cross again.
    """
    if stop == 0:
        return (middles[1], middles[-1])
    if stop == len(middles) - 1:
        return (middles[-2], middles[0])
    return (middles[-1], middles[0])


def _plan_stops(
    boxes: Sequence[BoxRect],
    where: dict[int, int],
    gaps: list[list[tuple[float, float]]],
    way: ArrowEnds,
    wide: float,
) -> list[tuple[Hashable, float, float]]:
    """Stops of a way: the place that is shared with others, its middle, and its room."""
    sender, receiver, channel = way
    start, end = boxes[sender], boxes[receiver]
    first: tuple[Hashable, float, float] = ((sender, "top"), start[0] + start[2] / 2, 0.5 * start[2])
    width = 0.24 if channel else 0.7
    last: tuple[Hashable, float, float] = (
        (receiver, channel),
        port_x(end, channel),
        width * end[2],
    )
    if where[sender] >= where[receiver]:  # around the right side of all
        right = max(box[0] + box[2] for box in boxes)
        return [first, ("around", (right + wide) / 2, wide - right), last]
    best: dict[int, tuple[float, list[int]]] = {-1: (0.0, [])}
    before = {-1: first[1]}
    between = range(where[sender] + 1, where[receiver])
    for row in between:
        middles = {i: (left + right) / 2 for i, (left, right) in enumerate(gaps[row])}
        best = {
            i: min((cost + abs(x - before[j]), [*path, i]) for j, (cost, path) in best.items())
            for i, x in middles.items()
        }
        before = middles
    _, path = min((cost + abs(last[1] - before[i]), path) for i, (cost, path) in best.items())
    stops: list[tuple[Hashable, float, float]] = []
    for row, i in zip(between, path, strict=True):
        left, right = gaps[row][i]
        stops.append(((row, "gap", i), (left + right) / 2, right - left))
    return [first, *stops, last]


def _row_gaps(row: list[BoxRect], wide: float) -> list[tuple[float, float]]:
    """Free stretches of x beside and between the boxes of a row, the outermost no wider than is needed."""
    edges = sorted((box[0], box[0] + box[2]) for box in row)
    lefts = [max(0.0, edges[0][0] - MAX_OUTSIDE), *(right for _, right in edges)]
    rights = [*(left for left, _ in edges), min(wide, edges[-1][1] + MAX_OUTSIDE)]
    return list(zip(lefts, rights, strict=True))


def _upward_curve(
    ends: tuple[BoxRect, BoxRect], between: list[BoxRect], xs: list[float]
) -> tuple[Point, ...]:
    """Upright at every stop; straight along the rows that are passed."""
    stops = [(xs[0], ends[0][1])]
    for box, x in zip(between, xs[1:-1], strict=True):
        stops += [(x, box[1] + box[3]), (x, box[1])]
    stops.append((xs[-1], ends[1][1] + ends[1][3]))
    points: list[Point] = [stops[0]]
    for (x0, y0), (x1, y1) in pairwise(stops):
        bend = (0.5 if x0 != x1 else 1 / 3) * (y0 - y1)
        points += [(x0, y0 - bend), (x1, y1 + bend), (x1, y1)]
    return tuple(points)


def _curve_around(ends: tuple[BoxRect, BoxRect], xs: list[float], size: float) -> tuple[Point, ...]:
    """Up out of the sender, down at the right of everything, and up into the receiver."""
    (start, aside, end), bend = xs, 1.7 * size
    high, low = ends[0][1], ends[1][1] + ends[1][3]
    third = (low - high) / 3
    over = ((start, high), (start, high - bend), (aside, high - bend), (aside, high))
    down = ((aside, high + third), (aside, low - third), (aside, low))
    return (*over, *down, (aside, low + bend), (end, low + bend), (end, low))
