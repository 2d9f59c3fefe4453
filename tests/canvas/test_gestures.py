"""Gestures are found by walking, and each does what it says under a real mouse."""

from __future__ import annotations

import numpy as np
import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtTest import QTest
from pytestqt.qtbot import QtBot

from circuitviz.canvas.gestures import gestures
from circuitviz.canvas.picture import picture_of
from circuitviz.canvas.theme import LIGHT
from circuitviz.canvas.view import CircuitView
from circuitviz.graph import Graph, Scores, Shape
from circuitviz.session import State

GRAPH = Graph.transformer(Shape(4, 8, 128))
SCORES = Scores(GRAPH, np.random.default_rng(3).normal(size=GRAPH.mask.shape), "eap")
STATE = State(None, SCORES, SCORES.greedy(80))
LEFT, MIDDLE = Qt.MouseButton.LeftButton, Qt.MouseButton.MiddleButton


@pytest.fixture
def view(qtbot: QtBot) -> CircuitView:
    made = CircuitView()
    qtbot.addWidget(made)
    made.resize(900, 700)
    made.set_theme(LIGHT)
    made.show()
    made.show_circuit(picture_of(STATE), "showing")
    return made


def drag(view: CircuitView, start: QPoint, by: QPoint, button: Qt.MouseButton = LEFT) -> None:
    port = view.viewport()
    QTest.mousePress(port, button, pos=start)
    for step in range(1, 5):
        QTest.mouseMove(port, start + by * step / 4)
    QTest.mouseRelease(port, button, pos=start + by)


def test_every_file_is_a_gesture_and_none_is_broken(view: CircuitView) -> None:
    names = set(gestures.names())
    assert {"band", "click", "drag", "hover", "pan", "walk", "zoom"} <= names
    assert gestures.broken == {}
    assert len(view._gestures) == len(names)


def test_dragging_a_selected_node_takes_the_selection_along_in_one_step(view: CircuitView) -> None:
    heads = [n.name for n in view.picture.nodes if n.name.startswith("a")][:3]
    view.select(set(heads))
    before = {name: view.place_of(name) for name in view.picture.by_name}
    moved: list[dict[str, tuple[float, float]]] = []
    view.node_moved.connect(moved.append)
    drag(view, before[heads[0]], QPoint(60, 24))
    assert len(moved) == 1 and set(moved[0]) == set(heads)
    for name, place in before.items():
        wanted = place + QPoint(60, 24) if name in heads else place
        assert (view.place_of(name) - wanted).manhattanLength() <= 3, name
    assert view.nodes == set(heads)


def test_the_middle_button_pans_even_from_a_node(view: CircuitView) -> None:
    node = view.picture.nodes[3].name
    before, start = view.place_of("logits"), view.place_of(node)
    drag(view, start, QPoint(30, 40), MIDDLE)
    assert (view.place_of("logits") - before - QPoint(30, 40)).manhattanLength() <= 3
    assert (view.place_of(node) - start - QPoint(30, 40)).manhattanLength() <= 3


def test_a_trembling_click_is_a_click(view: CircuitView) -> None:
    moved: list[object] = []
    view.node_moved.connect(moved.append)
    node = view.picture.nodes[3].name
    drag(view, view.place_of(node), QPoint(2, 1))
    assert view.nodes == {node} and not moved


def test_control_click_takes_away_again(view: CircuitView) -> None:
    node = view.picture.nodes[3].name
    view.select({node, "logits"})
    control = Qt.KeyboardModifier.ControlModifier
    QTest.mouseClick(view.viewport(), LEFT, control, view.place_of(node))
    assert view.nodes == {"logits"}
