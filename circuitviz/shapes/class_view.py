"""The class view: one box per class of heads, as circuits are drawn in papers (Wang et al. 2022, fig. 2)."""

from __future__ import annotations

from dataclasses import dataclass, field

from circuitviz.document import State
from circuitviz.document.groups import outermost_groups
from circuitviz.errors import InputError
from circuitviz.graph import Circuit, FoldedCircuit, NodeKind, fold_circuit
from circuitviz.scene.box_label import group_title, paper_node_name
from circuitviz.shapes.arrow_routes import ArrowEnds, port_x, route_arrows
from circuitviz.shapes.drawing import Drawing, TextShape
from circuitviz.shapes.figure_style import ROLE_DESCRIPTIONS, FigureStyle
from circuitviz.shapes.text_metrics import text_width, wrap_text

END_TITLES = {"input": "Input", "logits": "Logits"}


@dataclass
class ClassBox:
    """Nodes in one box; ``rect`` is its left, top, width and height in points."""

    name: str
    nodes: list[str]
    kind: str
    depth: float
    label: str = ""
    title: list[str] = field(default_factory=list)
    lines: list[str] = field(default_factory=list)
    rect: tuple[float, float, float, float] = (0.0, 0.0, 0.0, 0.0)

    @property
    def center_x(self) -> float:
        """The x of the box's middle."""
        return self.rect[0] + self.rect[2] / 2


@dataclass(frozen=True)
class ClassArrow:
    """The summed scores of the edges from one group to another by one channel."""

    sender: int
    receiver: int
    channel: str
    score: float


def draw_class_view(
    drawing: Drawing, state: State, style: FigureStyle, size: float, min_share: float
) -> float:
    """Draw classes, arrows and ports; returns the height used, in points."""
    circuit = state.live_circuit
    assert circuit is not None
    groups = class_boxes(state, circuit)
    arrows = class_arrows(state, circuit, groups, min_share)
    rows = _assign_rows(groups, arrows, 3 if drawing.width < 330 else 4)
    _order_rows(rows, arrows)
    used = {(a.receiver, a.channel) for a in arrows if a.channel}
    height = _place_boxes(drawing, groups, rows, size, {g for g, _ in used})
    strongest = max((abs(a.score) for a in arrows), default=1.0) or 1.0
    arrows.sort(key=lambda a: abs(a.score))  # the strongest last, so that it lies on top
    ways = [ArrowEnds(a.sender, a.receiver, a.channel) for a in arrows]
    curves = route_arrows([group.rect for group in groups], rows, ways, drawing.width, size)
    for arrow, points in zip(arrows, curves, strict=True):
        share = abs(arrow.score) / strongest
        drawing.body.append(style.make_curve(arrow.channel, points, share, arrow.score < 0))
    kinds = {circuit.graph.node(node).kind for group in groups for node in group.nodes}
    style.is_of_features = not kinds & {NodeKind.HEAD, NodeKind.MLP}
    for number, group in enumerate(groups):
        _draw_class_box(drawing, style, group, size, {c for g, c in used if g == number})
    lowest = max((y for curve in curves for _, y in curve), default=0.0)
    above = max(0.0, -min((y for curve in curves for _, y in curve), default=0.0))
    drawing.shift(0.0, above)
    return above + max(height, lowest)


def class_boxes(state: State, circuit: Circuit) -> list[ClassBox]:
    """Classes in the circuit, with input and logits; InputError where nothing is grouped or labelled.

    A class is an outermost group, or the nodes of no group that share a label.
    """
    folding, named = _fold_classes(state, circuit)
    groups = []
    for box in folding.boxes:
        nodes = list(folding.nodes_in(box))
        if box in named or box in END_TITLES:
            kind = "mlp" if all(circuit.graph.node(n).kind is NodeKind.MLP for n in nodes) else "head"
            kind = "end" if box in END_TITLES else kind
            label = box if box in named else ""
            depth = sum(circuit.graph.depth(n) for n in nodes) / len(nodes)
            said = state.labels.get(f"group:{box}")
            name = END_TITLES.get(box, group_title(box, said.text if said else ""))
            groups.append(ClassBox(name, nodes, kind, depth, label))
    if not any(group.label for group in groups):
        raise InputError(
            "The class view draws one box for each group or label, and nothing in this circuit is grouped "
            "or has a label yet; label some heads, or choose the head view."
        )
    return sorted(groups, key=lambda g: (g.depth, g.name))


