"""The head view: every node of the circuit in a row of its depth, as wide as the page allows."""

from __future__ import annotations

from circuitviz.layout import COLUMN_SPACING, ROW_SPACING
from circuitviz.scene.circuit_scene import CircuitScene, DrawnNode
from circuitviz.shapes.column_placement import place_in_columns, title_without_position, token_texts
from circuitviz.shapes.drawing import Drawing, DrawingShape, TextShape
from circuitviz.shapes.figure_style import FigureStyle
from circuitviz.shapes.group_frames import draw_group_frames, frame_name_room
from circuitviz.shapes.text_metrics import text_width

PORT_OFFSETS = {"q": -0.28, "k": 0.0, "v": 0.28, "": 0.0}
NodeSlots = dict[str, tuple[float, float]]


def draw_head_view(drawing: Drawing, picture: CircuitScene, ink: FigureStyle, size: float) -> float:
    """Draw the picture at the top of a drawing; returns the height used, in points.

    Rows keep the layout's order. A row too wide for the page becomes several, staggered. Where the layout
    stands in columns and the page has room for them, tokens are written below.
    """
    levels, high = _group_by_height(picture.nodes), 1.55 * size
    columns = (
        place_in_columns(picture, levels, drawing.width, drawing.font, size) if picture.columns else None
    )
    if columns is None:
        box = max(text_width(n.title, drawing.font, size) for n in picture.nodes) + 0.9 * size
        step = box + 0.5 * size
        rows = _split_rows(levels, max(1, int((drawing.width - 4 + 0.5 * size) / step)))
        places = _place_rows(rows, drawing.width, box / 2 + 2, step)
        wide = dict.fromkeys(places, box)
    else:
        rows, wide = columns.rows, columns.box_widths
        places = {n.name: (columns.x_of_node[n.name], i) for i, row in enumerate(rows) for n in row}
    free = min(3.2 * size, max(1.1 * size, drawing.width / len(rows) - high))
    bottom = len(rows) * high + (len(rows) - 1) * free
    bottom += frame_name_room(picture, [node.name for node in rows[-1]], size)
    y_of = {i: bottom - high / 2 - i * (high + free) for i in range(len(rows))}
    at = {name: (x, y_of[int(row)]) for name, (x, row) in places.items()}
    names = draw_group_frames(drawing, picture, ink, at, (max(wide.values()), high), size)
    for edge in picture.edges:
        (x0, y0), (x1, y1) = at[edge.sender], at[edge.receiver]
        start, end = (
            (x0, y0 - high / 2),
            (x1 + PORT_OFFSETS[edge.channel] * wide[edge.receiver], y1 + high / 2),
        )
        bend = max(0.45 * abs(start[1] - end[1]), 0.6 * size)
        points = (start, (start[0], start[1] - bend), (end[0], end[1] + bend), end)
        drawing.body.append(ink.make_curve(edge.channel, points, edge.strength, edge.score < 0, edge.ablated))
    for node in picture.nodes:
        title = node.title if columns is None else title_without_position(node)
        drawing.body += _node_shapes(node, title, ink, (*at[node.name], wide[node.name], high), size)
    drawing.body += names
    if columns is None:
        return bottom
    bottom += 1.4 * size
    drawing.words += token_texts(picture, columns, bottom, ink, drawing.font, size)
    return bottom + 0.3 * size


def _node_shapes(
    node: DrawnNode, title: str, ink: FigureStyle, at: tuple[float, float, float, float], size: float
) -> list[DrawingShape]:
    x, y, wide, high = at
    label = node.name if node.members else node.label.partition(" · ")[0]  # without what was changed
    if label not in ink.label_colours:
        label = ""
    box = ink.make_box(node.style, (x - wide / 2, y - high / 2, wide, high), label, node.ablated)
    colour = ink.theme.muted if node.ablated else ink.theme.text
    return [box, TextShape(x, y + 0.35 * size, title, size, colour, anchor="middle")]


def _group_by_height(nodes: tuple[DrawnNode, ...]) -> list[list[DrawnNode]]:
    """Nodes by height, the lowest first; heights closer than a third of a row are one."""
    levels: list[list[DrawnNode]] = []
    for node in sorted(nodes, key=lambda n: (n.y, n.x)):
        if levels and node.y - levels[-1][0].y < ROW_SPACING / 3:
            levels[-1].append(node)
        else:
            levels.append([node])
    return levels


def _split_rows(levels: list[list[DrawnNode]], most: int) -> list[list[DrawnNode]]:
    """Levels from left to right; one of more than ``most`` nodes becomes several rows."""
    rows = []
    for level in levels:
        level.sort(key=lambda n: n.x)
        lines = -(-len(level) // most)
        rows += [level[i::lines] for i in range(lines)]
    return rows


def _place_rows(rows: list[list[DrawnNode]], wide: float, margin: float, step: float) -> NodeSlots:
    """The x in points and row of each node: the layout's x scaled to the page, then pushed apart."""
    xs = [node.x for row in rows for node in row]
    low, high = min(xs), max(xs)
    scale = min((wide - 2 * margin) / (high - low), 2.4 * step / COLUMN_SPACING) if high > low else 0.0
    places: NodeSlots = {}
    for number, row in enumerate(rows):
        at = [wide / 2 + (node.x - (low + high) / 2) * scale for node in row]
        for i in range(1, len(at)):
            at[i] = max(at[i], at[i - 1] + step)
        for i, node in enumerate(row):  # those to its left and to its right have room on the page too
            x = min(at[i], wide - margin - (len(at) - 1 - i) * step)
            places[node.name] = (max(x, margin + i * step), number)
    return places
