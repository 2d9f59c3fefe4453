"""The class view: one box per class of heads, as papers draw circuits [wang2023ioi, fig. 2].

Of a circuit by span, a class has a box at each span that its nodes stand at, in that span's column.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from circuitviz.graph.names import split_span
from circuitviz.scene.box_label import paper_node_name
from circuitviz.scene.circuit_scene import CircuitScene, DrawnNode, TokenColumn
from circuitviz.scene.edge_arrays import CHANNELS
from circuitviz.shapes.arrow_routes import ArrowEnds, port_x, route_arrows
from circuitviz.shapes.circuit_legend import class_roles
from circuitviz.shapes.drawing import Drawing, TextShape
from circuitviz.shapes.edge_styles import EdgeStyles
from circuitviz.shapes.node_shapes import BoxRect, node_shapes
from circuitviz.shapes.page_style import PageStyle
from circuitviz.shapes.text_metrics import text_width, wrap_text

NARROW_PAGE = 660.0  # scene units; a narrower page has fewer boxes in a row


@dataclass
class ClassBox:
    """A class, the input or the logits on the page; ``rect`` is its left, top, width and height."""

    node: DrawnNode
    title: list[str] = field(default_factory=list)
    lines: list[str] = field(default_factory=list)
    rect: BoxRect = (0.0, 0.0, 0.0, 0.0)

    @property
    def center_x(self) -> float:
        """The x of the box's middle."""
        return self.rect[0] + self.rect[2] / 2


def draw_class_view(drawing: Drawing, scene: CircuitScene, styles: EdgeStyles, page: PageStyle) -> float:
    """Draw a scene of ``class_scene`` with arrows and ports; returns the height used."""
    edges, boxes = scene.edges, [ClassBox(node) for node in scene.nodes]
    channels = [CHANNELS[channel] for channel in edges.channel.tolist()]
    ways = list(zip(edges.sender.tolist(), edges.receiver.tolist(), channels, strict=True))
    if scene.columns:
        rows = _assign_rows(boxes, ways, len(scene.columns))
        for row in rows:
            row.sort(key=lambda number: boxes[number].node.x)
    else:
        rows = _assign_rows(boxes, ways, 3 if drawing.width < NARROW_PAGE else 4)
        _order_rows(rows, ways)
    ports: dict[int, set[str]] = {number: set() for number in range(len(boxes))}
    for _, receiver, channel in ways:
        ports[receiver] |= {channel} - {""}
    ported = {number for number, used in ports.items() if used}
    height = _place_boxes(drawing, boxes, rows, page, ported, scene.columns)
    curves = route_arrows([box.rect for box in boxes], rows, ways, drawing.width, page.size)
    drawing.body += [styles.line(i, points, arrow=True) for i, points in enumerate(curves)]
    roles = class_roles(scene)
    for box, used in zip(boxes, ports.values(), strict=True):
        drawing.body += node_shapes(box.node, box.rect, page.theme, roles.get(box.node.class_name, ""))
        _write_class_texts(drawing, box, page, used)
    for column in scene.columns:
        x = _column_middle(drawing, page, scene.columns, column)
        text = TextShape(
            x, height + 1.6 * page.size, column.label, page.size, page.theme.text, anchor="middle"
        )
        drawing.body.append(text)
    height += 2.0 * page.size if scene.columns else 0.0
    lowest = max((y for curve in curves for _, y in curve), default=0.0)
    above = max(0.0, -min((y for curve in curves for _, y in curve), default=0.0))
    drawing.place(0.0, above)
    return above + max(height, lowest)


def _assign_rows(boxes: list[ClassBox], ways: Sequence[ArrowEnds], most: int) -> list[list[int]]:
    """Groups by depth from the bottom; two that are joined never share a row, nor do ends and classes.

    Two of one column, where boxes have columns, share no row either.
    """
    joined = {pair for a, b, _ in ways for pair in ((a, b), (b, a))}
    rows: list[list[int]] = []
    for number, box in enumerate(boxes):
        last = rows[-1] if rows else []
        shares = last and len(last) < most and not any((number, other) in joined for other in last)
        kinds = {boxes[other].node.kind for other in last} | {box.node.kind}
        columns = {boxes[other].node.x for other in last}
        if shares and len(kinds) == 1 and (box.node.x not in columns or not any(b.node.x for b in boxes)):
            last.append(number)
        else:
            rows.append([number])
    return rows


