"""Docks: which are in front and in sight, the room that they take, their theme, and Tab among them."""

from __future__ import annotations

from itertools import permutations
from pathlib import Path

import numpy as np
import pytest
from opening import LONG
from PySide6.QtCore import QPoint, Qt
from PySide6.QtGui import QColor
from PySide6.QtWidgets import QApplication, QDialog, QLabel, QPushButton, QWidget
from pytestqt.qtbot import QtBot

from circuitviz.document import Document, State
from circuitviz.graph import Graph, ModelShape, Scores
from circuitviz.jobs import JobHandle
from circuitviz.panels.widgets.font_scaling import DockScrollArea
from circuitviz.scene.theme import THEMES
from circuitviz.shell.main_window import MainWindow
from circuitviz.workbench.requests.messages import ModelReady, Request
from circuitviz.workbench.requests.query import Query

GRAPH = Graph.transformer(ModelShape(4, 8, 128))


SCORES = Scores(GRAPH, np.random.default_rng(3).normal(size=GRAPH.mask.shape), "eap")


@pytest.fixture
def window(open_window) -> MainWindow:
    made: MainWindow = open_window()
    made.workspace.set_document(Document(State(None, SCORES, SCORES.greedy(60))))
    return made


def lightness(widget: QWidget) -> int:
    """0 to 255, of a corner that nothing is written in."""
    return widget.grab().toImage().pixelColor(2, widget.height() - 3).lightness()


def test_every_part_of_the_window_wears_the_theme(window: MainWindow, qtbot: QtBot) -> None:
    for theme in ("dark", "light"):
        window.theme_controller.apply_theme(theme)
        wanted = pytest.approx(QColor(THEMES[theme].panel).lightness(), abs=12)
        for name in window.docks:
            window.dock_manager.bring_to_front(name)
            qtbot.waitUntil(lambda name=name: window.panels[name].is_in_view)
            assert lightness(window.panels[name]) == wanted, name
        assert lightness(window.statusBar()) == wanted
        dialog = QDialog(window)
        text = QLabel("made after the theme was chosen", dialog)
        text.setObjectName("muted")
        window.dialogs.show_only_dialog(dialog)
        qtbot.waitUntil(dialog.isVisible)
        assert text.palette().windowText().color().name() == THEMES[theme].muted.lower()
        dialog.close()


