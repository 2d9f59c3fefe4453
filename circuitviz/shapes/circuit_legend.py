"""The legend, made from what is drawn in the window and on paper: it explains all of it and no more."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from itertools import chain, cycle

import numpy as np

from circuitviz.document.view_filters import SIGN_MEANINGS
from circuitviz.number_text import rounded_number
from circuitviz.scene.circuit_scene import CircuitScene, DrawnNode
from circuitviz.scene.edge_arrays import SIDES, IndexArray
from circuitviz.scene.node_styles import STYLE_DESCRIPTIONS
from circuitviz.scene.theme import Theme
from circuitviz.shapes.drawing import AreaShape, BoxShape, Drawing, DrawingShape, TextShape, placed
from circuitviz.shapes.edge_styles import (
    DASHED,
    DIRECT,
    DOTTED,
    INKS,
    NEGATIVE,
    NO_INK,
    POSITIVE,
    QUERY,
    EdgeStyles,
    edge_styles,
)
from circuitviz.shapes.group_frames import LINE_WIDTH, ROLE_LETTERS, FrameOutline
from circuitviz.shapes.node_shapes import BoxRect, heat_colour, node_shapes, pin_shapes
from circuitviz.shapes.page_style import PageStyle
from circuitviz.shapes.text_metrics import elide_text, text_width

INPUT_DESCRIPTIONS = {"query": "query (q)", "key": "key (k)", "value": "value (v)"}
SAMPLE_WIDTH, SAMPLE_HEIGHT, PIN_SAMPLE_WIDTH = 34.0, 12.0, 9.0  # scene units
SAMPLE_STRENGTH = 0.3  # of the line that stands for all of its kind
DOT_RADIUS = 3.6  # of the end of an edge, in scene units
HEAT_SHARES = (0.0, 0.25, 0.5, 0.75, 1.0)
WIDTH_KEY_SHARES = (1.0, 0.5, 0.1)
TEXT_GAP = 6.0  # from a sample to its text, in scene units


@dataclass(frozen=True)
class LegendEntry:
    """What one kind of line or box means.

    Attributes:
        name: what it explains: an ink of edges, ``ablated``, ``pinned``, a style of nodes, a class or a
            group.
        text: what is written beside the sample.
        sample: its shapes; the middle of their left side is the origin.
        sample_width: in scene units.
    """

    name: str
    text: str
    sample: list[DrawingShape]
    sample_width: float = SAMPLE_WIDTH


def legend_entries(
    scene: CircuitScene, styles: EdgeStyles, theme: Theme, arrows: bool = False
) -> list[LegendEntry]:
    """What a legend must explain of the edges and the marks that are drawn.

    Args:
        scene: what is drawn.
        styles: of its edges.
        theme: the colours.
        arrows: whether edges are arrows.
    """
    live, dashed = styles.ink[styles.dash != DOTTED], styles.ink[styles.dash == DASHED]
    entries = [_line_entry(scene, theme, ink, arrows) for ink in _inks_in(live)]
    if scene.sides or not theme.has_edges_by_input:
        ends = _inks_in(styles.end_ink[styles.end_ink != NO_INK])
        entries += [_end_entry(styles, ink, arrows) for ink in ends]
    elif len(dashed):
        entry = _line_entry(scene, theme, int(dashed[0]), arrows, is_negative=True)
        entries.append(replace(entry, name="negative", text=_sign_texts(scene)[1]))
    ghosts, has_ablated_edges = [node for node in scene.nodes if node.ablated], len(live) < len(styles.ink)
    if not scene.sides and (ghosts or has_ablated_edges):
        sample = _ablated_sample(theme, has_ablated_edges, ghosts)
        entries.append(LegendEntry("ablated", "ablated", sample))
    if any(node.pinned for node in scene.nodes):
        entries.append(
            LegendEntry("pinned", "pinned in its file", pin_shapes(4.5, -4.0, theme), PIN_SAMPLE_WIDTH)
        )
    return entries


def class_roles(scene: CircuitScene) -> dict[str, str]:
    """What the boxes of each class say that they are: ``class A``, ``class B`` in the order of the names."""
    names = sorted({node.class_name for node in scene.nodes} - {""})
    return {name: f"class {letter}" for name, letter in zip(names, cycle(ROLE_LETTERS), strict=False)}


def style_entries(scene: CircuitScene, shown: Collection[str], theme: Theme) -> list[LegendEntry]:
    """What some styles of nodes stand for, each drawn as one of its nodes is: if possible one of no class."""
    wanted, samples = set(shown), dict[str, list[DrawingShape]]()
    plain = (node for node in scene.nodes if not node.class_name and not node.ablated)
    for node in chain(plain, scene.nodes):
        if not wanted:
            break
        if not node.members and node.style in wanted:
            wanted.remove(node.style)
            samples[node.style] = _node_sample(node, theme)
    return [
        LegendEntry(style, text, samples[style])
        for style, text in STYLE_DESCRIPTIONS.items()
        if style in shown
    ]


def importance_entry(theme: Theme) -> LegendEntry:
    """What the colours of cells stand for, from nothing to the most important node."""
    width = SAMPLE_WIDTH / len(HEAT_SHARES)
    sample: list[DrawingShape] = [
        BoxShape(
            "heat",
            i * width,
            -SAMPLE_HEIGHT / 2,
            width,
            SAMPLE_HEIGHT,
            heat_colour(share, theme),
            "",
            0.0,
            "square",
        )
        for i, share in enumerate(HEAT_SHARES)
    ]
    return LegendEntry("importance", "sum of |score| of a node's edges", sample)


def figure_entries(
    scene: CircuitScene, styles: EdgeStyles, theme: Theme, frames: Sequence[FrameOutline]
) -> list[LegendEntry]:
    """Entries of a figure's legend: those of the window's, and every colour and width that is drawn.

    Args:
        scene: what is drawn.
        styles: of its edges.
        theme: the colours.
        frames: the open groups.
    """
    entries = legend_entries(scene, styles, theme, arrows=True)
    strongest = _score_of_widest(scene)
    if (styles.dash != DOTTED).any() and (scene.sign != "none" or strongest > 1):
        entries += [_width_entry(scene, styles, theme, strongest, share) for share in WIDTH_KEY_SHARES]
    plain = {node.style for node in scene.nodes if not node.class_name}
    entries += style_entries(scene, plain | set(scene.legend_styles), theme)
    classes = {
        node.class_name: node
        for node in sorted(scene.nodes, key=lambda node: node.ablated, reverse=True)
        if node.class_name
    }
    roles = class_roles(scene)
    entries += [
        LegendEntry(name, name, _node_sample(node, theme, roles[name]))
        for name, node in sorted(classes.items())
    ]
    return entries + [
        LegendEntry(each.frame.name, f"{each.frame.name} (group)", _frame_sample(each)) for each in frames
    ]


def draw_figure_legend(drawing: Drawing, entries: Sequence[LegendEntry], y: float, page: PageStyle) -> float:
    """Draw entries from ``y`` on in as many columns as the page holds; returns the height used."""
    size, long = page.size, SAMPLE_WIDTH + TEXT_GAP
    room = drawing.width - long
    texts = [elide_text(entry.text, drawing.font, size, room) for entry in entries]
    column = max(text_width(text, drawing.font, size) for text in texts) + long + 1.6 * size
    columns = max(1, min(len(entries), int((drawing.width + 1.6 * size) / column)))
    lines = -(-len(entries) // columns)
    for i, (text, entry) in enumerate(zip(texts, entries, strict=True)):
        x, middle = (i // lines) * column, y + (i % lines + 0.5) * 1.5 * size
        inset = (SAMPLE_WIDTH - entry.sample_width) / 2
        drawing.legend += [placed(shape, x + inset, middle) for shape in entry.sample]
        drawing.legend.append(TextShape(x + long, middle + 0.35 * size, text, size, page.theme.text))
    return lines * 1.5 * size


def _inks_in(column: IndexArray) -> list[int]:
    """The inks that edges have, in the order of ``INKS``; without sorting what may be many edges."""
    return np.flatnonzero(np.bincount(column, minlength=len(INKS))).tolist()


def _sign_texts(scene: CircuitScene) -> tuple[str, str]:
    """What positive and negative scores mean."""
    known = "flows" if scene.legend_styles and scene.sign == "helps" else scene.sign
    return SIGN_MEANINGS[known]


def _line_entry(
    scene: CircuitScene, theme: Theme, ink: int, arrows: bool, is_negative: bool = False
) -> LegendEntry:
    """The entry of the lines of an ink, drawn as one of them."""
    channel = max(0, ink - QUERY + 1) if theme.has_edges_by_input and QUERY <= ink < DIRECT else 0
    side, name = 0, INKS[ink]
    if scene.sides:
        name = {POSITIVE: "left", NEGATIVE: "right"}.get(ink, "both")
        side = SIDES.index(name)
        left, right = scene.sides
        text = {"both": "in both", "left": f"only in {left}", "right": f"only in {right}"}[name]
    elif ink in (POSITIVE, NEGATIVE):
        text, is_negative = _sign_texts(scene)[ink == NEGATIVE], ink == NEGATIVE
    elif ink == DIRECT:
        is_of_prompt = bool(scene.legend_styles) or scene.sign == "flows"
        text = "attribution" if is_of_prompt else "MLP input or logits"
    else:
        text = INPUT_DESCRIPTIONS[name]
    sample = replace(_sample_styles(theme, channel, is_negative, side=side), end_ink=np.array([NO_INK]))
    return LegendEntry(name, text, _line_sample(sample, arrows))


def _sample_styles(
    theme: Theme, channel: int = 0, is_negative: bool = False, strength: float = SAMPLE_STRENGTH, **how: int
) -> EdgeStyles:
    """The styles of one edge."""
    given = np.array([channel]), np.array([is_negative]), np.array([strength])
    return edge_styles(theme, *given, **{name: np.array([value]) for name, value in how.items()})


def _score_of_widest(scene: CircuitScene) -> float:
    """The |score| of an edge of strength 1, which tells what widths mean.

    Where there are no scores, the number of edges that the widest arrow stands for; where that is one, all
    are alike.
    """
    sizes = np.abs(scene.edges.score)
    if scene.sign == "none" or not sizes.any():
        return float(sizes.max(initial=0.0))
    return float(sizes[-1] / scene.edges.strength[-1])


def _width_entry(
    scene: CircuitScene, styles: EdgeStyles, theme: Theme, strongest: float, share: float
) -> LegendEntry:
    """How wide a line is for a share of the strongest edge's score, in the ink of a drawn edge."""
    ink = styles.ink[styles.dash != DOTTED].min()
    sample = replace(_sample_styles(theme, strength=share), ink=np.array([ink]))
    number = strongest * share
    edges = f"{number:,.0f} edge{'' if round(number) == 1 else 's'}"
    text = edges if scene.sign == "none" else f"|score| {rounded_number(number, 2)}"
    return LegendEntry(text, text, _line_sample(sample, True))


