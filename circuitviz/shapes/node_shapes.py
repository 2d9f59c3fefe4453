"""How nodes look: boxes, marks and sizes, for the window, figures and both legends."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

import numpy as np

from circuitviz.graph import NodeKind
from circuitviz.scene.box_label import layout_box_label
from circuitviz.scene.circuit_scene import LABELLED_NODE_HEIGHT, DrawnNode
from circuitviz.scene.class_colours import colour_in_theme
from circuitviz.scene.edge_arrays import FloatArray
from circuitviz.scene.node_styles import style_colours
from circuitviz.scene.theme import Theme, blend_hex
from circuitviz.shapes.drawing import BoxShape, DrawingShape, polyline
from circuitviz.shapes.heat_grid import diverging_colours, rgb_to_hex, text_colour_on

NODE_WIDTHS = dict.fromkeys(NodeKind, 84.0) | {
    NodeKind.HEAD: 66.0,
    NodeKind.MLP: 66.0,
    NodeKind.INPUT: 104.0,
    NodeKind.LOGITS: 104.0,
}
NODE_HEIGHT = 32.0  # scene units of a box with a name alone
END_KINDS = (NodeKind.INPUT, NodeKind.LOGITS)
LABEL_LINE_HEIGHT = 14.0  # scene units of each further line of a label
TIGHT_LABELLED_HEIGHT = 32.0  # scene units that a name and one line of a label need at least
LABEL_INSET = 4.0  # scene units of a box that its label leaves free, both sides together
LABEL_PADDING = 12.0  # of a box that is as wide as its label, both sides together
LINE_WIDTH, CLASS_LINE_WIDTH = 1.3, 2.0
CLASS_FILL_SHARE = 0.16  # of a class's colour, on the ground
SMALL_FILL_SHARE = 0.5  # of its line's colour, in a box without a name
ABLATED_OPACITY = 0.55
STRIKE_INSET, STRIKE_WIDTH = 5.0, 1.6
PIN_RADIUS, PIN_SHAFT, PIN_WIDTH = 3.4, (-3.0, 8.0), 1.2

BoxRect = tuple[float, float, float, float]  # left, top, width and height


def node_size(node: DrawnNode, label_width: Callable[[str], float]) -> tuple[float, float]:
    """Width and height of a node's box in the window, in scene units.

    Args:
        node: what is drawn.
        label_width: how wide a label is written, in scene units.
    """
    if (given := node.cell or node.box) is not None:
        return given
    if node.members:
        size = layout_box_label(node.title, node.members)
        return size.width, size.height
    width, height = NODE_WIDTHS[node.kind], min(NODE_HEIGHT, node.max_height)
    if node.kind in END_KINDS:
        width = min(width, max(node.max_width, NODE_WIDTHS[NodeKind.HEAD]))
    if node.text:
        width = max(width, min(node.max_width, label_width(node.text) + LABEL_PADDING))
    if not node.label:
        return width, height
    if not node.is_one_line:
        lines = label_lines(node, label_width)
        wanted = max(map(label_width, lines)) + LABEL_PADDING
        height = LABELLED_NODE_HEIGHT + (len(lines) - 1) * LABEL_LINE_HEIGHT
        return max(width, min(node.max_width, wanted)), min(node.max_height, height)
    wanted = label_width(one_line_text(node)) + LABEL_PADDING
    return (max(width, wanted) if wanted <= node.max_width else width), height


def label_lines(node: DrawnNode, label_width: Callable[[str], float]) -> list[str]:
    """The lines in which a label stands below its node's name: several where its box may be so high.

    Lines break at spaces and behind hyphens; what has no room is in the last line.
    """
    most = 1 + int((node.max_height - TIGHT_LABELLED_HEIGHT) / LABEL_LINE_HEIGHT)
    return wrap_label(node.label, node.max_width - LABEL_INSET, most, label_width)


def wrap_label(label: str, room: float, most: int, label_width: Callable[[str], float]) -> list[str]:
    """A label in at most so many lines, each within ``room`` scene units where its words are."""
    lines = [""]
    for word in re.findall(r"\S*?-(?=\S)|\S+\s*|\s+", label):
        if lines[-1] and len(lines) < most and label_width((lines[-1] + word).rstrip()) > room:
            lines.append("")
        lines[-1] += word
    return [line.rstrip() for line in lines]


def one_line_text(node: DrawnNode) -> str:
    """Name and label of a node in one line, for a box without room for two."""
    return f"{node.title} · {node.label}"


def node_bounds(nodes: Sequence[DrawnNode], label_width: Callable[[str], float]) -> FloatArray:
    """Left, top, right and bottom of the boxes of nodes in the window [nodes, 4], y downwards."""
    middle = np.array([(node.x, -node.y) for node in nodes]).reshape(-1, 2)
    half = np.array([node_size(node, label_width) for node in nodes]).reshape(-1, 2) / 2
    return np.concatenate([middle - half, middle + half], axis=1)


def node_shapes(
    node: DrawnNode, rect: BoxRect, theme: Theme, role: str = "", heat: float | None = None
) -> list[DrawingShape]:
    """A node's box and the marks on it, without what is written in it.

    What is ablated is a ghost: pale, dashed and struck through. A node of a class has the class's colour, one
    that only one of two compared circuits has that circuit's.

    Args:
        node: what is drawn.
        rect: where its box is.
        theme: the colours.
        role: what the box says that it is; empty for its style.
        heat: 0 to 1, which fills the box with a colour of ``heat_colour`` instead of its style's.
    """
    left, top, width, height = rect
    fill, line = style_colours(node.style, theme)
    if node.colour:
        line = colour_in_theme(node.colour, theme)
        fill = blend_hex(line, theme.ground, CLASS_FILL_SHARE)
    if node.side in ("left", "right"):
        line = theme.positive if node.side == "left" else theme.negative
    line_width = CLASS_LINE_WIDTH if node.colour or node.side in ("left", "right") else LINE_WIDTH
    is_dashed = node.ablated or node.side == "right"
    if node.is_small:
        fill = blend_hex(line, theme.ground, SMALL_FILL_SHARE)
    if heat is not None:
        fill = heat_colour(heat, theme)
    if node.ablated:
        fill = theme.ground
    opacity = ABLATED_OPACITY if node.ablated else 1.0
    shapes: list[DrawingShape] = [
        BoxShape(role or node.style, *rect, fill, line, line_width, node.shape, is_dashed, opacity)
    ]
    if node.ablated:
        ends = (
            (left + STRIKE_INSET, top + height - STRIKE_INSET),
            (left + width - STRIKE_INSET, top + STRIKE_INSET),
        )
        shapes.append(polyline("strike", ends, theme.warning, STRIKE_WIDTH, opacity=ABLATED_OPACITY))
    if node.pinned:
        shapes += pin_shapes(left + width - 2, top, theme)
    return shapes


def pin_shapes(x: float, y: float, theme: Theme) -> list[DrawingShape]:
    """A round-headed pin whose head is at a point: its file's viewer had the node pinned."""
    ends = (x, y), (x + PIN_SHAFT[0], y + PIN_SHAFT[1])
    place = x - PIN_RADIUS, y - PIN_RADIUS, 2 * PIN_RADIUS, 2 * PIN_RADIUS
    return [
        polyline("pin", ends, theme.text, PIN_WIDTH),
        BoxShape("pin head", *place, theme.accent, theme.text, PIN_WIDTH, "end"),
    ]


def heat_colour(heat: float, theme: Theme) -> str:
    """The colour of an importance from 0 to 1: from the ground to the theme's blue."""
    return rgb_to_hex(diverging_colours(np.array(heat), theme))


def title_colour(node: DrawnNode, theme: Theme, heat: float | None = None) -> str:
    """What a node's name is written in, on a box of its style or of a heat."""
    if heat is not None and not node.ablated:
        return text_colour_on(diverging_colours(np.array(heat), theme))
    return theme.muted if node.ablated else theme.text
