"""What is in sight changes first and together; what stands behind a tab waits and asks nothing."""

from __future__ import annotations

from itertools import permutations
from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import QPoint
from PySide6.QtGui import QColor
from PySide6.QtWidgets import QApplication, QDialog, QLabel, QPushButton, QWidget
from pytestqt.qtbot import QtBot

from circuitviz.document import ROLES, Document, Label, State, set_label
from circuitviz.graph import Graph, ModelShape, Scores
from circuitviz.jobs import JobHandle
from circuitviz.scene.theme import THEMES
from circuitviz.shell.main_window import MainWindow
from circuitviz.workbench.requests.messages import Request
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


@pytest.mark.parametrize("theme", ["dark", "light"])
def test_every_part_of_the_window_wears_the_theme(window: MainWindow, qtbot: QtBot, theme: str) -> None:
    window.theme_controller.apply_theme({"dark": "light", "light": "dark"}[theme])
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
    window.show_only_dialog(dialog)
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
    monkeypatch.setattr(window.workspace, "opened_model", object())
    readings, paths = window.panels["readings"], window.panels["paths"]
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


def test_the_inspector_lists_the_strongest_edges_and_suggests_roles(window: MainWindow, qtbot: QtBot) -> None:
    inspector, desk = window.panels["inspector"], window.workspace
    for node in ("m1", "a2.h1", "logits"):
        desk.set_selection(frozenset({node}), frozenset())
        shown = [button.text() for button in inspector.edge_buttons if button.isVisible()]
        index = SCORES.graph.edge
        touching = [e for e in desk.state.circuit.edge_names if node in (e.partition("->")[0], owner(e))]
        touching.sort(key=lambda e: -abs(SCORES.values[index(e)]))
        assert [text.split()[-1] for text in shown] == touching[: len(inspector.edge_buttons)]
    inspector.edge_buttons[0].click()
    assert desk.selected_edges == {touching[0]}
    desk.apply_command(set_label("m2", Label("Copies the subject")))
    desk.set_selection(frozenset({"m1"}), frozenset())
    qtbot.keyClicks(inspector.label_field, "mov")
    completer = inspector.label_field.completer()
    offered = [completer.completionModel().index(row, 0).data() for row in range(completer.completionCount())]
    assert offered == [role for role in ROLES if "mov" in role.lower()] and offered
    inspector.label_field.clear()
    qtbot.keyClicks(inspector.label_field, "subj")
    assert completer.currentCompletion() == "Copies the subject"
    completer.popup().hide()


def owner(edge: str) -> str:
    return edge.partition("->")[2].partition("<")[0]


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


def test_what_the_status_bar_says_stands_off_the_edge(window: MainWindow) -> None:
    QApplication.processEvents()
    assert window.status_line.message_label.mapTo(window, QPoint(0, 0)).x() >= 8


def test_nothing_of_the_node_selected_before_is_shown_with_another_document(window: MainWindow) -> None:
    node = next(iter(window.workspace.state.circuit.node_names))
    window.workspace.set_selection(frozenset({node}), frozenset())
    inspector = window.panels["inspector"]
    assert inspector.node == node and inspector.body.isVisibleTo(inspector)
    told: list[frozenset[str]] = []
    window.workspace.selection_changed.connect(lambda: told.append(window.workspace.selected_nodes))
    graph = Graph.transformer(ModelShape(2, 4, 64))
    scores = Scores(graph, np.random.default_rng(4).normal(size=graph.mask.shape), "eap")
    window.workspace.set_document(Document(State(None, scores, scores.greedy(30))))
    assert told == [frozenset()] and not window.workspace.selected_nodes
    assert not inspector.node and not inspector.body.isVisibleTo(inspector)
    assert inspector.title_label.text() == "Nothing selected"
