"""The class view: one box per class of heads, as circuits are drawn in papers (Wang et al. 2022, fig. 2)."""

from __future__ import annotations

from dataclasses import dataclass, field

from circuitviz.canvas.inscription import as_printed, titled
from circuitviz.errors import InputError
from circuitviz.graph import Circuit, Folding, Kind, fold
from circuitviz.pictures.drawing import Drawing, Text
from circuitviz.pictures.ink import MEANINGS, Ink
from circuitviz.pictures.measure import width, wrapped
from circuitviz.pictures.routes import Way, port, route
from circuitviz.session import State
from circuitviz.session.groups import outermost

ENDS = {"input": "Input", "logits": "Logits"}


@dataclass
class Group:
    """Nodes in one box; ``at`` is its left, top, width and height in points."""

    name: str
    nodes: list[str]
    kind: str
    depth: float
    label: str = ""
    title: list[str] = field(default_factory=list)
    lines: list[str] = field(default_factory=list)
    at: tuple[float, float, float, float] = (0.0, 0.0, 0.0, 0.0)

    @property
    def middle(self) -> float:
        """The x of the box's middle."""
        return self.at[0] + self.at[2] / 2


@dataclass(frozen=True)
class Arrow:
    """The summed scores of the edges from one group to another by one channel."""

    sender: int
    receiver: int
    channel: str
    score: float


def draw_classes(drawing: Drawing, state: State, ink: Ink, size: float, least: float) -> float:
    """Draw classes, arrows and ports; returns the height used, in points."""
    circuit = state.live
    assert circuit is not None
    groups = groups_of(state, circuit)
    arrows = arrows_of(state, circuit, groups, least)
    rows = _rows(groups, arrows, 3 if drawing.width < 330 else 4)
    _order(rows, arrows)
    used = {(a.receiver, a.channel) for a in arrows if a.channel}
    height = _place(drawing, groups, rows, size, {g for g, _ in used})
    strongest = max((abs(a.score) for a in arrows), default=1.0) or 1.0
    arrows.sort(key=lambda a: abs(a.score))  # the strongest last, so that it lies on top
    ways = [Way(a.sender, a.receiver, a.channel) for a in arrows]
    curves = route([group.at for group in groups], rows, ways, drawing.width, size)
    for arrow, points in zip(arrows, curves, strict=True):
        share = abs(arrow.score) / strongest
        drawing.body.append(ink.curve(arrow.channel, points, share, arrow.score < 0))
    kinds = {circuit.graph.node(node).kind for group in groups for node in group.nodes}
    ink.of_features = not kinds & {Kind.HEAD, Kind.MLP}
    for number, group in enumerate(groups):
        _paint(drawing, ink, group, size, {c for g, c in used if g == number})
    lowest = max((y for curve in curves for _, y in curve), default=0.0)
    above = max(0.0, -min((y for curve in curves for _, y in curve), default=0.0))
    drawing.shift(0.0, above)
    return above + max(height, lowest)


def groups_of(state: State, circuit: Circuit) -> list[Group]:
    """Classes in the circuit, with input and logits; InputError where nothing is grouped or labelled.

    A class is an outermost group, or the nodes of no group that share a label.
    """
    folding, named = _folded(state, circuit)
    groups = []
    for box in folding.boxes:
        nodes = list(folding.nodes(box))
        if box in named or box in ENDS:
            kind = "mlp" if all(circuit.graph.node(n).kind is Kind.MLP for n in nodes) else "head"
            kind = "end" if box in ENDS else kind
            label = box if box in named else ""
            depth = sum(circuit.graph.depth(n) for n in nodes) / len(nodes)
            said = state.labels.get(f"group:{box}")
            name = ENDS.get(box, titled(box, said.text if said else ""))
            groups.append(Group(name, nodes, kind, depth, label))
    if not any(group.label for group in groups):
        raise InputError(
            "The class view draws one box for each group or label, and nothing in this circuit is grouped "
            "or has a label yet; label some heads, or choose the head view."
        )
    return sorted(groups, key=lambda g: (g.depth, g.name))


