"""A circuit looks the same in the window and on paper, as two SVGs tell: what the canvas paints, and the figure."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import QBuffer, QByteArray
from PySide6.QtGui import QPainter
from PySide6.QtSvg import QSvgGenerator
from PySide6.QtWidgets import QStyleOptionGraphicsItem
from pytestqt.qtbot import QtBot

from circuitviz.canvas.canvas_legend import paint_legend
from circuitviz.canvas.circuit_view import CircuitView
from circuitviz.canvas.scene_items import SceneItems
from circuitviz.document import Document, Group, Label, State
from circuitviz.graph import Circuit, Graph, ModelShape, Node, NodeKind, Scores
from circuitviz.paint import save_figure
from circuitviz.paint.circuit_painter import paint_node
from circuitviz.scene.build_scene import build_scene
from circuitviz.scene.theme import DARK, EDGE_COLOURS, with_edge_colours
from circuitviz.shapes.figure_options import FigureOptions

POINTS_PER_UNIT = 0.5  # of a figure with text of 7 points
CLOSE = 0.011  # figures are written to two decimals


def heads() -> State:
    """All inputs and signs, ablated nodes and edges, labels, an open and a collapsed group."""
    graph = Graph.transformer(ModelShape(3, 4, 16))
    rng = np.random.default_rng(3)
    scores = Scores(graph, rng.normal(size=graph.mask.shape) * rng.exponential(size=graph.mask.shape), "eap")
    circuit = scores.greedy(60)
    one, two, *late = [name for name in circuit.node_names if name.startswith(("a1", "a2"))]
    return State(
        None,
        scores,
        circuit,
        ablated_nodes=frozenset({"m0", late[0]}),
        ablated_edges=frozenset(circuit.edge_names[5:8]),
        labels={one: Label("Mover"), two: Label("Inhibition"), "m1": Label("Writer", "#aa3300")},
        groups={
            "Open": Group(frozenset({one, two, "m1"}), "#009e73"),
            "Closed": Group(frozenset(late[1:3]), "#56b4e9", collapsed=True),
        },
    )


def features() -> State:
    """Every kind of node that a prompt's graph has, one of them ablated, one pinned in its file."""
    nodes = (
        Node("token@0", NodeKind.TOKEN, position=0, token=5),
        Node("position@0", NodeKind.POSITION, position=0),
        Node("a0.h1@0", NodeKind.HEAD, 0, 1, "a", 0),
        Node("m0@0", NodeKind.MLP, 0, site="m", position=0),
        Node("m0.bias@0", NodeKind.BIAS, 0, site="m", position=0),
        Node("m0.n4@0", NodeKind.NEURON, 0, site="m", position=0, feature=4),
        Node("a1.f3@0", NodeKind.FEATURE, 1, site="a", position=0, feature=3, dictionary="a1"),
        Node("a1.error@0", NodeKind.ERROR, 1, site="a", position=0),
        Node("m1.f7@0", NodeKind.FEATURE, 1, site="m", position=0, feature=7, dictionary="m1"),
        Node("m1.skip@0", NodeKind.SKIP, 1, site="m", position=0),
        Node("logit.9@0", NodeKind.LOGITS, position=0, token=9),
    )
    mask = np.zeros((len(nodes) - 1, len(nodes)), dtype=bool)
    mask[:, -1] = True
    graph = Graph.of_nodes(ModelShape(2, 2, 8), nodes, mask)
    info = {"pinned": ["m0@0"]}
    values = np.linspace(-1, 1, len(nodes) - 1)[:, None]
    scores = Scores(graph, values, "hierarchical-attribution", info=info)
    labels = {"m1.f7@0": Label("a name")}
    return State(None, scores, Circuit(graph, graph.mask), frozenset({"a1.f3@0"}), labels=labels)


@dataclass(eq=False)
class Mark:
    """An element of an SVG, with what its groups say of it."""

    tag: str
    role: str
    text: str
    given: dict[str, str]

    def number(self, name: str, default: float = 1.0) -> float:
        return float(self.given.get(name, default))

    @property
    def dash(self) -> list[float]:
        return [float(n) for n in re.split(r"[ ,]+", self.given.get("stroke-dasharray", "")) if n]

    @property
    def points(self) -> np.ndarray:
        if self.tag == "rect":
            x, y, w, h = (self.number(name) for name in ("x", "y", "width", "height"))
            return np.array([(x, y), (x + w, y + h)])
        numbers = re.findall(r"-?[\d.]+", self.given.get("d", "") + self.given.get("points", ""))
        return np.array(numbers, float).reshape(-1, 2)

    @property
    def look(self) -> tuple[str, str, float]:
        """Fill and line as they are seen, and how much of them."""
        line = "none" if self.given.get("stroke", "none") == "none" else self.given["stroke"]
        return self.given["fill"], line, round(self.number("opacity") * self.number("stroke-opacity"), 2)


