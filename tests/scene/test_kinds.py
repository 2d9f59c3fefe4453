"""Every kind of node is drawn in a way of its own, on the canvas and in figures, and legends say which."""

from __future__ import annotations

from itertools import combinations
from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import QPointF, QRectF

from circuitviz.canvas.canvas_legend import canvas_entries, legend_size, legend_strip_height
from circuitviz.canvas.scene_geometry import SceneGeometry
from circuitviz.document import Document, State
from circuitviz.graph import Circuit, Graph, ModelShape, Node, NodeKind, Scores
from circuitviz.paint import save_figure
from circuitviz.paint.circuit_painter import node_outline
from circuitviz.scene.build_scene import build_scene
from circuitviz.scene.circuit_scene import CircuitScene
from circuitviz.scene.node_styles import (
    COMPONENT_STYLES,
    STYLE_DESCRIPTIONS,
    corner_radius,
    node_style,
    style_colours,
    style_corners,
)
from circuitviz.scene.theme import DARK, LIGHT
from circuitviz.shapes.circuit_legend import LegendEntry
from circuitviz.shapes.edge_styles import EdgeStyles
from circuitviz.shapes.figure_options import FigureOptions

pytestmark = pytest.mark.usefixtures("qapp")  # texts are measured
SHAPE = ModelShape(2, 2, 8)
NODES = (
    Node("token@0", NodeKind.TOKEN, position=0, token=5),
    Node("position@0", NodeKind.POSITION, position=0),
    Node("a0.h1@0", NodeKind.HEAD, 0, 1, "a", 0),
    Node("m0@0", NodeKind.MLP, 0, site="m", position=0),
    Node("m0.bias@0", NodeKind.BIAS, 0, site="m", position=0),
    Node("a1.f3@0", NodeKind.FEATURE, 1, site="a", position=0, feature=3, dictionary="a1"),
    Node("a1.error@0", NodeKind.ERROR, 1, site="a", position=0),
    Node("m1.f7@0", NodeKind.FEATURE, 1, site="m", position=0, feature=7, dictionary="m1"),
    Node("m1.skip@0", NodeKind.SKIP, 1, site="m", position=0),
    Node("logit.9@0", NodeKind.LOGITS, position=0, token=9),
)


def document() -> Document:
    """Everything flows into the one logit; what writes less takes away."""
    mask = np.zeros((len(NODES) - 1, len(NODES)), dtype=bool)
    mask[:, -1] = True
    graph = Graph.of_nodes(SHAPE, NODES, mask)
    values = np.linspace(-1, 1, len(NODES) - 1)[:, None]
    info = {"prompt": {"tokens": [5], "strings": [" Ann"]}, "shown": {"logit.9@0": " went"}}
    return Document(
        State(None, Scores(graph, values, "hierarchical-attribution", info=info), Circuit(graph, graph.mask))
    )


def picture() -> CircuitScene:
    return build_scene(document().state, "tokens")


def legend(scene: CircuitScene) -> list[LegendEntry]:
    return canvas_entries(scene, EdgeStyles.of_edges(scene.edges, LIGHT), LIGHT)


def test_no_two_kinds_look_alike() -> None:
    def drawn(look: str, theme: object) -> object:
        return style_colours(look, theme), style_corners(look, 0, 0, 80, 32), corner_radius(look, 32)  # type: ignore[arg-type]

    shown = set(STYLE_DESCRIPTIONS) - {"logit"}  # what is explained is what `logits` is in a circuit of heads
    for one, other in combinations(sorted(shown), 2):
        for theme in (LIGHT, DARK):
            assert drawn(one, theme) != drawn(other, theme), (one, other)
    looks = [node_style(node.kind, node.name) for node in NODES]
    assert looks == [
        *("token", "position", "head", "bare", "bias", "feature-a", "error", "feature-m", "skip", "logit"),
    ]
    assert {node_style(kind, "m3") for kind in NodeKind} <= set(STYLE_DESCRIPTIONS)


@pytest.mark.parametrize("look", STYLE_DESCRIPTIONS)
def test_a_shape_fills_its_box(look: str) -> None:
    path, rect = node_outline(look, QRectF(10, 20, 80, 32)), QRectF(10, 20, 80, 32)
    assert path.boundingRect() == rect and path.contains(rect.center())
    assert not path.contains(QPointF(0, 0))


def test_the_canvas_writes_tokens_and_explains_what_it_draws() -> None:
    seen = picture()
    assert seen.by_name["token@0"].title == "“Ann”" and seen.by_name["logit.9@0"].title == "“went”"
    assert seen.by_name["m1.f7@0"].title == "m1.f7@0"
    assert set(seen.legend_styles) == {node_style(n.kind, n.name) for n in NODES}
    entries = legend(seen)
    assert {entry.name for entry in entries} == {*seen.legend_styles, "positive", "negative"}
    heights = []
    for room in (300.0, 700.0, 3000.0):
        wide, high = legend_size(entries, room)
        assert wide <= room and legend_strip_height(entries, room) > high
        heights.append(high)
    assert heights[0] > heights[1] > heights[2] == 19
    node = seen.by_name["m1.skip@0"]
    geometry = SceneGeometry.from_scene(seen)
    assert geometry.node_at(QPointF(node.x, -node.y)) is node

    heads = Graph.transformer(SHAPE)
    values = np.ones(heads.mask.shape)
    plain = build_scene(State(None, Scores(heads, values, "eap"), Circuit(heads, heads.mask)))
    assert (
        legend_size(legend(plain), 700)[1] == 19 and legend_strip_height(legend(plain), 700) > 19
    )  # one line above the circuit
    assert plain.legend_styles == () and {node.style for node in plain.nodes} == COMPONENT_STYLES


@pytest.mark.parametrize("suffix", [".svg", ".tex", ".pdf"])
def test_figures_draw_the_kinds_and_say_them(suffix: str, tmp_path: Path) -> None:
    path = tmp_path / f"kinds{suffix}"
    save_figure(document(), path, FigureOptions(layout="tokens", edge_colours="by input"))
    if suffix == ".pdf":
        assert path.stat().st_size > 2000
        return
    text = path.read_text(encoding="utf-8")
    for node in NODES:
        look = node_style(node.kind, node.name)
        assert STYLE_DESCRIPTIONS[look] in text, look
        assert (f'class="{look}"' if suffix == ".svg" else f"circuit {look}") in text, look
    assert "Ann" in text and "went" in text and "attribution" in text and "MLP input" not in text