def arrows_of(state: State, circuit: Circuit, groups: list[Group], least: float) -> list[Arrow]:
    """Sums of edges between groups, those from ``least`` of the strongest; none inside a group."""
    folding, _ = _folded(state, circuit)
    number = {folding.box_of[group.nodes[0]]: g for g, group in enumerate(groups)}
    sums = {
        (number[a.sender], number[a.receiver], a.channel): a.score
        for a in folding.arrows()
        if a.sender in number and a.receiver in number
    }
    strongest = max((abs(v) for v in sums.values()), default=0.0)
    return [Arrow(*key, value) for key, value in sorted(sums.items()) if abs(value) >= least * strongest]


def _folded(state: State, circuit: Circuit) -> tuple[Folding, set[str]]:
    """The circuit by classes, and the classes' names."""
    values = state.scores.values if state.scores is not None else circuit.edges.astype(float)
    classes = {name: group.nodes for name, group in outermost(state.classed).items()}
    return fold(circuit, values, classes), set(classes)


def _rows(groups: list[Group], arrows: list[Arrow], most: int) -> list[list[int]]:
    """Groups by depth from the bottom; two that are joined never share a row, nor do the ends."""
    joined = {(a.sender, a.receiver) for a in arrows} | {(a.receiver, a.sender) for a in arrows}
    rows: list[list[int]] = []
    for number, group in enumerate(groups):
        alone = group.name in ENDS.values() and not group.label
        last = rows[-1] if rows else []
        shares = last and not alone and len(last) < most and not any((number, o) in joined for o in last)
        if shares and not (len(last) == 1 and groups[last[0]].name == "Input"):
            last.append(number)
        else:
            rows.append([number])
    return rows


def _order(rows: list[list[int]], arrows: list[Arrow]) -> None:
    """Order rows by the mean place of their neighbours, from below and from above in turn."""
    x = {g: i - (len(row) - 1) / 2 for row in rows for i, g in enumerate(row)}
    for _ in range(6):
        for row in rows:
            pull = {}
            for g in row:
                near = [x[a.sender] for a in arrows if a.receiver == g]
                near += [x[a.receiver] for a in arrows if a.sender == g]
                pull[g] = sum(near) / len(near) if near else x[g]
            row.sort(key=lambda g: (pull[g], g))
            x.update({g: i - (len(row) - 1) / 2 for i, g in enumerate(row)})


def _place(
    drawing: Drawing, groups: list[Group], rows: list[list[int]], size: float, ported: set[int]
) -> float:
    """Break names into lines and set boxes; the rows' gap leaves room for arrows."""
    side, between, gap = 2.6 * size, 2.2 * size, 3.4 * size
    y = 0.0
    for row in reversed(rows):
        room = (drawing.width - 2 * side - between * (len(row) - 1)) / len(row)
        room = min(room, 19 * size)
        highest = 0.0
        for g in row:
            group = groups[g]
            inner = room - 1.4 * size
            group.title = wrapped(group.name, drawing.font, size, inner, bold=True)
            alone = group.name in ENDS.values() and not group.label
            names = "" if alone else ", ".join(map(as_printed, group.nodes))
            group.lines = wrapped(names, drawing.font, size, inner)
            widest = max(
                [width(t, drawing.font, size, bold=True) for t in group.title]
                + [width(t, drawing.font, size) for t in group.lines]
            )
            high = ((len(group.title) + len(group.lines)) * 1.25 + 0.6) * size
            high += (max(6.0, size - 1) + 0.25 * size) if g in ported else 0.0
            group.at = (0.0, y, min(room, max(widest + 1.6 * size, 7 * size)), high)
            highest = max(highest, high)
        total = sum(groups[g].at[2] for g in row)
        step = (drawing.width - 2 * side - total) / (len(row) + 1)
        x = side + step
        for g in row:
            _, top, wide, _ = groups[g].at
            groups[g].at = (x, top, wide, highest)
            x += wide + step
        y += highest + gap
    return y - gap


def _paint(drawing: Drawing, ink: Ink, group: Group, size: float, channels: set[str]) -> None:
    drawing.body.append(ink.box(group.kind, group.at, group.label))
    y = group.at[1] + 1.28 * size
    for bold, lines in ((True, group.title), (False, group.lines)):
        for line in lines:
            drawing.body.append(Text(group.middle, y, line, size, ink.theme.text, bold, "middle"))
            y += 1.25 * size
    small = max(6.0, size - 1)
    for channel in sorted(channels):
        colour = getattr(ink.theme, next(role for role in MEANINGS if role[0] == channel))
        low = group.at[1] + group.at[3] - 0.3 * size
        drawing.body.append(Text(port(group.at, channel), low, channel, small, colour, True, "middle"))
