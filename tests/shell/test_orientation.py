"""The orientation is chosen in View, kept for the next start, and changes nothing in the document."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from opening import LONG
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from pytestqt.qtbot import QtBot

from circuitviz.document import Document, State
from circuitviz.graph import Graph, ModelShape, Scores
from circuitviz.shell.main_window import MainWindow


def test_layers_go_to_the_right_after_a_key_and_in_the_next_window(
    open_window: Callable[[], MainWindow], qtbot: QtBot
) -> None:
    graph = Graph.transformer(ModelShape(6, 4, 64))
    scores = Scores(graph, np.random.default_rng(0).normal(size=graph.mask.shape), "eap")
    document = Document(State(None, scores, scores.greedy(60)))

    def show(window: MainWindow) -> None:
        window.workspace.set_document(document.snapshot())
        qtbot.waitUntil(lambda: not window.canvas_updater.is_pending, timeout=LONG)
        window.view.setFocus()

    def goes_right(window: MainWindow) -> bool:
        by_name = window.view.circuit_scene.by_name
        return all(by_name[e.sender].x < by_name[e.receiver].x for e in window.view.circuit_scene.edges)

    window = open_window()
    show(window)
    assert not goes_right(window)
    before, steps = window.workspace.state.hash, window.workspace.undo_stack.count()
    QTest.keyClick(window.view, Qt.Key.Key_0, Qt.KeyboardModifier.AltModifier)
    qtbot.waitUntil(lambda: goes_right(window) and not window.view.animation.is_running, timeout=LONG)
    assert (window.workspace.state.hash, window.workspace.undo_stack.count()) == (before, steps)
    again = open_window()
    show(again)
    assert goes_right(again)
    QTest.keyClick(again.view, Qt.Key.Key_0, Qt.KeyboardModifier.AltModifier)
    qtbot.waitUntil(lambda: not goes_right(again) and not again.view.animation.is_running, timeout=LONG)
