"""Find on the canvas: results are stepped through, brought into sight, and found by their tokens."""

from __future__ import annotations

import numpy as np
import pytest
from PySide6.QtCore import Qt
from pytestqt.qtbot import QtBot
from screenshots import shoot

from circuitviz.document import Document, Label, State, collapse_groups, group_nodes
from circuitviz.graph import Graph, ModelShape, Scores
from circuitviz.lens import read_node, read_top_tokens
from circuitviz.models import load_model
from circuitviz.shell.application import open_arguments
from circuitviz.shell.main_window import MainWindow
from circuitviz.workbench.record_origin import rebuild_task

GRAPH = Graph.transformer(ModelShape(4, 8, 128))
SCORES = Scores(GRAPH, np.random.default_rng(3).normal(size=GRAPH.mask.shape), "eap")
CIRCUIT = SCORES.greedy(80)
HEADS = [n for n in CIRCUIT.node_names if n.startswith("a2")]
CONTROL, SHIFT = Qt.KeyboardModifier.ControlModifier, Qt.KeyboardModifier.ShiftModifier


@pytest.fixture
def window(open_window, qtbot: QtBot) -> MainWindow:
    made: MainWindow = open_window()
    labels = {HEADS[0]: Label("Name Mover"), HEADS[2]: Label("Backup Name Mover")}
    made.workspace.set_document(Document(State(None, SCORES, CIRCUIT, labels=labels)))
    with qtbot.waitActive(made):
        made.activateWindow()
    qtbot.waitUntil(lambda: bool(made.view.circuit_scene.nodes))
    made.view.setFocus()
    return made


def test_results_step_through_the_canvas(window: MainWindow, qtbot: QtBot) -> None:
    desk, view, bar = window.workspace, window.view, window.find_bar
    qtbot.keyClick(view, Qt.Key.Key_F, CONTROL)
    assert bar.isVisible() and bar.query_field.hasFocus()
    qtbot.keyClicks(bar.query_field, "mover")
    assert [hit.node for hit in bar.hits] == [HEADS[0], HEADS[2]] and bar.count_label.text() == "1 of 2"
    assert (
        desk.selected_nodes == {HEADS[0]} == view.selected_nodes
        and "label Name Mover" in bar.reason_label.text()
    )
    shoot(window, "find")
    qtbot.keyClick(bar.query_field, Qt.Key.Key_Return)
    assert desk.selected_nodes == {HEADS[2]} and bar.count_label.text() == "2 of 2"
    qtbot.keyClick(bar.query_field, Qt.Key.Key_Return)
    assert desk.selected_nodes == {HEADS[0]}
    qtbot.keyClick(bar.query_field, Qt.Key.Key_Return, SHIFT)
    assert desk.selected_nodes == {HEADS[2]}
    qtbot.keyClick(bar.query_field, Qt.Key.Key_Return, Qt.KeyboardModifier.AltModifier)
    assert desk.selected_nodes == {HEADS[0], HEADS[2]}
    qtbot.keyClick(bar.query_field, Qt.Key.Key_A)  # a letter in the bar, no ablation on the canvas
    assert not desk.document.state.ablated_nodes

    # what is out of sight comes into sight, even from below the bar itself
    bar.query_field.setText("logits")
    view.zoom_by(5.0)
    for name in CIRCUIT.node_names:
        bar.query_field.setText(name)
        assert desk.selected_nodes == {name}
        place = view.viewport_position(name)
        assert view.viewport().rect().contains(place) and not bar.geometry().contains(place), name

    # nothing found is said; Escape gives the keys back; F3 goes on
    bar.query_field.setText("zebra")
    assert bar.count_label.text() == "none" and not bar.next_button.isEnabled()
    bar.query_field.setText("a2")
    qtbot.keyClick(bar.query_field, Qt.Key.Key_Escape)
    assert not bar.isVisible() and view.hasFocus()
    qtbot.keyClick(view, Qt.Key.Key_F3)
    assert desk.selected_nodes == {HEADS[1]}
    assert not desk.undo_stack.canUndo()


def test_what_a_box_holds_is_found_in_the_box(window: MainWindow, qtbot: QtBot) -> None:
    desk, bar = window.workspace, window.find_bar
    desk.apply_command(group_nodes("Movers", HEADS[:3]))
    desk.apply_command(collapse_groups(["Movers"]))
    bar.open_card()
    bar.query_field.setText(HEADS[1])
    assert desk.selected_nodes == {HEADS[1]} and "in the box Movers" in bar.reason_label.toolTip()
    bar.query_field.setText("movers")
    assert [hit.node for hit in bar.hits] == HEADS[:3]
    desk.undo_stack.undo()
    assert "in the box" not in bar.reason_label.toolTip()


def test_nodes_are_found_by_what_they_promote(open_window, qtbot: QtBot) -> None:
    window: MainWindow = open_window()
    open_arguments(window, None, None, None, demo=True)
    desk, bar = window.workspace, window.find_bar
    qtbot.waitUntil(
        lambda: desk.document.state.circuit is not None and desk.partial_result is None, timeout=90_000
    )
    bar.open_card()
    qtbot.waitUntil(lambda: bool(bar.top_tokens.top_tokens), timeout=90_000)
    state, model = desk.document.state, load_model("demo")
    task = rebuild_task(state.origin, model)
    found = read_top_tokens(model, task, state.circuit.node_names)
    assert bar.top_tokens.top_tokens == found
    for node in ("input", "logits", "m1", next(n for n in state.circuit.node_names if ".h" in n)):
        slow = read_node(model, task, node, 0).top[:3]
        assert [t for t, _ in found[node]] == [t.token for t in slow]
        assert [x for _, x in found[node]] == pytest.approx([t.logit for t in slow], abs=1e-5)
    node, ((token, _), *_) = next((n, tops) for n, tops in found.items() if tops[0][0].strip().isalpha())
    bar.query_field.setText(f'"{token.strip()}"')
    assert node in [hit.node for hit in bar.hits] and "promotes" in " ".join(hit.reason for hit in bar.hits)
    shoot(window, "find-token")
