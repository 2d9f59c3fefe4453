"""Layers from left to right: the same circuit, turned, in every layout; nothing of the document changes."""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache
from itertools import combinations

import numpy as np
import pytest
from prompt_scenes import LONG
from PySide6.QtCore import QPoint, QPointF, Qt
from PySide6.QtGui import QFontMetricsF, QGuiApplication
from PySide6.QtTest import QTest
from pytestqt.qtbot import QtBot

from circuitviz.canvas.circuit_view import CircuitView
from circuitviz.canvas.foreground import tagged_nodes
from circuitviz.canvas.layer_axis import layer_axis_height, layer_axis_width
from circuitviz.canvas.token_axis import (
    labelled_columns,
    token_axis_height,
    token_axis_rect,
    token_axis_width,
)
from circuitviz.document import State
from circuitviz.graph import Graph, ModelShape, NodeKind, Scores
from circuitviz.paint.circuit_painter import (
    LEGIBLE_ZOOM,
    canvas_font,
    has_written_name,
    label_measure,
    label_rect,
    node_box,
)
from circuitviz.scene.build_scene import build_scene
from circuitviz.scene.circuit_scene import CircuitScene
from circuitviz.scene.theme import LIGHT
from circuitviz.shapes.node_shapes import label_lines


@lru_cache
def scene(layers: int, edges: int, layout: str = "layered", is_horizontal: bool = True) -> CircuitScene:
    graph = Graph.transformer(ModelShape(layers, 6, 64))
    scores = Scores(graph, np.random.default_rng(layers).normal(size=graph.mask.shape), "eap")
    return replace(
        build_scene(State(None, scores, scores.greedy(edges)), layout), is_horizontal=is_horizontal
    )


@pytest.fixture
def view(qtbot: QtBot) -> CircuitView:
    made = CircuitView()
    qtbot.addWidget(made)
    made.resize(900, 480)
    made.set_theme(LIGHT)
    made.show()
    return made


@pytest.mark.parametrize("layout", ["layered", "grid"])
def test_depth_goes_to_the_right_and_boxes_stay_apart(view: CircuitView, layout: str) -> None:
    view.show_scene(scene(8, 90, layout))
    by_name = view.circuit_scene.by_name
    for edge in view.circuit_scene.edges:
        low, high = by_name[edge.sender], by_name[edge.receiver]
        assert low.x < high.x or (layout == "grid" and low.layer == high.layer)
    for a, b in combinations(by_name.values(), 2):
        assert not node_box(a).intersects(node_box(b)), (a.name, b.name)
    free = view.free_area.adjusted(0, 0, 0, -layer_axis_height(view.circuit_scene))
    to_view = view.viewportTransform()
    assert view.zoom >= LEGIBLE_ZOOM
    assert all(free.contains(to_view.mapRect(node_box(node))) for node in by_name.values())
    assert layer_axis_width(view.circuit_scene) == 0


