"""Layers are numbered at the edge: beside their rows, apart from each other, in sight however one scrolls."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from PySide6.QtCore import QPoint, QRectF
from PySide6.QtGui import QPainter
from PySide6.QtTest import QTest
from pytestqt.qtbot import QtBot

from circuitviz.canvas import layer_axis
from circuitviz.canvas.circuit_view import CircuitView
from circuitviz.canvas.layer_axis import MIN_SPACING_PX, labelled_layers, layer_axis_width
from circuitviz.document import State
from circuitviz.graph import Graph, ModelShape, Scores
from circuitviz.paint.circuit_painter import node_box
from circuitviz.scene.build_scene import build_scene
from circuitviz.scene.circuit_scene import CircuitScene
from circuitviz.scene.theme import THEMES


def scene(layers: int, edges: int = 300) -> CircuitScene:
    graph = Graph.transformer(ModelShape(layers, 6, 64))
    scores = Scores(graph, np.random.default_rng(layers).normal(size=graph.mask.shape), "eap")
    return build_scene(State(None, scores, scores.greedy(edges)))


@pytest.fixture(params=["light", "dark"])
def view(qtbot: QtBot, request: pytest.FixtureRequest) -> CircuitView:
    made = CircuitView()
    qtbot.addWidget(made)
    made.resize(700, 480)
    made.set_theme(THEMES[request.param])
    made.show()
    return made


def numbers(view: CircuitView, monkeypatch: pytest.MonkeyPatch) -> dict[int, tuple[float, bool]]:
    """Numbers that are written: the middle of each in the viewport, and whether it is bold."""
    found: dict[int, tuple[float, bool]] = {}

    class Painter:
        def __init__(self, painter: QPainter) -> None:
            self.painter = painter

        def drawText(self, rect: QRectF, flags: object, text: str) -> None:  # noqa: N802 - Qt's name
            self.painter.drawText(rect, flags, text)
            if text.isdigit():
                found[int(text)] = rect.center().y(), self.painter.font().bold()

        def __getattr__(self, name: str) -> object:
            return getattr(self.painter, name)

    paint = layer_axis.paint_layer_axis
    with monkeypatch.context() as patched:
        patched.setattr(
            "circuitviz.canvas.foreground.paint_layer_axis",
            lambda painter, *rest: paint(Painter(painter), *rest),
        )
        view.grab()
    return found


def test_numbers_stand_beside_their_rows_and_no_box_below_them(
    view: CircuitView, monkeypatch: pytest.MonkeyPatch
) -> None:
    view.show_scene(scene(12))
    found = numbers(view, monkeypatch)
    assert len(found) >= 10
    by_name, to_view = view.circuit_scene.by_name, view.viewportTransform()
    for layer, (y, _) in found.items():
        heads = [node for name, node in by_name.items() if name.startswith(f"a{layer}.")]
        assert not heads or any(abs(view.viewport_position(node.name).y() - y) <= 1.5 for node in heads), (
            layer
        )
    assert min(to_view.mapRect(node_box(node)).left() for node in by_name.values()) > layer_axis_width(
        view.circuit_scene
    )


@pytest.mark.parametrize("layers", [30, 100])
def test_numbers_are_thinned_where_rows_are_dense_and_stay_in_sight(
    view: CircuitView, monkeypatch: pytest.MonkeyPatch, layers: int
) -> None:
    view.show_scene(scene(layers, 900))
    for shift in (0, -60, -60):
        view.pan_by(QPoint(-30, shift))
        ys = sorted(y for y, _ in numbers(view, monkeypatch).values())
        assert len(ys) > 2 and min(b - a for a, b in itertools.pairwise(ys)) >= MIN_SPACING_PX - 1e-6
    view.fit(show_all=True)
    assert len(labelled_layers(view.circuit_scene, view.zoom)) < layers


def test_the_layer_under_the_pointer_stands_out(view: CircuitView, monkeypatch: pytest.MonkeyPatch) -> None:
    view.show_scene(scene(30))
    node = next(node for node in view.circuit_scene.nodes if node.layer == 13)
    view.scroll_to_node(node.name)
    at = view.viewport_position(node.name)
    QTest.mouseMove(view.viewport(), at - QPoint(3, 2))
    QTest.mouseMove(view.viewport(), at)
    found = numbers(view, monkeypatch)
    assert found[13][1] and not any(bold for layer, (_, bold) in found.items() if layer != 13)
    edge = next(edge for edge in view.circuit_scene.edges if edge.sender == node.name)
    view.set_hover(edge.name)  # both ends
    assert next(layer for layer, (_, bold) in numbers(view, monkeypatch).items() if bold) == 13


def test_one_layer_needs_no_axis(view: CircuitView) -> None:
    assert layer_axis_width(scene(1, 20)) == 0.0 == layer_axis_width(CircuitScene())
