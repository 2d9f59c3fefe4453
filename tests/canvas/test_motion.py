"""From one layout to the next: nodes move, the selection stays."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from PySide6.QtTest import QTest
from pytestqt.qtbot import QtBot

from circuitviz.canvas.aspect_fitter import transform_scene
from circuitviz.canvas.circuit_view import CircuitView
from circuitviz.document import State, collapse_groups, expand_groups, group_nodes
from circuitviz.graph import Graph, ModelShape, Scores
from circuitviz.graph.feature_sites import graph_with_features
from circuitviz.scene.build_scene import build_scene
from circuitviz.scene.circuit_scene import CircuitScene
from circuitviz.scene.theme import DARK, LIGHT

GRAPH = Graph.transformer(ModelShape(4, 8, 128))
SCORES = Scores(GRAPH, np.random.default_rng(3).normal(size=GRAPH.mask.shape), "eap")
STATE = State(None, SCORES, SCORES.greedy(80))


@pytest.fixture
def view(qtbot: QtBot) -> CircuitView:
    made = CircuitView()
    qtbot.addWidget(made)
    made.resize(900, 700)
    made.set_theme(LIGHT)
    made.show()
    made.show_scene(build_scene(STATE))
    return made


def places(picture: CircuitScene) -> np.ndarray:
    return np.array([(node.x, node.y) for node in picture.nodes])


def test_nodes_move_to_the_next_layout_and_stay_selected(view: CircuitView, qtbot: QtBot) -> None:
    view.select({"logits", "a1.h1"} & set(view.circuit_scene.by_name))
    chosen, start = view.selected_nodes, places(view.circuit_scene)
    seen: list[np.ndarray] = []
    view.animation._animation.valueChanged.connect(
        lambda _: seen.append(places(view.scene_items.geometry.scene))
    )
    view.show_scene(build_scene(STATE, "grid"))
    wanted = view.circuit_scene
    assert (
        view.animation.is_running
        and transform_scene(build_scene(STATE, "grid"), view.aspect_fitter.transform) == wanted
    )
    qtbot.waitUntil(lambda: not view.animation.is_running and view.scene_items.is_sharp)
    assert np.array_equal(places(view.scene_items.geometry.scene), places(wanted))
    assert view.selected_nodes == chosen
    between = [at for at in seen if not np.allclose(at, start) and not np.allclose(at, places(wanted))]
    assert between
    far = np.abs(start - places(wanted)).sum()
    assert all(np.abs(at - places(wanted)).sum() < far for at in between)
    room = view.viewport().rect()
    assert all(room.contains(view.viewport_position(name)) for name in view.circuit_scene.by_name)


@pytest.mark.parametrize("way", ["into the box", "out of the box"])
def test_nodes_go_into_boxes_and_come_out_of_them(view: CircuitView, qtbot: QtBot, way: str) -> None:
    members = [n for n in STATE.circuit.node_names if n.startswith("a1.")]  # type: ignore[union-attr]
    opened = group_nodes("G", frozenset(members)).transform(STATE)
    states = [opened, collapse_groups(["G"]).transform(opened)]
    if way == "out of the box":
        states = [states[1], expand_groups(["G"]).transform(states[1])]
    first, last = map(build_scene, states)
    view.show_scene(first)
    qtbot.waitUntil(lambda: not view.animation.is_running and view.scene_items.is_sharp, timeout=20_000)
    first = view.circuit_scene
    view.select({"logits"})
    seen: list[CircuitScene] = []
    view.animation._animation.valueChanged.connect(lambda _: seen.append(view.scene_items.geometry.scene))
    view.show_scene(last)
    assert view.animation.is_running and view.circuit_scene.by_name.keys() == last.by_name.keys()
    last = view.circuit_scene
    qtbot.waitUntil(lambda: not view.animation.is_running and view.scene_items.is_sharp, timeout=20_000)
    assert view.scene_items.geometry.scene is last and view.selected_nodes == {"logits"}
    box = (first if way == "out of the box" else last).by_name["G"]
    apart = [
        sum(abs(picture.by_name[m].x - box.x) + abs(picture.by_name[m].y - box.y) for m in members)
        for picture in seen
        if members[0] in picture.by_name
    ]
    assert len(apart) > 1 and apart == sorted(apart, reverse=way == "into the box")
    assert apart[0] != apart[-1]
    hidden = build_scene(
        replace(states[1], filters=replace(states[1].filters, hidden_kinds=frozenset({"mlp"})))
    )
    view.show_scene(hidden)
    assert not view.animation.is_running  # what is filtered away does not fly


def test_another_theme_on_the_way_shows_where_things_come_to_lie(view: CircuitView, qtbot: QtBot) -> None:
    view.show_scene(build_scene(STATE, "grid"))
    wanted = view.circuit_scene
    assert view.animation.is_running
    view.set_theme(DARK)
    assert not view.animation.is_running and view.scene_items.geometry.scene is wanted
    room, bounds = view.free_area, view.scene_items.geometry.bounds
    shown = view.viewportTransform().mapRect(bounds)
    assert room.adjusted(-1, -1, 1, 1).contains(shown)
    wide, high = shown.width() / room.width(), shown.height() / room.height()
    assert max(wide, high) > 0.9  # and is not framed for what was on the way
    qtbot.waitUntil(lambda: view.scene_items.is_sharp, timeout=20_000)


def test_another_circuit_does_not_fly_in(view: CircuitView) -> None:
    view.show_scene(build_scene(State(None, SCORES, SCORES.greedy(30))))
    assert not view.animation.is_running


def test_taking_hold_of_a_node_ends_the_movement(view: CircuitView) -> None:
    view.show_scene(build_scene(STATE, "grid"))
    wanted = view.circuit_scene
    view.move_nodes({"logits": (5.0, 900.0)})
    assert not view.animation.is_running
    QTest.qWait(30)
    shown = view.scene_items.geometry.scene
    assert (shown.by_name["logits"].x, shown.by_name["logits"].y) == (5.0, 900.0)
    others = [n for n in shown.nodes if n.name != "logits"]
    assert all((n.x, n.y) == (wanted.by_name[n.name].x, wanted.by_name[n.name].y) for n in others)


def test_features_come_out_of_the_heads_of_their_site_and_go_back(view: CircuitView, qtbot: QtBot) -> None:
    graph = graph_with_features(GRAPH.shape, {"a1": [3, 5, 8]}, {})
    values = np.random.default_rng(4).normal(size=graph.mask.shape)
    opened = build_scene(State(None, scores := Scores(graph, values, "eap"), scores.greedy(200)))
    features = [name for name in opened.by_name if name.startswith("a1.f")]
    assert features
    heads = [node for node in view.circuit_scene.nodes if node.name.startswith("a1.")]
    seen: list[CircuitScene] = []
    view.animation._animation.valueChanged.connect(lambda _: seen.append(view.scene_items.geometry.scene))
    view.show_scene(opened)
    assert view.animation.is_running
    qtbot.waitUntil(lambda: not view.animation.is_running and view.scene_items.is_sharp, timeout=20_000)
    assert view.circuit_scene.by_name.keys() == opened.by_name.keys()
    assert np.array_equal(places(view.scene_items.geometry.scene), places(view.circuit_scene))
    middle = np.mean([(node.x, node.y) for node in heads], axis=0)
    for name in features:  # the first frame is the nearest to where they came from
        way = [np.hypot(*(np.array([p.by_name[name].x, p.by_name[name].y]) - middle)) for p in seen]
        assert way == sorted(way)
    view.show_scene(build_scene(STATE))
    assert view.animation.is_running
