"""In a narrow pane the rows of a circuit stand in several lines: all of it is in sight, with names."""

from __future__ import annotations

from dataclasses import replace
from itertools import combinations

import numpy as np
import pytest
from PySide6.QtCore import QPoint, QSizeF, Qt
from PySide6.QtTest import QTest
from pytestqt.qtbot import QtBot

from circuitviz.canvas.circuit_view import CircuitView
from circuitviz.canvas.scene_spread import transform_for_view
from circuitviz.document import State
from circuitviz.graph import Graph, ModelShape, Scores
from circuitviz.layout.layout_transform import LayoutTransform
from circuitviz.paint.circuit_painter import has_written_name, node_box
from circuitviz.scene.build_scene import build_scene
from circuitviz.scene.theme import LIGHT

PANE_SIZE_PX = (345, 700)  # of one of two circuits side by side in a small window with a panel open


@pytest.fixture
def view(qtbot: QtBot) -> CircuitView:
    graph = Graph.transformer(ModelShape(12, 12, 64))
    values = np.random.default_rng(0).normal(size=graph.mask.shape) * graph.mask
    scores = Scores(graph, values, "eap")
    made = CircuitView()
    qtbot.addWidget(made)
    made.setMinimumWidth(240)
    made.resize(*PANE_SIZE_PX)
    made.set_theme(LIGHT)
    made.show()
    made.show_scene(build_scene(State(None, scores, scores.greedy(200))))
    return made


def test_all_nodes_of_a_narrow_pane_are_in_sight_with_names_layer_above_layer(view: CircuitView) -> None:
    nodes, to_view = view.circuit_scene.nodes, view.viewportTransform()
    boxes = {node.name: to_view.mapRect(node_box(node)) for node in nodes}
    assert len(nodes) > 60 and all(has_written_name(node, view.zoom) for node in nodes)
    assert all(view.free_area.contains(box) for box in boxes.values()) and view.overview.rect.isEmpty()
    assert not any(a.intersects(b) for a, b in combinations(boxes.values(), 2))
    heads = [node for node in nodes if node.name.startswith("a")]
    assert len({node.y for node in heads}) > len({node.layer for node in heads})  # several lines
    for a, b in combinations(heads, 2):
        assert a.layer is not None and b.layer is not None
        assert a.layer == b.layer or (a.y < b.y) == (a.layer < b.layer)
    filled = max(box.bottom() for box in boxes.values()) - min(box.top() for box in boxes.values())
    assert filled > 0.85 * view.free_area.height()


def test_what_is_dragged_there_stays_where_it_is_dropped(view: CircuitView, qtbot: QtBot) -> None:
    node = next(node for node in view.circuit_scene.nodes if node.layer == 5)
    start = view.viewport_position(node.name)
    others = {other.name: (other.x, other.y) for other in view.circuit_scene.nodes if other is not node}
    with qtbot.waitSignal(view.nodes_moved):
        QTest.mousePress(view.viewport(), Qt.MouseButton.LeftButton, pos=start)
        QTest.mouseMove(view.viewport(), start + QPoint(15, 15))
        QTest.mouseMove(view.viewport(), start + QPoint(30, 20))
        QTest.mouseRelease(view.viewport(), Qt.MouseButton.LeftButton, pos=start + QPoint(30, 20))
    assert (view.viewport_position(node.name) - start - QPoint(30, 20)).manhattanLength() <= 2
    after = {other.name: (other.x, other.y) for other in view.circuit_scene.nodes if other.name in others}
    assert after == others


def test_rows_are_single_lines_where_the_pane_is_wide(view: CircuitView) -> None:
    view.resize(1280, 800)
    view.fit()
    heads = [node for node in view.circuit_scene.nodes if node.name.startswith("a")]
    assert len({node.y for node in heads}) == len({node.layer for node in heads})


@pytest.mark.parametrize("shows_all", [False, True])
def test_a_circuit_whose_nodes_were_all_moved_by_hand_stays_as_it_is(
    view: CircuitView, shows_all: bool
) -> None:
    moved = replace(view.circuit_scene, user_positioned=frozenset(view.circuit_scene.by_name))
    assert transform_for_view(moved, QSizeF(300.0, 600.0), shows_all) == LayoutTransform()
