"""Gestures are found by walking, and each does what it says under a real mouse."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from PySide6.QtCore import QPoint, QPointF, Qt
from PySide6.QtGui import QWheelEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from circuitviz.canvas.circuit_view import CircuitView
from circuitviz.canvas.gestures import gestures
from circuitviz.document import State
from circuitviz.graph import Graph, ModelShape, Scores
from circuitviz.scene.build_scene import build_scene
from circuitviz.scene.theme import LIGHT

GRAPH = Graph.transformer(ModelShape(4, 8, 128))
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
    made.show_scene(build_scene(STATE), "showing")
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
    assert gestures.import_errors == {}
    assert len(view._gestures) == len(names)


def test_dragging_a_selected_node_takes_the_selection_along_in_one_step(view: CircuitView) -> None:
    heads = [n.name for n in view.circuit_scene.nodes if n.name.startswith("a")][:3]
    view.select(set(heads))
    before = {name: view.viewport_position(name) for name in view.circuit_scene.by_name}
    moved: list[dict[str, tuple[float, float]]] = []
    view.nodes_moved.connect(moved.append)
    drag(view, before[heads[0]], QPoint(60, 24))
    assert len(moved) == 1 and set(moved[0]) == set(heads)
    for name, place in before.items():
        wanted = place + QPoint(60, 24) if name in heads else place
        assert (view.viewport_position(name) - wanted).manhattanLength() <= 3, name
    assert view.selected_nodes == set(heads)


def test_the_middle_button_pans_even_from_a_node(view: CircuitView) -> None:
    node = view.circuit_scene.nodes[3].name
    before, start = view.viewport_position("logits"), view.viewport_position(node)
    drag(view, start, QPoint(30, 40), MIDDLE)
    assert (view.viewport_position("logits") - before - QPoint(30, 40)).manhattanLength() <= 3
    assert (view.viewport_position(node) - start - QPoint(30, 40)).manhattanLength() <= 3


def test_a_trembling_click_is_a_click(view: CircuitView) -> None:
    moved: list[object] = []
    view.nodes_moved.connect(moved.append)
    node = view.circuit_scene.nodes[3].name
    drag(view, view.viewport_position(node), QPoint(2, 1))
    assert view.selected_nodes == {node} and not moved


def test_control_click_takes_away_again(view: CircuitView) -> None:
    node = view.circuit_scene.nodes[3].name
    view.select({node, "logits"})
    control = Qt.KeyboardModifier.ControlModifier
    QTest.mouseClick(view.viewport(), LEFT, control, view.viewport_position(node))
    assert view.selected_nodes == {"logits"}


@pytest.mark.parametrize("is_horizontal", [False, True])
def test_the_wheel_zooms_and_with_shift_scrolls_along_the_layers(
    view: CircuitView, qtbot: QtBot, is_horizontal: bool
) -> None:
    view.show_scene(replace(build_scene(STATE), is_horizontal=is_horizontal))
    qtbot.waitUntil(lambda: not view.animation.is_running)
    at = QPointF(view.viewport().rect().center())

    def turn(notches: int, keys: Qt.KeyboardModifier) -> None:
        event = QWheelEvent(
            at,
            QPointF(view.viewport().mapToGlobal(at.toPoint())),
            QPoint(),
            QPoint(0, 120 * notches),
            Qt.MouseButton.NoButton,
            keys,
            Qt.ScrollPhase.NoScrollPhase,
            False,
        )
        QApplication.sendEvent(view.viewport(), event)

    zoom, before = view.zoom, view.viewport_position("logits")
    turn(2, Qt.KeyboardModifier.ShiftModifier)
    moved = view.viewport_position("logits") - before
    assert view.zoom == zoom
    assert (moved.x() > 60 and moved.y() == 0) if is_horizontal else (moved.y() > 60 and moved.x() == 0)
    turn(1, Qt.KeyboardModifier.NoModifier)
    assert view.zoom > zoom
