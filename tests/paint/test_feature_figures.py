"""Figures and sentences of circuits of features: tokens below, every colour explained, what was done said."""

from __future__ import annotations

import json
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from tracer_graph import tracer_graph

from circuitviz.__main__ import main
from circuitviz.discovery import methods
from circuitviz.document import Document, Group, Label, PromptOrigin, State, TaskOrigin
from circuitviz.document.attribution_query import PROMPT_METHODS, AttributionQuery
from circuitviz.formats import import_document
from circuitviz.graph import Circuit, Graph, ModelShape, Node, NodeKind, Scores
from circuitviz.scene.build_scene import build_scene
from circuitviz.shapes.circuit_figure import draw_figure
from circuitviz.shapes.drawing import BoxShape, TextShape, used_colours
from circuitviz.shapes.figure_options import FigureOptions
from circuitviz.shapes.figure_text import caption
from circuitviz.shapes.text_metrics import text_width
from circuitviz.workbench.methods_text import CITATION, METHOD_SOURCES, bibtex, methods_paragraph

TOKENS = ["<bos>", "When", " Mary", " and", " John", " went"]
pytestmark = pytest.mark.usefixtures("qapp")


def feature_state(per_token: int = 3, ablated: str = "") -> State:
    """Tokens, features of two layers at each position, an error, and a logit; every edge forwards."""
    nodes = [Node(f"token@{p}", NodeKind.TOKEN, position=p, token=p) for p in range(len(TOKENS))]
    nodes.append(Node("m0.error@2", NodeKind.ERROR, 0, site="m", position=2))
    for layer in (0, 1):
        nodes += [
            Node(f"m{layer}.f{10 * p + i}@{p}", NodeKind.FEATURE, layer, site="m", position=p, feature=10 * p + i)
            for p in range(1, len(TOKENS)) for i in range(per_token)
        ]  # fmt: skip
    nodes.append(Node("logit.7@5", NodeKind.LOGITS, position=5, token=7))
    mask = np.zeros((len(nodes) - 1, len(nodes)), dtype=bool)
    for s, sender in enumerate(nodes[:-1]):
        for r, receiver in enumerate(nodes):
            reads = receiver.layer is not None and receiver.kind is not NodeKind.ERROR
            later = reads and (sender.layer is None or receiver.layer > sender.layer)
            mask[s, r] = later or receiver.kind is NodeKind.LOGITS
    graph = Graph.of_nodes(ModelShape(2, 2, 8), tuple(nodes), mask, 1)
    values = np.random.default_rng(4).normal(size=graph.mask.shape) * graph.mask
    run = {"prompt": {"strings": TOKENS}}
    scores = Scores(graph, values, "hierarchical-attribution", info=run)
    question = AttributionQuery(
        "demo",
        "When Mary and John went",
        target="logit.7@5",
        nodes=30,
        tau=0.2,
        correct=("Mary",),
        incorrect=("John",),
    )
    where = PromptOrigin(question, "sha256:" + "ab" * 32, "cd" * 32)
    circuit = Circuit(graph, graph.mask, int(mask.sum()))
    return State(where, scores, circuit, frozenset({ablated} if ablated else ()))


def written(document: Document, figure: FigureOptions) -> list[TextShape]:
    drawing = draw_figure(document, figure)
    return [shape for shape in drawing.words if isinstance(shape, TextShape)]


def test_tokens_stand_below_their_columns() -> None:
    state = feature_state()
    drawing = draw_figure(Document(state), FigureOptions(layout="tokens"))
    words = {s.text: s for s in drawing.words if isinstance(s, TextShape)}
    assert set(words) == {token.strip() for token in TOKENS}
    titles = {s.text: s for s in drawing.body if isinstance(s, TextShape)}
    lowest = max(s.y + s.height for s in drawing.body if isinstance(s, BoxShape))
    columns = [column.text.strip() for column in build_scene(state, "tokens").columns]
    assert [words[text].x for text in columns] == sorted(words[text].x for text in columns)
    for node in build_scene(state, "tokens").nodes:
        short = node.text or node.name.partition("@")[0]
        assert short in titles
        if node.kind is NodeKind.FEATURE and node.name.endswith("@3"):
            other = words["and"].x
            assert abs(titles[short].x - other) < abs(titles[short].x - words["John"].x)
    assert all(word.y > lowest for word in words.values())
    spans = sorted((w.x, text_width(w.text, drawing.font, w.size)) for w in words.values())
    assert all(a + wide / 2 < b - other / 2 for (a, wide), (b, other) in pairwise(spans))


@pytest.mark.parametrize("per_token", [1, 3, 9])
@pytest.mark.parametrize("mm", [171.45, 120.0, 60.0])
def test_boxes_in_columns_lie_beside_each_other(per_token: int, mm: float) -> None:
    drawing = draw_figure(Document(feature_state(per_token)), FigureOptions(layout="tokens", width_mm=mm))
    boxes = [shape for shape in drawing.body if isinstance(shape, BoxShape)]
    assert len(boxes) == len(feature_state(per_token).circuit.node_names)
    for i, a in enumerate(boxes):
        assert a.x >= 0 and a.x + a.width <= drawing.width and a.y >= 0 and a.y + a.height <= drawing.height
        for b in boxes[:i]:
            beside = a.x + a.width <= b.x or b.x + b.width <= a.x
            assert beside or a.y + a.height <= b.y or b.y + b.height <= a.y


