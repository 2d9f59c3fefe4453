"""From one layout to the next: nodes move, the selection stays."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from PySide6.QtTest import QTest
from pytestqt.qtbot import QtBot

from circuitviz.canvas.picture import CircuitPicture, picture_of
from circuitviz.canvas.spreading import spread_picture
from circuitviz.canvas.theme import DARK, LIGHT
from circuitviz.canvas.view import CircuitView
from circuitviz.graph import Graph, Scores, Shape
from circuitviz.graph.opened import opened_graph
from circuitviz.session import State, collapse, expand, group_nodes

GRAPH = Graph.transformer(Shape(4, 8, 128))
SCORES = Scores(GRAPH, np.random.default_rng(3).normal(size=GRAPH.mask.shape), "eap")
STATE = State(None, SCORES, SCORES.greedy(80))


@pytest.fixture
def view(qtbot: QtBot) -> CircuitView:
    made = CircuitView()
    qtbot.addWidget(made)
    made.resize(900, 700)
    made.set_theme(LIGHT)
    made.show()
    made.show_circuit(picture_of(STATE))
    return made


def places(picture: CircuitPicture) -> np.ndarray:
    return np.array([(node.x, node.y) for node in picture.nodes])


def test_nodes_move_to_the_next_layout_and_stay_selected(view: CircuitView, qtbot: QtBot) -> None:
    view.select({"logits", "a1.h1"} & set(view.picture.by_name))
    chosen, start = view.nodes, places(view.picture)
    seen: list[np.ndarray] = []
    view.motion._clock.valueChanged.connect(lambda _: seen.append(places(view.stage.geometry.picture)))
    view.show_circuit(picture_of(STATE, "grid"))
    wanted = view.picture
    assert view.motion.running and spread_picture(picture_of(STATE, "grid"), view.spreading.spread) == wanted
    qtbot.waitUntil(lambda: not view.motion.running and view.stage.is_sharp)
    assert np.array_equal(places(view.stage.geometry.picture), places(wanted))
    assert view.nodes == chosen
    between = [at for at in seen if not np.allclose(at, start) and not np.allclose(at, places(wanted))]
    assert between
    far = np.abs(start - places(wanted)).sum()
    assert all(np.abs(at - places(wanted)).sum() < far for at in between)
    room = view.viewport().rect()
    assert all(room.contains(view.place_of(name)) for name in view.picture.by_name)


@pytest.mark.parametrize("way", ["into the box", "out of the box"])
def test_nodes_go_into_boxes_and_come_out_of_them(view: CircuitView, qtbot: QtBot, way: str) -> None:
    members = [n for n in STATE.circuit.node_names if n.startswith("a1.")]  # type: ignore[union-attr]
    opened = group_nodes("G", frozenset(members)).change(STATE)
    states = [opened, collapse(["G"]).change(opened)]
    if way == "out of the box":
        states = [states[1], expand(["G"]).change(states[1])]
    first, last = map(picture_of, states)
    view.show_circuit(first)
    qtbot.waitUntil(lambda: not view.motion.running and view.stage.is_sharp, timeout=20_000)
    first = view.picture
    view.select({"logits"})
    seen: list[CircuitPicture] = []
    view.motion._clock.valueChanged.connect(lambda _: seen.append(view.stage.geometry.picture))
    view.show_circuit(last)
    assert view.motion.running and view.picture.by_name.keys() == last.by_name.keys()
    last = view.picture
    qtbot.waitUntil(lambda: not view.motion.running and view.stage.is_sharp, timeout=20_000)
    assert view.stage.geometry.picture is last and view.nodes == {"logits"}
    box = (first if way == "out of the box" else last).by_name["G"]
    apart = [
        sum(abs(picture.by_name[m].x - box.x) + abs(picture.by_name[m].y - box.y) for m in members)
        for picture in seen
        if members[0] in picture.by_name
    ]
    assert len(apart) > 1 and apart == sorted(apart, reverse=way == "into the box")
    assert apart[0] != apart[-1]
    hidden = picture_of(replace(states[1], sight=replace(states[1].sight, hidden_kinds=frozenset({"mlp"}))))
    view.show_circuit(hidden)
    assert not view.motion.running  # what is filtered away does not fly


def test_another_theme_on_the_way_shows_where_things_come_to_lie(view: CircuitView, qtbot: QtBot) -> None:
    view.show_circuit(picture_of(STATE, "grid"))
    wanted = view.picture
    assert view.motion.running
    view.set_theme(DARK)
    assert not view.motion.running and view.stage.geometry.picture is wanted
    room, bounds = view.free_area, view.stage.geometry.bounds
    shown = view.viewportTransform().mapRect(bounds)
    assert room.adjusted(-1, -1, 1, 1).contains(shown)
    wide, high = shown.width() / room.width(), shown.height() / room.height()
    assert max(wide, high) > 0.9  # and is not framed for what was on the way
    qtbot.waitUntil(lambda: view.stage.is_sharp, timeout=20_000)


def test_another_circuit_does_not_fly_in(view: CircuitView) -> None:
    view.show_circuit(picture_of(State(None, SCORES, SCORES.greedy(30))))
    assert not view.motion.running


def test_taking_hold_of_a_node_ends_the_movement(view: CircuitView) -> None:
    view.show_circuit(picture_of(STATE, "grid"))
    wanted = view.picture
    view.move_nodes({"logits": (5.0, 900.0)})
    assert not view.motion.running
    QTest.qWait(30)
    shown = view.stage.geometry.picture
    assert (shown.by_name["logits"].x, shown.by_name["logits"].y) == (5.0, 900.0)
    others = [n for n in shown.nodes if n.name != "logits"]
    assert all((n.x, n.y) == (wanted.by_name[n.name].x, wanted.by_name[n.name].y) for n in others)


def test_features_come_out_of_the_heads_of_their_site_and_go_back(view: CircuitView, qtbot: QtBot) -> None:
    graph = opened_graph(GRAPH.shape, {"a1": [3, 5, 8]}, {})
    values = np.random.default_rng(4).normal(size=graph.mask.shape)
    opened = picture_of(State(None, scores := Scores(graph, values, "eap"), scores.greedy(200)))
    features = [name for name in opened.by_name if name.startswith("a1.f")]
    assert features
    heads = [node for node in view.picture.nodes if node.name.startswith("a1.")]
    seen: list[CircuitPicture] = []
    view.motion._clock.valueChanged.connect(lambda _: seen.append(view.stage.geometry.picture))
    view.show_circuit(opened)
    assert view.motion.running
    qtbot.waitUntil(lambda: not view.motion.running and view.stage.is_sharp, timeout=20_000)
    assert view.picture.by_name.keys() == opened.by_name.keys()
    assert np.array_equal(places(view.stage.geometry.picture), places(view.picture))
    middle = np.mean([(node.x, node.y) for node in heads], axis=0)
    for name in features:  # the first frame is the nearest to where they came from
        way = [np.hypot(*(np.array([p.by_name[name].x, p.by_name[name].y]) - middle)) for p in seen]
        assert way == sorted(way)
    view.show_circuit(picture_of(STATE))
    assert view.motion.running
