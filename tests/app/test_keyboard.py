"""Without a mouse: Tab reaches the canvas and every dock in sight, and each says what it is."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QDockWidget, QWidget

from circuitviz.app.window import MainWindow
from circuitviz.graph import Graph, Scores, Shape
from circuitviz.session import Document, State

GRAPH = Graph.transformer(Shape(4, 6, 96))
SCORES = Scores(GRAPH, np.random.default_rng(8).normal(size=GRAPH.mask.shape), "eap")


@pytest.fixture
def window(open_window: Callable[[], MainWindow]) -> MainWindow:
    made = open_window()
    made.desk.set_document(Document(State(None, SCORES, SCORES.greedy(70))))
    made.activateWindow()
    return made


def home(widget: QWidget | None) -> str:
    while widget is not None and not isinstance(widget, QDockWidget):
        widget = widget.parentWidget()
    return "" if widget is None else widget.objectName()


def test_tab_goes_round_through_the_canvas_and_every_dock_in_sight(window: MainWindow) -> None:
    window.view.setFocus()
    QApplication.processEvents()
    seen: list[str] = []
    back = False
    for _ in range(300):
        QTest.keyClick(QApplication.focusWidget() or window, Qt.Key.Key_Tab)
        now = QApplication.focusWidget()
        seen.append(home(now))
        if now is window.view:
            back = True
            break
    assert back, seen
    reachable = {
        name
        for name, dock in window.docks.items()
        if not dock.visibleRegion().isEmpty()
        and any(
            w.focusPolicy() & Qt.FocusPolicy.TabFocus and w.isVisible() and w.isEnabled()
            for w in dock.widget().findChildren(QWidget)
        )
    }
    assert reachable <= set(seen)
    assert {"discovery", "inspector"} <= set(seen)


def test_canvas_and_docks_have_names(window: MainWindow) -> None:
    assert window.view.accessibleName()
    for name, dock in window.docks.items():
        assert dock.accessibleName() and window.panels[name].accessibleName() == dock.accessibleName()


def test_walking_says_where_one_is_and_stays_in_sight(window: MainWindow) -> None:
    view = window.view
    view.setFocus()
    view.zoom_by(5.0)
    QTest.keyClick(view, Qt.Key.Key_Down)
    assert view.accessibleDescription().startswith("logits selected")
    for _ in range(4):
        QTest.keyClick(view, Qt.Key.Key_Down)
        (name,) = view.nodes
        assert view.viewport().rect().contains(view.place_of(name))
        assert view.accessibleDescription().startswith(f"{name} selected")
    QTest.keyClick(view, Qt.Key.Key_Escape)
    assert view.accessibleDescription() == "Nothing is selected"