@pytest.mark.parametrize("layout", ["layered", "tokens", "grid"])
@pytest.mark.parametrize("view", ["head", "class"])
@pytest.mark.parametrize("dark", [False, True])
@pytest.mark.parametrize("edge_colours", ["blue and orange", "by input"])
def test_every_colour_of_a_circuit_of_features_is_in_the_legend(
    layout: str, view: str, dark: bool, edge_colours: str
) -> None:
    state = feature_state(ablated="m0.f21@2")
    groups = {
        "Names": Group(frozenset({"m1.f20@2", "m1.f40@4"})),
        "Verb": Group(frozenset({"m0.f50@5"}), "#117733"),
    }
    state = replace(state, groups=groups, labels={"m1.f31@3": Label("a conjunction")})
    drawing = draw_figure(
        Document(state), FigureOptions(layout=layout, view=view, dark=dark, edge_colours=edge_colours)
    )
    assert used_colours(drawing.body) and used_colours(drawing.body) == used_colours(drawing.legend)
    words = {shape.text for shape in drawing.legend if isinstance(shape, TextShape)}
    assert ("attribution" if edge_colours == "by input" else "adds to what it reaches") in words
    assert "MLP input or logits" not in words
    if view == "head":
        assert {"MLP feature", "reconstruction error", "token", "a conjunction", "ablated"} <= words
    else:
        assert {"Names", "Verb", "a conjunction"} <= words


def test_the_caption_names_the_prompt() -> None:
    said = caption(Document(feature_state()), FigureOptions())
    assert "“When Mary and John went”" in said and "hierarchical-attribution" in said


@pytest.mark.parametrize("method", PROMPT_METHODS)
def test_each_way_of_tracing_has_its_sentence_and_its_sources(method: str) -> None:
    state = feature_state()
    asked = replace(
        state.origin.query,
        method=method,
        gate="absolute",
        sites=("m0", "m1"),
        dictionaries=("some/where/mine",),
    )
    where = replace(state.origin, query=asked)
    document = Document(replace(state, origin=where))
    found = {"faithfulness": {"value": 0.831, "low": None, "high": None}, "setting": {"prompts": 1}}
    document.store_evaluation(document.state.measurement_key, found)
    text = methods_paragraph(document)
    said = ["logit.7@5", "demo (weights SHA-256 abababababab…)", "“When Mary and John went”", METHOD_SOURCES[method],
            "features of m0, m1 (dictionaries mine)", f"of {state.circuit.graph.n_edges:,} edges between {state.circuit.n_nodes} nodes"]  # fmt: skip
    said += ["faithfulness (Marks et al. 2024)", "0.831 on this prompt, with zero ablation", "errors kept"]
    assert "interval" not in text
    if method == "attribution-graph":
        said += ["kept to 0.8", "0.98 of the cumulative influence"]
    else:
        said += ["the size of their attribution", "a threshold of 0.2", "about 30 nodes"]
    for part in said:
        assert part in text, (part, text)
    entries = bibtex(document)
    for cited in (METHOD_SOURCES[method], "Marks et al. 2024", "Bloom et al. 2024", "Nanda 2022"):
        (author, year), *_ = CITATION.findall(cited)
        assert f"author = {{{author}" in entries and f"year = {{{year}}}" in entries


@pytest.mark.parametrize("method", methods.names())
def test_each_method_over_a_task_has_its_sentence(method: str) -> None:
    where = TaskOrigin(
        "demo", "sha256:" + "ab" * 32, "ioi", "cd" * 32, (("a", "b", ("Mary",), ("John",)),), "logit-diff",
        "corrupted", method, {"steps": 5, "dictionaries": ""}, prompts=64, seed=3,
    )  # fmt: skip
    text = methods_paragraph(Document(replace(feature_state(), origin=where)))
    reference = methods.get(method).reference
    for part in (
        f"with {method} ({reference}; steps 5)",
        "64 pairs",
        "seed 3",
        "task ioi",
        "corrupted ablation",
    ):
        assert part in text, (part, text)
    assert ("without a metric" in text) == (method == "information-flow-routes")
    assert "dictionaries" not in text


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("layout", ["layered", "tokens"])
def test_every_box_of_a_large_graph_is_on_the_page(tmp_path: Path, seed: int, layout: str) -> None:
    """Rows that are pushed apart at one end leave the page at neither."""
    path = tmp_path / "a.graph.json"
    path.write_text(json.dumps(tracer_graph(600, layers=6, seed=seed)))
    drawing = draw_figure(import_document(path), FigureOptions(layout=layout))
    boxes = [shape for shape in drawing.body if isinstance(shape, BoxShape)]
    assert len(boxes) > 500
    assert min(box.x for box in boxes) >= 0 and max(box.x + box.width for box in boxes) <= drawing.width


def test_a_graph_is_exported_by_token_and_its_descriptions_make_no_legend(tmp_path: Path) -> None:
    """As the window opens it; hundreds of descriptions are no classes."""
    path, out = tmp_path / "a.graph.json", tmp_path / "a.svg"
    path.write_text(json.dumps(tracer_graph(600, layers=6)))
    assert main(["export", str(path), "-o", str(out), "--preset", "poster"]) == 0
    text = out.read_text()
    assert "--layout tokens" in text
    legend = text[text.index('<g class="legend">') :]
    legend = legend[: legend.index("</g>")]
    assert "MLP feature" in legend and "say Austin" not in legend and "Texas" in legend
    assert [word for word in (" containing", " Dallas") if f">{word.strip()}<" in text] == [
        " containing",
        " Dallas",
    ]