def _order_rows(rows: list[list[int]], ways: Sequence[ArrowEnds]) -> None:
    """Order rows by the mean place of their neighbours, from below and from above in turn."""
    x = {g: i - (len(row) - 1) / 2 for row in rows for i, g in enumerate(row)}
    for _ in range(6):
        for row in rows:
            pull = {}
            for g in row:
                near = [x[a] for a, b, _ in ways if b == g] + [x[b] for a, b, _ in ways if a == g]
                pull[g] = sum(near) / len(near) if near else x[g]
            row.sort(key=lambda g: (pull[g], g))
            x.update({g: i - (len(row) - 1) / 2 for i, g in enumerate(row)})


def _column_width(drawing: Drawing, page: PageStyle, columns: Sequence[TokenColumn]) -> float:
    return (drawing.width - page.size) / len(columns)


def _column_middle(
    drawing: Drawing, page: PageStyle, columns: Sequence[TokenColumn], column: TokenColumn
) -> float:
    middle = (column.left + column.right) / 2
    return 0.5 * page.size + middle * _column_width(drawing, page, columns)


def _place_boxes(
    drawing: Drawing,
    boxes: list[ClassBox],
    rows: list[list[int]],
    page: PageStyle,
    ported: set[int],
    columns: Sequence[TokenColumn],
) -> float:
    """Break names into lines and set boxes; the rows' gap leaves room for arrows."""
    size = page.size
    side, between, gap = 2.6 * size, 2.2 * size, 3.4 * size
    y = 0.0
    for row in reversed(rows):
        if columns:
            room = _column_width(drawing, page, columns) - 1.6 * size
        else:
            room = min((drawing.width - 2 * side - between * (len(row) - 1)) / len(row), 19 * size)
        highest = 0.0
        for g in row:
            box = boxes[g]
            inner = room - 1.4 * size
            box.title = wrap_text(box.node.title, drawing.font, size, inner, bold=True)
            names = ", ".join(paper_node_name(split_span(name)[0]) for name in box.node.members)
            box.lines = wrap_text(names, drawing.font, size, inner)
            widest = max(
                [text_width(t, drawing.font, size, bold=True) for t in box.title]
                + [text_width(t, drawing.font, size) for t in box.lines]
            )
            high = ((len(box.title) + len(box.lines)) * 1.25 + 0.6) * size
            high += (page.small_size + 0.25 * size) if g in ported else 0.0
            box.rect = (0.0, y, min(room, max(widest + 1.6 * size, min(7 * size, room))), high)
            highest = max(highest, high)
        total = sum(boxes[g].rect[2] for g in row)
        step = (drawing.width - 2 * side - total) / (len(row) + 1)
        x = side + step
        for g in row:
            _, top, wide, _ = boxes[g].rect
            if columns:
                x = _column_middle(drawing, page, columns, columns[int(boxes[g].node.x)]) - wide / 2
            boxes[g].rect = (x, top, wide, highest)
            x += wide + step
        y += highest + gap
    return y - gap


def _write_class_texts(drawing: Drawing, box: ClassBox, page: PageStyle, channels: set[str]) -> None:
    """The name, the nodes and the ports of a class in its box."""
    size, theme = page.size, page.theme
    y = box.rect[1] + 1.28 * size
    for bold, lines in ((True, box.title), (False, box.lines)):
        for line in lines:
            drawing.body.append(TextShape(box.center_x, y, line, size, theme.text, bold, "middle"))
            y += 1.25 * size
    small, low = page.small_size, box.rect[1] + box.rect[3] - 0.3 * size
    inks = {"q": theme.query, "k": theme.key, "v": theme.value}
    for channel in sorted(channels):
        x = port_x(box.rect, channel)
        drawing.body.append(TextShape(x, low, channel, small, inks[channel], True, "middle"))
