"""Where the status bar writes its message."""

from __future__ import annotations

import numpy as np
import pytest
from PySide6.QtCore import QPoint
from PySide6.QtWidgets import QApplication

from circuitviz.document import Document, State
from circuitviz.graph import Graph, ModelShape, Scores
from circuitviz.shell.main_window import MainWindow

GRAPH = Graph.transformer(ModelShape(4, 8, 128))


SCORES = Scores(GRAPH, np.random.default_rng(3).normal(size=GRAPH.mask.shape), "eap")


@pytest.fixture
def window(open_window) -> MainWindow:
    made: MainWindow = open_window()
    made.workspace.set_document(Document(State(None, SCORES, SCORES.greedy(60))))
    return made


def test_what_the_status_bar_says_stands_off_the_edge(window: MainWindow) -> None:
    QApplication.processEvents()
    assert window.status_line.message_label.mapTo(window, QPoint(0, 0)).x() >= 8