def marks_of(root: ET.Element, inherited: dict[str, str]) -> list[Mark]:
    found = []
    for element in root:
        given = {**inherited, **element.attrib}
        tag = element.tag.rpartition("}")[2]
        if tag == "g":
            found += marks_of(element, given)
        else:
            found.append(
                Mark(tag, element.attrib.get("class", ""), "".join(element.itertext()).strip(), given)
            )
    return found


def painted(paint: Callable[[QPainter], object]) -> list[Mark]:
    """What the canvas paints."""
    data = QByteArray()
    generator = QSvgGenerator()
    buffer = QBuffer(data)
    generator.setOutputDevice(buffer)
    painter = QPainter(generator)
    paint(painter)
    painter.end()
    kept = ("path", "polygon", "polyline", "rect", "ellipse", "circle", "text")
    return [mark for mark in marks_of(ET.fromstring(bytes(data.data())), {}) if mark.tag in kept]


def exported(state: State, path: Path, edge_colours: str) -> tuple[list[Mark], list[Mark]]:
    """Body and legend of the figure."""
    save_figure(Document(state), path, FigureOptions(dark=True, edge_colours=edge_colours))
    groups = [child for child in ET.parse(path).getroot() if child.attrib.get("class") in ("body", "legend")]
    body, legend = (marks_of(group, {}) for group in groups)
    return body, legend


@pytest.fixture(params=[heads, features], ids=lambda build: build.__name__)
def state(request: pytest.FixtureRequest) -> State:
    made: State = request.param()
    return made


@pytest.fixture(params=["blue and orange", "one ink, sign by dash alone", "by input"])
def edge_colours(request: pytest.FixtureRequest) -> str:
    assert request.param in EDGE_COLOURS
    return str(request.param)


@pytest.fixture
def items(qtbot: QtBot, state: State, edge_colours: str) -> SceneItems:
    view = CircuitView()
    qtbot.addWidget(view)
    view.set_theme(with_edge_colours(DARK, edge_colours))
    view.show_scene(build_scene(state))
    return view.scene_items


def test_edges_have_one_look(items: SceneItems, state: State, edge_colours: str, tmp_path: Path) -> None:
    lines, dots = canvas_lines(items)
    body, _ = exported(state, tmp_path / "a.svg", edge_colours)
    arrows = figure_arrows(body)
    edges = items.geometry.scene.edges
    assert len(lines) == len(arrows) == len(edges) > 0
    if state.groups:
        assert set(edges.channel.tolist()) == {0, 1, 2, 3} and (edges.score < 0).any() and edges.ablated.any()
    for line, arrow in zip(lines, arrows, strict=True):
        assert line.given["stroke"] == arrow.given["stroke"]
        width, drawn = line.number("stroke-width"), arrow.number("stroke-width")
        assert drawn == pytest.approx(POINTS_PER_UNIT * width, abs=CLOSE)
        assert line.number("stroke-opacity") == pytest.approx(arrow.number("stroke-opacity"), abs=CLOSE)
        dash = [POINTS_PER_UNIT * length for length in line.dash]
        assert arrow.dash == pytest.approx(dash, abs=CLOSE)
    assert len({arrow.given["stroke"] for arrow in arrows}) > 1 or not state.groups

    # the dot on the canvas is as the arrow's head
    after = [body[body.index(arrow) + 1] for arrow in arrows]
    assert [mark.tag == "polygon" for mark in after] == (~edges.ablated).tolist()
    heads = [m.given["fill"] for m, e in zip(after, edges, strict=True) if e.channel and not e.ablated]
    assert [dot.given["fill"] for dot in dots] == heads


def test_edges_enter_the_same_ports(
    items: SceneItems, state: State, edge_colours: str, tmp_path: Path
) -> None:
    """q left, k in the middle, v right, on the canvas and on paper by the same share of a plain box's width."""
    body, _ = exported(state, tmp_path / "a.svg", edge_colours)
    boxes = figure_boxes(body)
    arrows, lines = figure_arrows(body), canvas_lines(items)[0]
    scene = items.geometry.scene
    plain = {NodeKind.HEAD: 66.0, NodeKind.MLP: 66.0, NodeKind.INPUT: 104.0, NodeKind.LOGITS: 104.0}
    for edge, arrow, line in zip(scene.edges, arrows, lines, strict=True):
        node = scene.by_name[edge.receiver]
        shift = (line.points[-1, 0] - node.x) / plain.get(node.kind, 84.0)
        box = boxes[node.title].points[:, 0]
        width, middle = np.ptp(box), (box.min() + box.max()) / 2
        assert (arrow.points[-1, 0] - middle) / width == pytest.approx(shift, abs=2 * CLOSE / width)
        assert shift == pytest.approx({"q": -0.3, "k": 0.0, "v": 0.3, "": 0.0}[edge.channel], abs=1e-4)