def class_arrows(
    state: State, circuit: Circuit, groups: list[ClassBox], min_share: float
) -> list[ClassArrow]:
    """Sums of edges between groups, those from ``min_share`` of the strongest; none inside a group."""
    folding, _ = _fold_classes(state, circuit)
    number = {folding.box_of[group.nodes[0]]: g for g, group in enumerate(groups)}
    sums = {
        (number[a.sender], number[a.receiver], a.channel): a.score
        for a in folding.folded_edges()
        if a.sender in number and a.receiver in number
    }
    strongest = max((abs(v) for v in sums.values()), default=0.0)
    return [
        ClassArrow(*key, value) for key, value in sorted(sums.items()) if abs(value) >= min_share * strongest
    ]


def _fold_classes(state: State, circuit: Circuit) -> tuple[FoldedCircuit, set[str]]:
    """The circuit by classes, and the classes' names."""
    values = state.scores.values if state.scores is not None else circuit.edges.astype(float)
    classes = {name: group.nodes for name, group in outermost_groups(state.groups_with_classes).items()}
    return fold_circuit(circuit, values, classes), set(classes)


def _assign_rows(groups: list[ClassBox], arrows: list[ClassArrow], most: int) -> list[list[int]]:
    """Groups by depth from the bottom; two that are joined never share a row, nor do the ends."""
    joined = {(a.sender, a.receiver) for a in arrows} | {(a.receiver, a.sender) for a in arrows}
    rows: list[list[int]] = []
    for number, group in enumerate(groups):
        alone = group.name in END_TITLES.values() and not group.label
        last = rows[-1] if rows else []
        shares = last and not alone and len(last) < most and not any((number, o) in joined for o in last)
        if shares and not (len(last) == 1 and groups[last[0]].name == "Input"):
            last.append(number)
        else:
            rows.append([number])
    return rows


def _order_rows(rows: list[list[int]], arrows: list[ClassArrow]) -> None:
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


def _place_boxes(
    drawing: Drawing, groups: list[ClassBox], rows: list[list[int]], size: float, ported: set[int]
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
            group.title = wrap_text(group.name, drawing.font, size, inner, bold=True)
            alone = group.name in END_TITLES.values() and not group.label
            names = "" if alone else ", ".join(map(paper_node_name, group.nodes))
            group.lines = wrap_text(names, drawing.font, size, inner)
            widest = max(
                [text_width(t, drawing.font, size, bold=True) for t in group.title]
                + [text_width(t, drawing.font, size) for t in group.lines]
            )
            high = ((len(group.title) + len(group.lines)) * 1.25 + 0.6) * size
            high += (max(6.0, size - 1) + 0.25 * size) if g in ported else 0.0
            group.rect = (0.0, y, min(room, max(widest + 1.6 * size, 7 * size)), high)
            highest = max(highest, high)
        total = sum(groups[g].rect[2] for g in row)
        step = (drawing.width - 2 * side - total) / (len(row) + 1)
        x = side + step
        for g in row:
            _, top, wide, _ = groups[g].rect
            groups[g].rect = (x, top, wide, highest)
            x += wide + step
        y += highest + gap
    return y - gap


def _draw_class_box(
    drawing: Drawing, ink: FigureStyle, group: ClassBox, size: float, channels: set[str]
) -> None:
    drawing.body.append(ink.make_box(group.kind, group.rect, group.label))
    y = group.rect[1] + 1.28 * size
    for bold, lines in ((True, group.title), (False, group.lines)):
        for line in lines:
            drawing.body.append(TextShape(group.center_x, y, line, size, ink.theme.text, bold, "middle"))
            y += 1.25 * size
    small = max(6.0, size - 1)
    for channel in sorted(channels):
        colour = getattr(ink.theme, next(role for role in ROLE_DESCRIPTIONS if role[0] == channel))
        low = group.rect[1] + group.rect[3] - 0.3 * size
        drawing.body.append(
            TextShape(port_x(group.rect, channel), low, channel, small, colour, True, "middle")
        )
