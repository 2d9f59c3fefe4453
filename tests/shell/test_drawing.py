"""A large circuit is drawn off the window's thread; a small one appears in the same turn."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import numpy as np
import pytest
from opening import LONG
from pytestqt.qtbot import QtBot

from circuitviz.canvas.aspect_fitter import transform_scene
from circuitviz.canvas.scene_request import BuiltScene, SceneRequest
from circuitviz.document import Document, State, select_edges, toggle_ablation
from circuitviz.graph import Circuit, Graph, ModelShape, Node, NodeKind, Scores
from circuitviz.scene.build_scene import build_scene
from circuitviz.scene.circuit_scene import CircuitScene
from circuitviz.shell.main_window import MainWindow


def features(n: int, n_edges: int) -> State:
    """A graph of features on six tokens, in four layers."""
    rng = np.random.default_rng(n)
    layer = np.sort(rng.integers(0, 4, n))
    nodes = [
        Node(
            f"m{layer[i]}.f{i}@{i % 6}", NodeKind.FEATURE, int(layer[i]), site="m", position=i % 6, feature=i
        )
        for i in range(n)
    ]
    tail, head = np.sort(rng.integers(0, n, (2, 6 * n_edges)), axis=0)
    forward = np.flatnonzero(layer[tail] < layer[head])[:n_edges]
    mask = np.zeros((n, n + 1), bool)
    mask[tail[forward], head[forward]] = True
    mask[:, -1] = True
    graph = Graph.of_nodes(ModelShape(4, 2, 16), (*nodes, Node("logits", NodeKind.LOGITS)), mask)
    values = np.where(graph.mask, rng.normal(size=graph.mask.shape), 0.0)
    return State(None, Scores(graph, values, "attribution-graph"), Circuit.full(graph))


LARGE, OTHER, SMALL = features(700, 3000), features(720, 2000), features(40, 100)


def by_layer(state: State) -> Document:
    """A document that was last seen laid out by layer; a prompt's graph opens by token else."""
    made = Document(state)
    made.view["layout"] = "layered"
    return made


class Gate:
    """Holds every drawing that is not made in the window's thread until it is opened."""

    def __init__(self, patch: pytest.MonkeyPatch) -> None:
        self.opened, self.waited = threading.Event(), 0
        draw, window = SceneRequest.build, threading.get_ident()

        def held(sketch: SceneRequest) -> BuiltScene:
            if threading.get_ident() != window:
                self.waited += 1
                assert self.opened.wait(LONG / 1000)
            return draw(sketch)

        patch.setattr(SceneRequest, "build", held)


@pytest.fixture
def gate(monkeypatch: pytest.MonkeyPatch) -> Iterator[Gate]:
    made = Gate(monkeypatch)
    yield made
    made.opened.set()


def drawn(window: MainWindow) -> CircuitScene:
    return window.view.scene_items.geometry.scene


def shown(window: MainWindow, picture: CircuitScene) -> CircuitScene:
    """The picture as the canvas spreads it."""
    return transform_scene(picture, window.view.aspect_fitter.transform)


def wait(window: MainWindow, qtbot: QtBot) -> None:
    qtbot.waitUntil(
        lambda: not window.canvas_updater.is_pending and not window.view.animation.is_running, timeout=LONG
    )


def test_a_small_circuit_appears_in_the_same_turn(open_window, gate: Gate, qtbot: QtBot) -> None:
    """But for the first, which is drawn in the turn after the one that brings the docks."""
    window: MainWindow = open_window()
    window.workspace.set_document(by_layer(SMALL))
    assert (
        window.canvas_updater.is_pending
        and window.docks["inspector"].isVisible()
        and not window.view.circuit_scene.nodes
    )
    wait(window, qtbot)
    assert window.view.circuit_scene == shown(window, build_scene(SMALL))
    window.workspace.set_document(by_layer(SMALL))
    assert not window.canvas_updater.is_pending and window.view.circuit_scene == shown(
        window, build_scene(SMALL)
    )
    window.layout_controller.choose_layout("tokens")
    assert window.view.circuit_scene == shown(window, build_scene(SMALL, "tokens"))
    assert not gate.waited


def test_a_large_one_is_drawn_elsewhere_and_the_latest_wish_wins(
    open_window, gate: Gate, qtbot: QtBot
) -> None:
    window: MainWindow = open_window()
    window.workspace.set_document(by_layer(SMALL))
    wait(window, qtbot)
    window.workspace.set_document(by_layer(LARGE))
    assert window.canvas_updater.is_pending and drawn(window) == shown(window, build_scene(SMALL))
    assert window.view.node_at(window.view.rect().center()) is None  # of a document that is gone
    window.grab()
    gate.opened.set()
    wait(window, qtbot)
    assert drawn(window) == shown(window, build_scene(LARGE)) and window.view.circuit_scene is drawn(window)
    room = window.view.viewport().rect()
    assert all(
        room.contains(window.view.viewport_position(name)) for name in ("logits", drawn(window).nodes[0].name)
    )
    gate.opened.clear()
    for layout in ("tokens", "grid", "tokens"):
        window.layout_controller.choose_layout(layout)
        assert drawn(window) == shown(window, build_scene(LARGE))  # the old one stays
    gate.opened.set()
    wait(window, qtbot)
    assert drawn(window) == shown(window, build_scene(LARGE, "tokens")) and drawn(window).columns