def test_a_reading_behind_a_tab_asks_nothing(
    window: MainWindow, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[object] = []

    def submit(request: Request) -> JobHandle:
        asked.append(request)
        return JobHandle(request, lambda: None)

    monkeypatch.setattr(window.workspace, "submit_request", submit)
    opened = ModelReady("demo", "cpu", "ioi", "logit-diff", "corrupted", ("a prompt", "another"), 1)
    monkeypatch.setattr(window.workspace, "opened_model", opened)
    readings, paths = window.panels["readings"], window.panels["paths"]
    assert not readings.isVisible() and not readings.is_in_view  # no place is open
    window.dock_manager.bring_to_front("ablation")
    assert readings.isVisible() and not readings.is_in_view  # which is why isVisible is not asked
    window.workspace.set_selection(frozenset({"a2.h1"}), frozenset())
    window.workspace.set_prompt_index(1)
    window.workspace.set_selection(frozenset({"input", "logits"}), frozenset())
    assert not [request for request in asked if isinstance(request, Query)]
    assert not paths.paths_tree.topLevelItemCount()
    window.dock_manager.bring_to_front("readings")
    qtbot.waitUntil(lambda: any(isinstance(request, Query) for request in asked))
    window.dock_manager.bring_to_front("paths")
    qtbot.waitUntil(lambda: paths.paths_tree.topLevelItemCount() > 0)


def test_a_table_behind_a_tab_marks_what_is_selected_once_it_is_seen(
    window: MainWindow, qtbot: QtBot, tmp_path: Path
) -> None:
    window.workspace.comparison.add_open_circuit()
    window.dock_manager.bring_to_front("compare")
    parts = window.panels["compare"].parts_page
    qtbot.waitUntil(lambda: parts.table_model.rowCount() > 0)
    window.dock_manager.bring_to_front("edges")
    qtbot.waitUntil(lambda: not window.panels["compare"].is_in_view)
    node = parts.table_model.parts[3].name
    window.workspace.set_selection(frozenset({node}), frozenset())
    assert not parts.table.selectionModel().hasSelection()
    window.dock_manager.bring_to_front("compare")
    qtbot.waitUntil(parts.table.selectionModel().hasSelection)
    row = parts.sorted_model.mapToSource(parts.table.selectionModel().selectedRows()[0]).row()
    assert parts.table_model.parts[row].name == node


def test_buttons_of_a_row_stand_apart(window: MainWindow) -> None:
    """A layout in another one inherits its spacing, which is none in many panels."""
    near = []
    for name, dock in window.docks.items():
        window.dock_manager.bring_to_front(name)
        QApplication.processEvents()
        buttons = [b for b in dock.widget().findChildren(QPushButton) if b.isVisible()]
        for one, two in permutations(buttons, 2):
            a, b = one.geometry(), two.geometry()
            beside = (
                one.parentWidget() is two.parentWidget() and a.top() < b.bottom() and b.top() < a.bottom()
            )
            if beside and a.left() < b.left() and b.left() - a.right() - 1 < 4:
                near.append(f"{name}: {one.text()}, {two.text()}")
    assert not near, near


def front(window: MainWindow) -> list[str]:
    """Names of the docks in sight below the canvas."""
    stack = window.dock_manager.places_view.stack
    return [name for name, dock in window.docks.items() if stack.isAncestorOf(dock) and in_sight(dock)]


def in_sight(dock: QWidget) -> bool:
    return dock.isVisible() and not dock.visibleRegion().isEmpty()


def test_no_panel_is_cut_and_none_behind_a_tab_takes_room(window: MainWindow, qtbot: QtBot) -> None:
    view = window.dock_manager.places_view
    for name, dock in window.docks.items():
        window.dock_manager.bring_to_front(name)
        qtbot.waitUntil(lambda dock=dock: in_sight(dock) and dock.height() > 60, timeout=LONG)
        panel = window.panels[name]
        least = panel.minimumSizeHint()
        qtbot.waitUntil(
            lambda p=panel, least=least: p.width() >= least.width() and p.height() >= least.height(),
            timeout=LONG,
        )
        place = dock.rect().translated(dock.mapTo(window, QPoint(0, 0)))
        assert window.rect().contains(place), name
        assert not place.intersects(view.strip.geometry().translated(view.mapTo(window, QPoint(0, 0)))), name
        assert not place.intersects(window.view.rect().translated(window.view.mapTo(window, QPoint(0, 0)))), (
            name
        )
        for frame in dock.findChildren(DockScrollArea):
            assert not frame.horizontalScrollBar().maximum(), f"{name} scrolls sideways at the usual size"
        if name == "discovery":
            dock.close()


def test_the_dock_in_front_is_in_front_after_another_start(open_window, qtbot: QtBot) -> None:
    first: MainWindow = open_window()
    first.workspace.set_document(Document(State(None, SCORES, SCORES.greedy(60))))
    first.dock_manager.bring_to_front("filters")
    first.docks["labels"].hide()
    qtbot.waitUntil(lambda: front(first) == ["filters"], timeout=LONG)
    first.close()
    second: MainWindow = open_window()
    assert not front(second), "docks stay away until there is a circuit"
    second.workspace.set_document(Document(State(None, SCORES, SCORES.greedy(60))))
    qtbot.waitUntil(lambda: front(second) == ["filters"], timeout=LONG)
    assert second.docks["labels"].isHidden()


def test_tab_passes_over_panels_behind_a_tab(window: MainWindow, qtbot: QtBot) -> None:
    window.dock_manager.bring_to_front("filters")
    assert window.docks["edges"].isVisible()  # behind a tab, which Qt calls visible
    window.activateWindow()
    for key in (Qt.Key.Key_Tab, Qt.Key.Key_Backtab):
        window.view.setFocus()
        qtbot.waitUntil(window.view.hasFocus, timeout=LONG)
        met: list[QWidget] = []
        while (now := QApplication.focusWidget()) not in met:
            assert now is not None and window.dock_manager.is_uncovered(now), now
            met.append(now)
            qtbot.keyClick(now, key)
        docks = {name for name, dock in window.docks.items() if any(dock.isAncestorOf(w) for w in met)}
        assert docks == {"filters", "inspector"}, key