def canvas_lines(items: SceneItems) -> tuple[list[Mark], list[Mark]]:
    """The lines of the edges on the canvas, and the dots at their ends."""
    layer = items.edges_item

    def paint(painter: QPainter) -> None:
        for step in layer.paint_steps(layer.extent(), 1.0, True):
            step(painter)

    marks = painted(paint)
    return [m for m in marks if m.given["fill"] == "none"], [m for m in marks if m.given["fill"] != "none"]


def figure_arrows(body: list[Mark]) -> list[Mark]:
    """The lines of the edges, without those of frames and nodes."""
    paths = [mark for mark in body if mark.tag == "path"]
    return [m for m in paths if not m.role.startswith("way") and m.role not in ("strike", "pin")]


def figure_boxes(body: list[Mark]) -> dict[str, Mark]:
    """The box of each node by what is written in it: the last one before its text."""
    boxes, last = {}, None
    for mark in body:
        if mark.tag == "text" and last is not None:
            boxes.setdefault(mark.text, last)
        elif mark.tag in ("rect", "polygon") and not mark.role.startswith(("frame", "pin")):
            last = mark
    return boxes


def test_nodes_have_one_look(items: SceneItems, state: State, edge_colours: str, tmp_path: Path) -> None:
    body, _ = exported(state, tmp_path / "a.svg", edge_colours)
    boxes = figure_boxes(body)
    inks = {mark.text: mark.given["fill"] for mark in body if mark.tag == "text"}
    marks = [mark for mark in body if mark.role == "strike" or mark.role.startswith("pin")]
    styles, n_marks = set(), 0
    for node in items.geometry.scene.nodes:
        drawn = painted(lambda painter, node=node: paint_node(painter, node, items.theme))
        box, on_paper = next(m for m in drawn if m.tag != "text"), boxes[node.title]
        assert box.look == on_paper.look
        assert on_paper.number("stroke-width") == pytest.approx(
            POINTS_PER_UNIT * box.number("stroke-width"), abs=CLOSE
        )
        assert bool(box.dash) == bool(on_paper.dash) == node.ablated
        title = next(m for m in drawn if m.tag == "text")
        assert title.text == node.title and title.given["fill"] == inks[node.title]
        assert len(corners(box)) == len(corners(on_paper))
        on_box = [m for m in drawn if m.tag != "text"][1:]
        assert len(on_box) == node.ablated + 2 * node.pinned
        for mark in on_box:
            assert mark.look in {other.look for other in marks}
        n_marks += len(on_box)
        styles.add(node.style)
    assert n_marks == len(marks) > 0
    wanted = {"head", "mlp", "end"} if state.groups else {
        "token", "position", "head", "bare", "bias", "neuron", "feature-a", "error", "feature-m", "skip", "logit",
    }  # fmt: skip
    assert styles == wanted


def corners(mark: Mark) -> set[tuple[float, float]]:
    """The corners of a polygon; none of a box with round corners."""
    if mark.tag == "rect" or "C" in mark.given.get("d", ""):
        return set()
    return {tuple(point) for point in mark.points.round(2).tolist()}


def test_groups_have_one_look(items: SceneItems, state: State, edge_colours: str, tmp_path: Path) -> None:
    body, _ = exported(state, tmp_path / "a.svg", edge_colours)
    drawn = painted(lambda painter: items.frames_item.paint(painter, QStyleOptionGraphicsItem()))
    drawn += painted(items.frames_item.paint_names)
    line = {m.given["stroke"] for m in drawn if m.tag == "path" and m.given["fill"] == "none"}
    fill = {m.given["fill"] for m in drawn if m.tag == "path" and m.given["fill"] != "none"}
    assert len(line) == len(fill) == len(items.geometry.scene.frames) == bool(state.groups)
    assert fill == {
        m.given["fill"] for m in body if m.role.startswith("frame") and not m.role.endswith("line")
    }
    assert line == {m.given["fill"] for m in body if m.role.startswith("frame") and m.role.endswith("line")}
    name = {(m.text, m.given["fill"]) for m in drawn if m.tag == "text"}
    assert name <= {(m.text, m.given["fill"]) for m in body if m.tag == "text"}


def test_the_windows_legend_is_in_the_figures(
    items: SceneItems, state: State, edge_colours: str, tmp_path: Path
) -> None:
    """The same words for the same colours."""
    _, legend = exported(state, tmp_path / "a.svg", edge_colours)
    entries = items.legend_entries(items.geometry.scene, items.theme)
    area = items.view.rect().toRectF().topLeft()
    drawn = painted(lambda painter: paint_legend(painter, entries, items.theme, area, 5000.0))
    on_screen, on_paper = explained(drawn), explained(legend)
    assert on_screen and on_screen.items() <= on_paper.items()


def explained(legend: list[Mark]) -> dict[str, frozenset[str]]:
    """The colours of the samples before each text."""
    found, colours = {}, set[str]()
    for mark in legend:
        if mark.tag == "text":
            found[mark.text], colours = frozenset(colours), set()
        else:
            colours |= {mark.given["fill"], mark.given.get("stroke", "none")} - {"none"}
    return found
