"""Circuits by span: spans are columns, attention runs between them, and classes stand at their spans."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import pytest

from circuitviz.document import Document, Label, State
from circuitviz.graph import Circuit, Graph, ModelShape, NodeKind, Scores
from circuitviz.graph.names import split_span
from circuitviz.graph.spans import PromptSpans
from circuitviz.layout import layouts
from circuitviz.layout.by_token import position_columns
from circuitviz.scene.build_scene import build_scene
from circuitviz.scene.class_scene import class_scene
from circuitviz.scene.status_text import status_text
from circuitviz.shapes.circuit_figure import draw_figure
from circuitviz.shapes.drawing import BoxShape, TextShape
from circuitviz.shapes.figure_options import FigureOptions
from circuitviz.shapes.figure_text import caption

NAMES = ("other", "IO", "S1", "S2", "END")
SPANS = PromptSpans(NAMES, tuple(tuple(source <= at for source in range(5)) for at in range(5)))
GRAPH = Graph.transformer(ModelShape(4, 3, 24)).with_spans(SPANS)
CIRCUIT = Circuit.from_names(
    GRAPH,
    [
        "input@S1->a0.h1@S1<k>",  # a head at S2 that looks back to S1
        "input@S2->a0.h1@S2<q>",
        "a0.h1@S2->a2.h0@S2<v>",  # read at S2 by a head at END
        "input@END->m1@END",
        "m1@END->a2.h0@END<q>",
        "input@IO->a3.h2@IO<v>",
        "a2.h0@END->a3.h2@END<q>",
        "a3.h2@END->logits",
        "a2.h0@END->logits",
    ],
)
LABELS = {"a0.h1@S2": "Duplicate Token", "a2.h0@END": "S-Inhibition", "a3.h2@END": "Name Mover"}
STATE = State(
    None,
    Scores(GRAPH, GRAPH.mask * 1.0, "eap"),
    CIRCUIT,
    labels={node: Label(text) for node, text in LABELS.items()},
)


def columns_of(state: State, layout: str = "tokens") -> dict[str, str]:
    """The column's text of each node, by where it stands."""
    scene = build_scene(state, layout)
    return {
        node.name: next(c.text for c in scene.columns if c.left < node.x < c.right) for node in scene.nodes
    }


@pytest.mark.parametrize("layout", ["tokens", "grid"])
def test_a_node_stands_in_the_column_of_its_span_and_the_logits_at_the_end(layout: str) -> None:
    found = columns_of(STATE, layout)
    assert found.pop("logits") == "END"
    assert found == {name: split_span(name)[1] for name in found} and len(found) == CIRCUIT.n_nodes - 1
    scene = build_scene(STATE, layout)
    assert [column.text for column in scene.columns] == list(NAMES)  # one without nodes, too
    assert all(a.right < b.left for a, b in pairwise(scene.columns))
    by_name = scene.by_name
    assert by_name["m1@END"].style == "mlp" and by_name["m1@END"].title_without_position == "m1"
    assert not scene.cells and not scene.has_edges_on_demand and not scene.legend_styles


def test_keys_and_values_come_from_their_span_and_queries_stay() -> None:
    scene = build_scene(STATE, "tokens")
    drawn = {(edge.sender, edge.receiver, edge.channel) for edge in scene.edges}
    assert ("input@S1", "a0.h1@S2", "k") in drawn and ("a0.h1@S2", "a2.h0@END", "v") in drawn
    for sender, receiver, channel in drawn:
        if channel not in ("k", "v") and receiver != "logits":
            assert split_span(sender)[1] == split_span(receiver)[1]
    text = status_text(STATE, scene)
    assert "9 of" in text and f"{CIRCUIT.n_component_edges} between components" in text
    assert f"{CIRCUIT.n_component_edges} between components" in caption(Document(STATE), FigureOptions())


def test_components_without_spans_have_no_columns_in_the_grid() -> None:
    plain = Graph.transformer(ModelShape(4, 3, 24))
    names = [node.name for node in plain.nodes]
    assert layouts.get("grid").extra["columns"](plain, names) == () == position_columns(plain, names)
    assert layouts.get("grid").extra["cells"](plain)


def test_a_class_has_a_box_at_each_of_its_spans() -> None:
    labels = {**STATE.labels, "input@S2": Label(""), "a0.h1@S2": Label("Name Mover")}
    scene = class_scene(replace(STATE, labels=labels), 0.0)
    assert [column.text for column in scene.columns] == ["IO", "S1", "S2", "END"]
    boxes = {(node.class_name, scene.columns[int(node.x)].text): node.members for node in scene.nodes}
    assert boxes["Name Mover", "S2"] == ("a0.h1@S2",) and boxes["Name Mover", "END"] == ("a3.h2@END",)
    assert {node.colour for node in scene.nodes if node.class_name == "Name Mover"} == {
        scene.by_name["Name Mover@END"].colour
    }
    ends = [
        (scene.nodes[e], scene.nodes[r])
        for e, r in zip(scene.edges.sender, scene.edges.receiver, strict=True)
    ]
    assert ("S2", "END") in {(scene.columns[int(a.x)].text, scene.columns[int(b.x)].text) for a, b in ends}


@pytest.mark.usefixtures("qapp")  # fonts of figures
def test_the_class_view_stands_over_its_spans_on_paper() -> None:
    figure = draw_figure(Document(STATE), FigureOptions(view="class", legend=False, caption=False))
    texts = {shape.text: shape for shape in figure.shapes if isinstance(shape, TextShape)}
    boxes = [shape for shape in figure.shapes if isinstance(shape, BoxShape) and shape.width > 0]
    middle = {name: texts[name].x for name in ("IO", "S1", "S2", "END")}
    assert sorted(middle.values()) == list(middle.values())
    for title, span in (("Duplicate Token", "S2"), ("S-Inhibition", "END"), ("Name Mover", "END")):
        words = [texts[t] for t in texts if t in title.split() or t == title]
        assert words and all(word.x == pytest.approx(middle[span]) for word in words)
    assert texts["0.1"].x == pytest.approx(middle["S2"])  # the span is told by the column
    for i, a in enumerate(boxes):
        assert a.x >= 0 and a.x + a.width <= figure.width
        for b in boxes[:i]:
            apart = a.x + a.width <= b.x or b.x + b.width <= a.x
            assert apart or a.y + a.height <= b.y or b.y + b.height <= a.y
    kinds = [node.kind for node in class_scene(STATE, 0.0).nodes]
    assert kinds.count(NodeKind.INPUT) == 4 and kinds.count(NodeKind.LOGITS) == 1
