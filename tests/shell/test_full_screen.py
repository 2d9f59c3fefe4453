"""F11 shows the canvas alone, with every shortcut, and everything again as it was."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from opening import LONG
from PySide6.QtCore import QPoint, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QToolBar
from pytestqt.qtbot import QtBot

from circuitviz.document import Document, State, ViewFilters, set_filters
from circuitviz.graph import Graph, ModelShape, Scores
from circuitviz.shell.main_window import MainWindow


def shown(open_window: Callable[[], MainWindow], qtbot: QtBot) -> MainWindow:
    graph = Graph.transformer(ModelShape(4, 4, 64))
    scores = Scores(graph, np.random.default_rng(0).normal(size=graph.mask.shape), "eap")
    window = open_window()
    window.workspace.set_document(Document(State(None, scores, scores.greedy(40))))
    qtbot.waitUntil(lambda: not window.canvas_updater.is_pending, timeout=LONG)
    window.view.setFocus()
    return window


def around(window: MainWindow) -> dict[str, tuple[bool, int, int]]:
    """Each panel, tool bar and menu bar: whether it is seen, and its size."""
    bars = {bar.objectName(): bar for bar in window.findChildren(QToolBar)}
    places = window.dock_manager.places_view
    parts = {**window.docks, **bars, "menus": window.menuBar(), "strip": places.strip, "area": places.stack}
    return {
        name: (is_seen, part.width(), part.height()) if is_seen else (False, 0, 0)
        for name, part in parts.items()
        for is_seen in [not part.visibleRegion().isEmpty()]
    }


def press_f11(window: MainWindow, qtbot: QtBot, full: bool) -> None:
    QTest.keyClick(window.view, Qt.Key.Key_F11)
    qtbot.waitUntil(lambda: window.isFullScreen() == full)
    QApplication.processEvents()


def test_the_canvas_is_alone_and_all_comes_back_as_it_was(
    open_window: Callable[[], MainWindow], qtbot: QtBot
) -> None:
    window = shown(open_window, qtbot)
    window.docks["meter"].hide()  # closed by the person: it stays closed
    window.dock_manager.bring_to_front("log")
    QApplication.processEvents()
    before, size, share = around(window), window.size(), window.view.width() / window.width()
    assert share < 0.8
    press_f11(window, qtbot, True)
    assert not any(is_seen for is_seen, _, _ in around(window).values())
    assert window.view.width() / window.width() > 0.99 and window.statusBar().isVisible()
    press_f11(window, qtbot, False)
    qtbot.waitUntil(lambda: window.size() == size)
    qtbot.wait(300)
    now = around(window)
    assert {k: (before[k], now[k]) for k in now if now[k] != before[k]} == {}


def test_shortcuts_work_while_the_menus_are_hidden(
    open_window: Callable[[], MainWindow], qtbot: QtBot
) -> None:
    window = shown(open_window, qtbot)
    press_f11(window, qtbot, True)
    QTest.keyClick(window.view, Qt.Key.Key_3, Qt.KeyboardModifier.AltModifier)
    assert window.canvas_updater.layout_name == "grid"
    press_f11(window, qtbot, False)


def test_a_window_closed_in_full_screen_opens_with_its_panels(
    open_window: Callable[[], MainWindow], qtbot: QtBot
) -> None:
    window = shown(open_window, qtbot)
    press_f11(window, qtbot, True)
    window.workspace.undo_stack.setClean()
    window.close()
    assert window.settings.window_geometry is not None
    again = shown(open_window, qtbot)
    assert not again.isFullScreen() and again.docks["inspector"].isVisible() and again.menuBar().isVisible()


def test_what_changes_in_full_screen_shows_no_panel_but_one_that_is_asked_for(
    open_window: Callable[[], MainWindow], qtbot: QtBot
) -> None:
    window = shown(open_window, qtbot)
    press_f11(window, qtbot, True)
    QTest.keyClick(window.view, Qt.Key.Key_Up)  # selects the logits
    window.workspace.apply_command(set_filters(ViewFilters(least=0.1)))
    QApplication.processEvents()
    assert not any(is_seen for is_seen, _, _ in around(window).values())
    both = Qt.KeyboardModifier.ControlModifier | Qt.KeyboardModifier.ShiftModifier
    QTest.keyClick(window.view, Qt.Key.Key_F, both)  # Filters…
    qtbot.waitUntil(lambda: not window.isFullScreen())
    qtbot.waitUntil(lambda: window.panels["filters"].isVisible() and window.menuBar().isVisible())


def test_escape_ends_it_once_nothing_is_selected(open_window: Callable[[], MainWindow], qtbot: QtBot) -> None:
    window = shown(open_window, qtbot)
    press_f11(window, qtbot, True)
    QTest.keyClick(window.view, Qt.Key.Key_Up)
    assert window.view.selected_nodes == {"logits"}
    QTest.keyClick(window.view, Qt.Key.Key_Escape)
    assert not window.view.selected_nodes and window.full_screen.is_active
    QTest.keyClick(window.view, Qt.Key.Key_Escape)
    qtbot.waitUntil(lambda: not window.isFullScreen() and window.menuBar().isVisible())


def test_tabs_are_hidden_and_come_back_at_the_top_edge(three: MainWindow, qtbot: QtBot) -> None:
    window, tabs, view = three, three.document_tabs, three.view
    view.setFocus()
    press_f11(window, qtbot, True)
    assert not tabs.isVisible() and view.mapTo(window, QPoint(0, 0)).y() == 0
    window.workspace.tabs.changed.emit()
    height = view.height()
    assert not tabs.isVisible(), "a change of a tab does not bring them back"
    for place in (QPoint(300, 400), QPoint(300, 1)):
        QTest.mouseMove(window.windowHandle(), place)
    qtbot.waitUntil(tabs.isVisible, timeout=LONG)
    assert view.height() == height and tabs.mapTo(window, QPoint(0, 0)) == QPoint(0, 0)
    QTest.mouseClick(tabs.bar, Qt.MouseButton.LeftButton, pos=tabs.bar.tabRect(0).center())
    assert window.workspace.tabs.front.name == "one.circuit" and tabs.isVisible()
    QTest.mouseMove(window.windowHandle(), QPoint(300, 400))
    qtbot.waitUntil(lambda: not tabs.isVisible(), timeout=LONG)
    for place in (QPoint(300, 1), QPoint(300, 12)):  # the pointer rests on the tabs, and goes
        QTest.mouseMove(window.windowHandle(), place)
        qtbot.wait(20)
        assert tabs.isVisible()
    QTest.mouseMove(window.windowHandle(), QPoint(300, 400))
    qtbot.waitUntil(lambda: not tabs.isVisible(), timeout=LONG)
    QTest.keyClick(view, Qt.Key.Key_Escape)
    qtbot.waitUntil(lambda: not window.isFullScreen(), timeout=LONG)
    assert tabs.isVisible() and not window.full_screen.top_edge.isVisible()
    assert tabs.geometry().bottom() < window.canvas_panes.splitter.geometry().top()


def test_a_circuit_in_a_window_of_its_own_has_that_windows_screen(three: MainWindow, qtbot: QtBot) -> None:
    window = three
    window.view.setFocus()
    QTest.keyClick(
        window.view, Qt.Key.Key_W, Qt.KeyboardModifier.ControlModifier | Qt.KeyboardModifier.AltModifier
    )
    own = window.canvas_panes.front_window
    assert own is not None
    QTest.keyClick(window.view, Qt.Key.Key_F11)
    qtbot.waitUntil(own.isFullScreen, timeout=LONG)
    assert not window.isFullScreen() and window.menuBar().isVisible()
    QTest.keyClick(window.view, Qt.Key.Key_Escape)
    qtbot.waitUntil(lambda: not own.isFullScreen(), timeout=LONG)