def test_undo_and_redo_while_it_is_drawn(open_window, gate: Gate, qtbot: QtBot) -> None:
    window: MainWindow = open_window()
    window.workspace.set_document(by_layer(LARGE))
    gate.opened.set()
    wait(window, qtbot)
    assert LARGE.scores is not None
    chosen = frozenset({LARGE.scores.top(30).node_names[0]})
    window.workspace.set_selection(chosen, frozenset())
    gate.opened.clear()
    window.workspace.apply_command(select_edges(LARGE.scores.top(3600), "top", 3600))
    window.workspace.apply_command(toggle_ablation(chosen, frozenset()))
    window.workspace.apply_command(select_edges(LARGE.scores.top(30), "top", 30))
    assert not window.canvas_updater.is_pending and len(drawn(window).edges) <= 30  # few: at once
    window.workspace.undo_stack.undo()
    window.workspace.undo_stack.undo()
    window.workspace.undo_stack.redo()
    assert window.canvas_updater.is_pending
    gate.opened.set()
    wait(window, qtbot)
    assert drawn(window) == shown(window, build_scene(window.workspace.state))
    window.workspace.undo_stack.undo()
    window.workspace.undo_stack.undo()
    wait(window, qtbot)
    assert drawn(window) == shown(window, build_scene(LARGE)) and window.view.selected_nodes == chosen


def test_what_changes_no_place_is_drawn_at_once(open_window, gate: Gate, qtbot: QtBot) -> None:
    window: MainWindow = open_window()
    window.workspace.set_document(by_layer(LARGE))
    gate.opened.set()
    wait(window, qtbot)
    before = gate.waited
    node = drawn(window).nodes[5].name
    window.workspace.apply_command(toggle_ablation(frozenset({node}), frozenset()))
    assert drawn(window).by_name[node].ablated and gate.waited == before


def test_a_document_opens_as_it_was_left_once_it_is_drawn(open_window, gate: Gate, qtbot: QtBot) -> None:
    window: MainWindow = open_window()
    name = LARGE.circuit.node_names[8]  # type: ignore[union-attr]
    document = by_layer(LARGE)
    document.view = {"layout": "tokens", "zoom": 2.5, "centre": [10.0, -60.0], "selected": {"nodes": [name]}}
    window.workspace.set_document(document)
    window.file_controller.record_view()
    assert document.view["zoom"] == 2.5  # nobody has looked yet
    document.view["selected"] = {"nodes": [name]}
    gate.opened.set()
    wait(window, qtbot)
    assert window.view.zoom == pytest.approx(2.5) and window.view.selected_nodes == {name}


def test_another_document_meanwhile(open_window, gate: Gate, qtbot: QtBot) -> None:
    window: MainWindow = open_window()
    for state in (LARGE, OTHER, LARGE, OTHER):
        window.workspace.set_document(by_layer(state))
    gate.opened.set()
    wait(window, qtbot)
    assert drawn(window) == shown(window, build_scene(OTHER))
    gate.opened.clear()
    window.workspace.set_document(by_layer(LARGE))
    window.workspace.set_document(by_layer(SMALL))
    assert drawn(window) == shown(window, build_scene(SMALL))
    gate.opened.set()
    window.workspace.task_pool.stop()
    assert drawn(window) == shown(window, build_scene(SMALL))


def test_a_window_closes_while_something_is_drawn(open_window, gate: Gate, qtbot: QtBot) -> None:
    window: MainWindow = open_window()
    window.workspace.set_document(by_layer(LARGE))
    qtbot.waitUntil(lambda: gate.waited == 1, timeout=LONG)
    gate.opened.set()  # the fixture closes the window and counts its threads


def test_a_drawing_that_fails_is_told_and_the_next_one_comes(
    open_window, monkeypatch: pytest.MonkeyPatch, qtbot: QtBot
) -> None:
    window: MainWindow = open_window()
    window.workspace.set_document(by_layer(SMALL))
    with monkeypatch.context() as broken:
        broken.setattr(SceneRequest, "build", lambda _sketch: 1 / 0)
        window.workspace.set_document(by_layer(LARGE))
        qtbot.waitUntil(
            lambda: window.dialogs.failure_dialog is not None and window.dialogs.failure_dialog.isVisible(),
            timeout=LONG,
        )
        assert not window.canvas_updater.is_pending
        assert window.dialogs.failure_dialog is not None
        window.dialogs.failure_dialog.close()
    window.layout_controller.choose_layout("tokens")
    wait(window, qtbot)
    assert drawn(window) == shown(window, build_scene(LARGE, "tokens"))
