"""A prompt of hundreds of features is in sight as a whole, its strongest features with names."""

from __future__ import annotations

from dataclasses import replace
from itertools import combinations

import pytest
from prompt_scenes import prompt, prompt_state
from PySide6.QtCore import QPoint, QPointF, QRectF, QSizeF, Qt
from PySide6.QtTest import QTest
from pytestqt.qtbot import QtBot

from circuitviz.canvas.aspect_fitter import AspectFitter
from circuitviz.canvas.circuit_view import CircuitView
from circuitviz.canvas.foreground import tagged_nodes
from circuitviz.document import group_nodes
from circuitviz.paint.circuit_painter import has_written_name, node_box
from circuitviz.scene.build_scene import build_scene
from circuitviz.scene.circuit_scene import CircuitScene
from circuitviz.scene.theme import LIGHT

CROWD = prompt(16, 700, 12)


@pytest.fixture(params=[False, True], ids=["upwards", "to the right"])
def view(qtbot: QtBot, request: pytest.FixtureRequest) -> CircuitView:
    made = CircuitView()
    qtbot.addWidget(made)
    made.resize(935, 680)
    made.set_theme(LIGHT)
    made.show()
    made.show_scene(replace(CROWD, is_horizontal=request.param))
    return made


def named(view: CircuitView) -> set[str]:
    return {node.name for node in view.circuit_scene.nodes if has_written_name(node, view.zoom)}


def test_all_of_it_is_in_sight_and_the_strongest_have_names(view: CircuitView) -> None:
    picture, to_view = view.circuit_scene, view.viewportTransform()
    boxes = [to_view.mapRect(node_box(node)) for node in picture.nodes]
    assert all(view.free_area.contains(box) for box in boxes) and view.overview.rect.isEmpty()
    assert len(named(view)) > 240
    assert min(min(box.width(), box.height()) for box in boxes) > 7  # can be hit
    for a, b in combinations(boxes, 2):
        assert not a.intersects(b)
    spans = [(column.left, column.right) for column in picture.columns]
    for node in picture.nodes:
        left, right = spans[int(node.name.partition("@")[2])]
        assert left <= (-node.y if picture.is_horizontal else node.x) <= right


def test_a_small_box_has_its_name_beside_it_under_the_pointer_and_in_it_from_near(view: CircuitView) -> None:
    small = next(node for node in view.circuit_scene.nodes if node.is_small)
    assert small.name not in named(view)
    QTest.mouseMove(view.viewport(), QPoint(5, 5))
    QTest.mouseMove(view.viewport(), view.viewport_position(small.name))
    assert view.hovered_name == small.name and tagged_nodes(view) == [small.name]
    view.zoom_by(5.0, QPointF(view.viewport_position(small.name)))
    assert small.name in named(view) and tagged_nodes(view) == []


def test_what_is_dragged_away_is_told_in_the_layouts_units_and_the_rest_stays(view: CircuitView) -> None:
    moved: list[dict[str, tuple[float, float]]] = []
    view.nodes_moved.connect(moved.append)
    before = {node.name: (node.x, node.y) for node in view.circuit_scene.nodes}
    (chosen,) = [node for node in view.circuit_scene.nodes if node.name.startswith("logit")]
    at = view.viewport_position(chosen.name)
    target = at + (QPoint(-30, -40) if view.circuit_scene.is_horizontal else QPoint(-60, 0))
    QTest.mousePress(view.viewport(), Qt.MouseButton.LeftButton, pos=at)
    QTest.mouseMove(view.viewport(), (at + target) / 2)
    QTest.mouseMove(view.viewport(), target)
    QTest.mouseRelease(view.viewport(), Qt.MouseButton.LeftButton, pos=target)
    place = moved[-1][chosen.name]
    picture = replace(
        CROWD,
        nodes=tuple(replace(n, x=place[0], y=place[1]) if n.name == chosen.name else n for n in CROWD.nodes),
        user_positioned=frozenset({chosen.name}),
        is_horizontal=view.circuit_scene.is_horizontal,
    )
    view.show_scene(picture)
    for node in view.circuit_scene.nodes:
        if node.name != chosen.name:
            assert (node.x, node.y) == before[node.name]
    off = view.viewport_position(chosen.name) - target
    assert max(abs(off.x()), abs(off.y())) <= 2


def test_a_moved_node_is_as_large_as_the_packed_ones(view: CircuitView) -> None:
    moved = CROWD.nodes[len(CROWD.nodes) // 2]
    assert any(node.box is not None and not node.is_small for node in view.circuit_scene.nodes)
    turned = view.circuit_scene.is_horizontal
    view.show_scene(CircuitScene())  # another document, and back
    view.show_scene(replace(CROWD, user_positioned=frozenset({moved.name}), is_horizontal=turned))
    boxes = {node.name: node.box for node in view.circuit_scene.nodes}
    assert boxes.pop(moved.name) in [box for box in boxes.values() if box is not None]


def test_labels_and_filters_move_nothing_and_a_smaller_view_scrolls_with_names(view: CircuitView) -> None:
    before = {node.name: (node.x, node.y) for node in view.circuit_scene.nodes}
    kept = tuple(replace(n, label="a label") if n.layer == 3 else n for n in CROWD.nodes[::2])
    part = replace(CROWD, nodes=kept, edges=CROWD.edges[:0], is_horizontal=view.circuit_scene.is_horizontal)
    view.show_scene(part)
    assert {node.name: (node.x, node.y) for node in view.circuit_scene.nodes} == {
        node.name: before[node.name] for node in kept
    }
    view.show_scene(replace(CROWD, is_horizontal=view.circuit_scene.is_horizontal))
    view.resize(560, 420)
    free = QRectF(view.free_area)
    seen = [n for n in named(view) if free.contains(QPointF(view.viewport_position(n)))]
    assert len(named(view)) == len(CROWD.nodes) and len(seen) > 60
    assert not view.overview.rect.isEmpty()


@pytest.mark.parametrize("size", [(935, 680), (1800, 1300)])
def test_the_box_of_a_group_has_its_name_in_the_cell_of_its_middle_node(
    view: CircuitView, size: tuple[int, int]
) -> None:
    members = frozenset(node.name for node in CROWD.nodes if node.name.startswith("m5.") and node.x > 0)
    state = group_nodes("Late", members, collapsed=True).transform(prompt_state(16, 700, 12))
    picture = build_scene(state, "tokens")
    view.resize(*size)
    view.show_scene(replace(picture, is_horizontal=view.circuit_scene.is_horizontal))
    view.fit()
    group = view.circuit_scene.by_name["Late"]
    assert group.members and group.box is not None and "Late" in named(view)
    boxes = [node_box(node) for node in view.circuit_scene.nodes]
    for a, b in combinations(boxes, 2):
        assert not a.intersects(b)


@pytest.mark.parametrize("count", [40, 700])
def test_a_node_that_is_moved_back_has_a_place_again(count: int) -> None:
    """What was moved by hand when the nodes were packed has no place among them yet."""
    picture = prompt(16, count, 12)
    name = next(node.name for node in picture.nodes if node.name.startswith("logit"))
    fitter = AspectFitter()
    fitter.fit_scene(replace(picture, user_positioned=frozenset({name})), QSizeF(935, 680), is_new=True)
    shown = fitter.fit_scene(picture, QSizeF(935, 680), is_new=False)
    boxes = {node.name: node_box(node) for node in shown.nodes}
    assert not any(boxes[name].intersects(box) for other, box in boxes.items() if other != name)
