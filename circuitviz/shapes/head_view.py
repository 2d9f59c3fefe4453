"""The head view: every node of the circuit in a row of its depth, as wide as the page allows."""

from __future__ import annotations

import numpy as np

from circuitviz.layout import COLUMN_SPACING, ROW_SPACING
from circuitviz.scene.circuit_scene import CircuitScene, DrawnNode
from circuitviz.shapes.circuit_legend import class_roles
from circuitviz.shapes.column_placement import place_in_columns, token_texts
from circuitviz.shapes.drawing import Drawing, TextShape
from circuitviz.shapes.edge_styles import EdgeStyles, edge_curves
from circuitviz.shapes.group_frames import (
    PAGE_MARGINS,
    FrameOutline,
    frame_name_room,
    frame_names,
    frame_outlines,
)
from circuitviz.shapes.node_shapes import node_shapes, title_colour
from circuitviz.shapes.page_style import PageStyle
from circuitviz.shapes.text_metrics import text_width

NodeSlots = dict[str, tuple[float, float]]
MIN_BEND_EM = 0.6  # of an edge between rows that are near each other, in sizes of text


def draw_head_view(
    drawing: Drawing, scene: CircuitScene, styles: EdgeStyles, page: PageStyle
) -> tuple[float, list[FrameOutline]]:
    """Draw the scene at the top of a drawing; returns the height used and the open groups.

    Rows keep the layout's order. A row too wide for the page becomes several, staggered. Where the layout
    stands in columns and the page has room for them, tokens are written below.
    """
    size = page.size
    levels, high = _group_by_height(scene.nodes), 1.55 * size
    columns = place_in_columns(scene, levels, drawing.width, page.font, size) if scene.columns else None
    if columns is None:
        box = max(text_width(n.title, page.font, size) for n in scene.nodes) + 0.9 * size
        step = box + 0.5 * size
        rows = _split_rows(levels, max(1, int((drawing.width - 4 + 0.5 * size) / step)))
        places = _place_rows(rows, drawing.width, box / 2 + 2, step)
        wide = dict.fromkeys(places, box)
    else:
        rows, wide = columns.rows, columns.box_widths
        places = {n.name: (columns.x_of_node[n.name], i) for i, row in enumerate(rows) for n in row}
    free = min(3.2 * size, max(1.1 * size, drawing.width / len(rows) - high))
    bottom = len(rows) * high + (len(rows) - 1) * free
    bottom += frame_name_room(scene, rows[-1], size)
    y_of = {i: bottom - high / 2 - i * (high + free) for i in range(len(rows))}
    middle = np.array([(x, y_of[int(row)]) for x, row in (places[node.name] for node in scene.nodes)])
    half = np.array([(wide[node.name] / 2, high / 2) for node in scene.nodes])
    bounds = np.concatenate([middle - half, middle + half], axis=1)
    frames = frame_outlines(scene, bounds, PAGE_MARGINS, page.theme)
    for frame in frames:
        drawing.body += frame.shapes()
    curves = edge_curves(scene.edges, bounds, 2 * half[:, 0])
    cubics = curves.cubics(np.arange(len(scene.edges)), MIN_BEND_EM * size)
    drawing.body += [styles.line(i, curve, arrow=True) for i, curve in enumerate(cubics)]
    roles = class_roles(scene)
    for node, (left, top, right, low) in zip(scene.nodes, bounds.tolist(), strict=True):
        rect = left, top, right - left, low - top
        drawing.body += node_shapes(node, rect, page.theme, roles.get(node.class_name, ""))
        title = node.title if columns is None else node.title_without_position
        x, y = (left + right) / 2, (top + low) / 2 + 0.35 * size
        drawing.body.append(TextShape(x, y, title, size, title_colour(node, page.theme), anchor="middle"))
    drawing.body += frame_names(frames, drawing.width, page)
    if columns is None:
        return bottom, frames
    bottom += 1.4 * size
    drawing.words += token_texts(scene, columns, bottom, page)
    return bottom + 0.3 * size, frames


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
