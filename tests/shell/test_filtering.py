"""Filters in the real window: seen at once, counted in sight, one step of undo, saved."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from opening import export_in, open_in, save_in
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot
from screenshots import shoot

from circuitviz.document import Document, State, ViewFilters
from circuitviz.graph import Graph, ModelShape, Scores
from circuitviz.shell.main_window import MainWindow

GRAPH = Graph.transformer(ModelShape(4, 8, 128))
SCORES = Scores(GRAPH, np.random.default_rng(3).normal(size=GRAPH.mask.shape), "eap")
CIRCUIT = SCORES.greedy(80)
CONTROL, SHIFT = Qt.KeyboardModifier.ControlModifier, Qt.KeyboardModifier.ShiftModifier


@pytest.fixture
def window(open_window, qtbot: QtBot) -> MainWindow:
    made: MainWindow = open_window()
    made.workspace.set_document(Document(State(None, SCORES, CIRCUIT)))
    with qtbot.waitActive(made):
        made.activateWindow()
    made.view.setFocus()
    return made


def test_filters_hide_count_undo_and_are_saved(window: MainWindow, qtbot: QtBot, tmp_path: Path) -> None:
    desk, view, card = window.workspace, window.view, window.panels["filters"]
    first = desk.document.state.hash
    qtbot.keyClick(view, Qt.Key.Key_F, CONTROL | SHIFT)
    QApplication.processEvents()  # the canvas is lower beside the panel, and lays the circuit out for that
    places = {n.name: (n.x, n.y) for n in view.circuit_scene.nodes}
    assert card.isVisible() and card.max_edges_slider.hasFocus() and not card.show_all_button.isEnabled()
    shoot(window, "filters-open")
    assert list(card.kind_chips.chips) == ["input", "head", "mlp", "logits"]

    # by number: the strongest are left
    card.max_edges_slider.setValue(300)
    asked = desk.document.state.filters.most
    scores = sorted((abs(float(SCORES.values[GRAPH.edge(n)])) for n in CIRCUIT.edge_names), reverse=True)
    assert asked is not None and len(view.circuit_scene.edges) == asked < 80
    assert min(abs(e.score) for e in view.circuit_scene.edges) == scores[asked - 1]
    assert (
        card.max_edges_label.text() == str(asked)
        and f"showing {asked} of the circuit's 80 edges" in view.status_text
    )

    # by sign, input, kind, layer, score, and whether an edge is left
    card.sign_chips.chips["negative"].click()
    assert all(e.score >= 0 for e in view.circuit_scene.edges)
    card.channel_chips.chips["k"].click()
    assert view.circuit_scene.edges and all(e.channel != "k" for e in view.circuit_scene.edges)
    card.kind_chips.chips["mlp"].click()
    assert not [n for n in view.circuit_scene.nodes if n.kind == "mlp"]
    card.first_layer_field.setValue(1)
    assert {GRAPH.node(n.name).layer for n in view.circuit_scene.nodes} == {None, 1, 2, 3}
    card.edge_score_field.setValue(1.0)
    assert all(abs(e.score) >= 1.0 for e in view.circuit_scene.edges)
    card.connected_box.click()
    touched = {e.sender for e in view.circuit_scene.edges} | {e.receiver for e in view.circuit_scene.edges}
    assert {n.name for n in view.circuit_scene.nodes} == touched
    assert all((n.x, n.y) == places[n.name] for n in view.circuit_scene.nodes)
    edges, nodes = len(view.circuit_scene.edges), len(view.circuit_scene.nodes)
    assert (
        view.status_text
        == f"filtered: showing {edges} of the circuit's 80 edges and {nodes} of its {CIRCUIT.n_nodes} nodes"
    )
    assert desk.document.state.live_circuit.n_edges == 80  # the circuit stays whole
    shoot(window, "filtered")

    # all of it is one step, kept in the file, and seen in exports
    kept, sight = desk.document.state.hash, desk.document.state.filters
    assert desk.undo_stack.count() == 1 and window.menus.actions["clear-filters"].isEnabled()
    assert save_in(window, tmp_path / "a.circuit") and export_in(window, tmp_path / "a.svg")
    assert ">m1<" not in (tmp_path / "a.svg").read_text()
    desk.undo_stack.undo()
    assert (
        desk.document.state.hash == first
        and len(view.circuit_scene.edges) == 80
        and "filtered" not in view.status_text
    )
    assert (
        card.max_edges_slider.value() == card.max_edges_slider.maximum()
        and not card.connected_box.isChecked()
    )
    desk.undo_stack.redo()
    assert desk.document.state.hash == kept and card.current_filters() == sight
    open_in(window, qtbot, tmp_path / "a.circuit")
    assert desk.document.state.filters == sight and len(view.circuit_scene.edges) == edges
    card.show_all_button.click()
    assert desk.document.state.filters == ViewFilters() and len(view.circuit_scene.nodes) == CIRCUIT.n_nodes


def test_find_tells_what_is_hidden(window: MainWindow) -> None:
    window.panels["filters"].kind_chips.chips["mlp"].click()
    window.find_bar.open_card()
    window.find_bar.query_field.setText("m1")
    assert (
        window.workspace.selected_nodes == {"m1"}
        and "hidden by the filters" in window.find_bar.reason_label.toolTip()
    )
