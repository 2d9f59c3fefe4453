"""Where one has zoomed stays for a circuit of the same search; another search, model or layout is shown whole."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from opening import LONG
from PySide6.QtCore import QPointF, Qt
from pytestqt.qtbot import QtBot

from circuitviz.document import Document, State
from circuitviz.document.circuit_commands import replace_circuit, select_edges, switch_basis
from circuitviz.document.origin import TaskOrigin
from circuitviz.graph import Circuit, Graph, ModelShape, Node, NodeKind, Scores
from circuitviz.shell.main_window import MainWindow

ORIGIN = TaskOrigin("model", "ab", "ioi", "cd", (), "logit-diff", "corrupted", "eap", prompts=8, seed=1)


def scores(layers: int = 6, seed: int = 0) -> Scores:
    graph = Graph.transformer(ModelShape(layers, 4, 64))
    return Scores(graph, np.random.default_rng(seed).normal(size=graph.mask.shape), "eap")


@pytest.fixture
def zoomed(open_window: Callable[[], MainWindow], qtbot: QtBot) -> MainWindow:
    """A window that shows 60 edges, in which a person has zoomed."""
    window, found = open_window(), scores()
    window.workspace.set_document(Document(State(ORIGIN, found, found.greedy(60))))
    settle(window, qtbot)
    window.view.zoom_by(2.0)
    return window


def settle(window: MainWindow, qtbot: QtBot) -> None:
    qtbot.waitUntil(
        lambda: not window.canvas_updater.is_pending and not window.view.animation.is_running, timeout=LONG
    )


def is_whole(window: MainWindow) -> bool:
    view = window.view
    room = view.free_area.toRect()
    return all(room.contains(view.viewport_position(name)) for name in view.circuit_scene.by_name)


def test_another_number_of_edges_of_one_search_moves_no_camera(zoomed: MainWindow, qtbot: QtBot) -> None:
    zoom, found = zoomed.view.zoom, zoomed.workspace.state.scores
    assert found is not None
    zoomed.workspace.apply_command(select_edges(found.greedy(70), "greedy", 70))
    settle(zoomed, qtbot)
    assert zoomed.view.zoom == zoom and not is_whole(zoomed)


@pytest.mark.parametrize("layers", [6, 9])
def test_another_search_is_shown_whole_and_the_one_before_after_undo(
    zoomed: MainWindow, qtbot: QtBot, layers: int
) -> None:
    other = scores(layers, seed=1)
    origin = replace(ORIGIN, method="eap-ig")
    zoomed.workspace.apply_command(replace_circuit(other.greedy(60), other, origin, "Find"))
    settle(zoomed, qtbot)
    assert is_whole(zoomed)
    zoomed.view.zoom_by(2.0)
    zoomed.workspace.undo_stack.undo()
    settle(zoomed, qtbot)
    assert is_whole(zoomed)


def test_a_site_opened_into_features_moves_neither_camera_nor_the_node_in_the_middle(
    zoomed: MainWindow, qtbot: QtBot
) -> None:
    """The layer's heads give way to features, whose row is wider: the layout is another one."""
    view, found = zoomed.view, zoomed.workspace.state.scores
    assert found is not None
    held = view.circuit_scene.by_name["a4.h2"]
    view.center_view_on(QPointF(held.x, -held.y))
    zoom, place = view.zoom, view.viewport_position(held.name)
    graph = found.graph
    nodes = [node for node in graph.nodes if not node.name.startswith("a2.")]
    features = [Node(f"a2.f{i}", NodeKind.FEATURE, 2, site="a", feature=i, dictionary="d") for i in range(30)]
    first = next(i for i, node in enumerate(nodes) if node.depth > features[0].depth)
    nodes[first:first] = features
    depth = np.array([node.depth if node.name != "logits" else 99 for node in nodes])
    mask = depth[:-1, None] < depth[None]
    other = Graph.of_nodes(graph.shape, tuple(nodes), mask)
    values = np.random.default_rng(5).normal(size=other.mask.shape) * other.mask
    opened = Scores(other, values, "task-attribution")
    step = switch_basis(Circuit.full(other), opened, replace(ORIGIN, method="task-attribution"), "Open a2")
    zoomed.workspace.apply_command(step)
    settle(zoomed, qtbot)
    assert "a2.f29" in view.circuit_scene.by_name and "a2.h1" not in view.circuit_scene.by_name
    moved = view.circuit_scene.by_name["a4.h2"]
    assert (moved.x, moved.y) != (held.x, held.y)
    off = view.viewport_position(held.name) - place
    assert view.zoom == zoom and max(abs(off.x()), abs(off.y())) <= 1
    zoomed.workspace.undo_stack.undo()
    settle(zoomed, qtbot)
    assert view.zoom == zoom and "a2.h1" in view.circuit_scene.by_name


def test_another_layout_is_shown_whole(zoomed: MainWindow, qtbot: QtBot) -> None:
    zoomed.layout_controller.choose_layout("grid")
    settle(zoomed, qtbot)
    assert is_whole(zoomed)


def test_what_was_in_the_middle_of_a_narrow_canvas_comes_back_there_in_a_wide_one(
    open_window: Callable[[], MainWindow], qtbot: QtBot
) -> None:
    window, found = open_window(), scores(12)
    window.resize(620, 800)
    document, later = (Document(State(ORIGIN, found, found.greedy(200))) for _ in range(2))
    window.workspace.set_document(document)
    settle(window, qtbot)
    view = window.view
    right_most = max(view.circuit_scene.nodes, key=lambda node: node.x).name
    view.zoom_by(2.0, QPointF(view.viewport_position(right_most)))
    view.center_view_on(view.mapToScene(view.viewport_position(right_most)))
    window.file_controller.record_view()
    later.view = dict(document.view)  # as a file has it
    narrow_x = view.circuit_scene.by_name[right_most].x

    window.resize(1500, 800)
    window.workspace.set_document(later)
    settle(window, qtbot)
    assert view.circuit_scene.by_name[right_most].x > narrow_x + 100, "the layout is spread to the canvas"
    away = view.viewport_position(right_most) - view.viewport().rect().center()
    assert away.manhattanLength() <= 3
    window.resize(1300, 760)
    settle(window, qtbot)
    away = view.viewport_position(right_most) - view.viewport().rect().center()
    assert away.manhattanLength() <= 3, "what comes with the circuit takes room, and moves it no further"
    place = view.viewport_position(right_most)
    qtbot.mouseClick(view.viewport(), Qt.MouseButton.LeftButton, pos=place)
    place = view.viewport_position(right_most)
    window.resize(1200, 760)
    settle(window, qtbot)
    assert view.viewport_position(right_most) == place, "once somebody clicks, nodes hold still"