def _line_sample(styles: EdgeStyles, arrows: bool = False) -> list[DrawingShape]:
    return [styles.line(0, [(SAMPLE_WIDTH * i / 3, 0.0) for i in range(4)], arrows)]


def _end_entry(styles: EdgeStyles, ink: int, arrows: bool) -> LegendEntry:
    """The entry of the ends of edges that enter an input: dots, or heads of arrows."""
    name, colour, radius = INKS[ink], styles.colours[ink], DOT_RADIUS
    dot = BoxShape(name, 0.0, -radius, 2 * radius, 2 * radius, colour, "", 0.0, "end")
    head = AreaShape(name, ((2.4 * radius, 0.0), (0.0, -1.2 * radius), (0.0, 1.2 * radius)), colour)
    return LegendEntry(name, INPUT_DESCRIPTIONS[name], [head if arrows else dot], 2 * radius)


def _ablated_sample(theme: Theme, has_edges: bool, ghosts: Sequence[DrawnNode]) -> list[DrawingShape]:
    """The line of an ablated edge and, over its middle, an ablated node: those of them that are drawn."""
    shapes = _line_sample(_sample_styles(theme, ablated=1)) if has_edges else []
    for ghost in ghosts[:1]:
        shapes += node_shapes(replace(ghost, pinned=False, box=None), _sample_rect(7.0), theme)
    return shapes


def _node_sample(node: DrawnNode, theme: Theme, role: str = "") -> list[DrawingShape]:
    return node_shapes(replace(node, pinned=False, box=None), _sample_rect(), theme, role)


def _sample_rect(inset: float = 2.0) -> BoxRect:
    return inset, -SAMPLE_HEIGHT / 2, SAMPLE_WIDTH - 2 * inset, SAMPLE_HEIGHT


def _frame_sample(frame: FrameOutline) -> list[DrawingShape]:
    return [BoxShape(f"group {frame.letter}", *_sample_rect(), frame.fill, frame.line, LINE_WIDTH, "frame")]
