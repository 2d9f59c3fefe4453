"""Where one has zoomed stays for a circuit of the same search; another search, model or layout is shown whole."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from opening import LONG
from pytestqt.qtbot import QtBot

from circuitviz.document import Document, State
from circuitviz.document.circuit_commands import replace_circuit, select_edges
from circuitviz.document.origin import TaskOrigin
from circuitviz.graph import Graph, ModelShape, Scores
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


def test_another_layout_is_shown_whole(zoomed: MainWindow, qtbot: QtBot) -> None:
    zoomed.layout_controller.choose_layout("grid")
    settle(zoomed, qtbot)
    assert is_whole(zoomed)
