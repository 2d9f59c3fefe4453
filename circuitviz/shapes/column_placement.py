"""Token positions on paper: the nodes of a position stand above each other, its token written below."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from circuitviz.scene.circuit_scene import CircuitScene, DrawnNode, TokenColumn
from circuitviz.shapes.drawing import DrawingShape, TextShape
from circuitviz.shapes.page_style import PageStyle
from circuitviz.shapes.text_metrics import elide_text, text_width

Levels = Sequence[Sequence[DrawnNode]]
MAX_GAP_EM = 4.0  # between columns, in sizes of text


@dataclass(frozen=True)
class ColumnPlacement:
    """Where nodes stand: rows from the bottom up, x of each node and how wide its box is, in points.

    ``spans``: left and right end of each column of the picture.
    """

    rows: list[list[DrawnNode]]
    x_of_node: Mapping[str, float]
    box_widths: dict[str, float]
    spans: list[tuple[float, float]]


def place_in_columns(
    picture: CircuitScene, levels: Levels, page_width: float, family: str, size: float
) -> ColumnPlacement | None:
    """Nodes of each level within their columns; None where the page is too narrow for the columns.

    A level whose nodes do not fit beside each other takes several rows.
    """
    home = {node.name: _column_index(node, picture.columns) for node in picture.nodes}
    number = len(picture.columns)
    step = [0.0] * number
    for node in picture.nodes:
        box = text_width(node.title_without_position, family, size) + 0.9 * size
        step[home[node.name]] = max(step[home[node.name]], box)
    counts = [[sum(home[n.name] == c for n in level) for c in range(number)] for level in levels]
    most = [max(count[c] for count in counts) for c in range(number)]
    gap, room = 0.5 * size, page_width - 4
    for slots in range(max(most), 0, -1):
        beside = [min(m, slots) for m in most]
        need = [max(0.0, b * (s + gap) - gap) for b, s in zip(beside, step, strict=True)]
        if sum(need) + (number - 1) * 1.6 * gap <= room:
            break
    else:
        return None
    between = min((room - sum(need)) / max(1, number - 1), MAX_GAP_EM * size)
    left = (page_width - sum(need) - between * (number - 1)) / 2
    spans = []
    for wide in need:
        spans.append((left, left + wide))
        left += wide + between
    rows: list[list[DrawnNode]] = []
    x: dict[str, float] = {}
    for level, count in zip(levels, counts, strict=True):
        lines = max(-(-c // b) for c, b in zip(count, beside, strict=True) if b)
        made: list[list[DrawnNode]] = [[] for _ in range(lines)]
        for c, (start, end) in enumerate(spans):
            mine = sorted((n for n in level if home[n.name] == c), key=lambda n: n.x)
            for line in range(lines):
                part = mine[line::lines]
                first = (start + end) / 2 - (len(part) - 1) / 2 * (step[c] + gap)
                made[line] += part
                x.update({n.name: first + i * (step[c] + gap) for i, n in enumerate(part)})
        rows += made
    return ColumnPlacement(rows, x, {name: step[c] for name, c in home.items()}, spans)


def token_texts(
    picture: CircuitScene, columns: ColumnPlacement, y: float, page: PageStyle
) -> list[DrawingShape]:
    """Each column's token on the baseline ``y``, cut where it would reach the next one's."""
    made: list[DrawingShape] = []
    size, theme = page.size, page.theme
    middles = [(left + right) / 2 for left, right in columns.spans]
    for i, (column, x) in enumerate(zip(picture.columns, middles, strict=True)):
        near = [abs(x - other) for j, other in enumerate(middles) if j != i]
        room = min([*near, 2 * x - 2]) - 0.4 * size
        colour = theme.muted if column.is_of_any_position else theme.text
        text = elide_text(column.label, page.font, size, room)
        made.append(TextShape(x, y, text, size, colour, anchor="middle"))
    return made


def _column_index(node: DrawnNode, columns: Sequence[TokenColumn]) -> int:
    """The column that a node stands in, or the nearest one where it was moved out of all."""
    away = [max(c.left - node.x, node.x - c.right, 0.0) for c in columns]
    return min(range(len(columns)), key=lambda i: (away[i], i))