@pytest.mark.parametrize("points", [9, 14])
def test_labels_of_twelve_layers_are_written_whole(
    view: CircuitView, points: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In a window of 1280 pixels, in several lines below the names; each line fits its box as it is painted."""
    font = QGuiApplication.font()
    font.setPointSize(points)
    monkeypatch.setattr(QGuiApplication, "font", lambda: font)
    view.resize(935, 680)
    roles = ("Backup Name Mover", "S-Inhibition", "Previous Token", "Duplicate Token")
    names = [node.name for node in scene(12, 120).nodes if node.kind is NodeKind.HEAD]
    assert {int(name[1:].split(".")[0]) for name in names} == set(range(12))
    picture = scene(12, 120)
    nodes = (replace(n, label=roles[i % 4]) if n.name in names else n for i, n in enumerate(picture.nodes))
    view.show_scene(replace(picture, nodes=tuple(nodes)))
    metrics = QFontMetricsF(canvas_font(10, scale=view.zoom))
    for name in names:
        node = view.circuit_scene.by_name[name]
        lines, box = label_lines(node, label_measure()), node_box(node)
        assert " ".join(lines).replace("- ", "-") == node.label
        for line in lines:
            assert metrics.horizontalAdvance(line) <= label_rect(box).width(), line
        assert label_rect(box).height() >= len(lines) * metrics.capHeight() * 1.2
    for a, b in combinations(view.circuit_scene.nodes, 2):
        assert not node_box(a).intersects(node_box(b)), (a.name, b.name)
    assert all(
        view.free_area.contains(view.viewportTransform().mapRect(node_box(node)))
        for node in view.circuit_scene.nodes
    )


def test_edges_leave_at_the_right_and_are_found_where_they_run(view: CircuitView) -> None:
    view.show_scene(scene(8, 60))
    geometry, edges = view.scene_items.geometry, view.circuit_scene.edges
    for row, edge in enumerate(edges):
        sender, receiver = (node_box(view.circuit_scene.by_name[n]) for n in (edge.sender, edge.receiver))
        assert geometry.curves.start[row, 0] == pytest.approx(sender.right())
        assert geometry.curves.end[row, 0] == pytest.approx(receiver.left())
        assert receiver.top() < geometry.curves.end[row, 1] < receiver.bottom()
    points = geometry.curves.points(np.array([len(edges) - 1]), 41)[0]
    places = [view.mapFromScene(QPointF(*point)) for point in points.tolist()]
    assert edges[-1].name in {
        found.name for place in places if not view.node_at(place) and (found := view.edge_at(place))
    }


def test_what_does_not_fit_opens_at_the_logits_with_the_map(view: CircuitView) -> None:
    view.show_scene(scene(60, 500))
    room = view.free_area.toRect()
    assert room.contains(view.viewport_position("logits"))
    assert not view.overview.rect.isEmpty() and view.zoom >= LEGIBLE_ZOOM
    view.fit(show_all=True)
    assert all(room.contains(view.viewport_position(name)) for name in view.circuit_scene.by_name)


def test_arrows_walk_along_the_layers(view: CircuitView) -> None:
    view.show_scene(scene(8, 90))
    view.setFocus()
    QTest.keyClick(view, Qt.Key.Key_Right)
    assert view.selected_nodes == {"logits"}
    QTest.keyClick(view, Qt.Key.Key_Left)
    (name,) = view.selected_nodes
    strongest = max((e for e in view.circuit_scene.edges if e.receiver == "logits"), key=lambda e: e.strength)
    assert name == strongest.sender


def test_a_node_goes_to_one_place_of_the_layout_in_either_orientation(
    view: CircuitView, qtbot: QtBot
) -> None:
    moved: list[dict[str, tuple[float, float]]] = []
    view.nodes_moved.connect(moved.append)
    for is_horizontal in (False, True):
        view.show_scene(scene(8, 90, is_horizontal=is_horizontal))
        qtbot.waitUntil(lambda: not view.animation.is_running)
        names = sorted(name for name in view.circuit_scene.by_name if name.startswith("a"))
        at, target = view.viewport_position(names[0]), view.viewport_position(names[-1])
        QTest.mousePress(view.viewport(), Qt.MouseButton.LeftButton, pos=at)
        QTest.mouseMove(view.viewport(), (at + target) / 2)
        QTest.mouseMove(view.viewport(), target)
        QTest.mouseRelease(view.viewport(), Qt.MouseButton.LeftButton, pos=target)
    first, second = (places[names[0]] for places in moved)
    assert first == pytest.approx(second, abs=4.0)  # a pixel or two of the mouse


def test_tokens_stand_at_the_left_beside_their_nodes(view: CircuitView) -> None:
    view.show_scene(replace(LONG, is_horizontal=True))
    picture, to_view = view.circuit_scene, view.viewportTransform()
    assert token_axis_height(picture, view.zoom) == 0 and token_axis_width(picture) > 20
    there = token_axis_rect(picture, to_view, view.free_area.bottom())
    assert there.left() == 0 and there.width() == token_axis_width(picture)
    assert view.free_area.toRect().contains(view.viewport_position("logit.7@15"))
    for node in picture.nodes:
        position = int(node.name.partition("@")[2])
        column = next(c for c in picture.columns if c is picture.columns[position])
        assert column.left - 1 <= -node.y <= column.right + 1
    for a, b in combinations(picture.nodes, 2):
        assert not node_box(a).intersects(node_box(b)), (a.name, b.name)
    view.fit(show_all=True)
    ys = [
        to_view.m22() * (picture.columns[i].left + picture.columns[i].right) / 2
        for i in labelled_columns(picture, view.zoom)
    ]
    assert len(ys) > 3
    view.pan_by(QPoint(-40, 0))  # the tokens stay
    assert token_axis_rect(picture, view.viewportTransform(), view.free_area.bottom()).left() == 0


@pytest.mark.parametrize("layout", ["layered", "grid"])
def test_all_nodes_of_thirty_layers_are_in_sight_with_names(view: CircuitView, layout: str) -> None:
    view.resize(935, 650)
    view.show_scene(scene(30, 500, layout))
    nodes, to_view = view.circuit_scene.nodes, view.viewportTransform()
    boxes = {node.name: to_view.mapRect(node_box(node)) for node in nodes}
    assert all(view.free_area.contains(box) for box in boxes.values())
    assert all(has_written_name(node, view.zoom) for node in nodes)
    assert not any(a.intersects(b) for a, b in combinations(boxes.values(), 2))
    assert len({node.layer for node in nodes}) > 20 and not view.overview.rect.isValid()


def test_where_no_cell_has_room_for_a_name_the_strongest_are_named_beside_theirs(view: CircuitView) -> None:
    view.show_scene(scene(48, 120, "grid"))
    assert not any(has_written_name(node, view.zoom) for node in view.circuit_scene.nodes)
    assert {"input", "logits"} <= set(tagged_nodes(view))
    pointed_at = next(node.name for node in view.circuit_scene.nodes if node.name not in tagged_nodes(view))
    view.set_hover(pointed_at)
    assert tagged_nodes(view)[-1] == pointed_at


def test_the_map_lies_where_it_covers_no_box(view: CircuitView) -> None:
    view.show_scene(scene(60, 500))
    to_view, place = view.viewportTransform(), view.overview.rect
    assert place.isValid()
    assert not any(place.intersects(to_view.mapRect(node_box(node))) for node in view.circuit_scene.nodes)
    view.pan_by(QPoint(60, 0))
    assert view.overview.rect == place  # what moves under the pointer cannot be used
