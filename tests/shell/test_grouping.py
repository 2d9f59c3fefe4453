"""Groups in the real window: put together, named, collapsed, ablated, nested, saved, and all undone."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from opening import double_click, open_in, save_in
from PySide6.QtCore import Qt
from pytestqt.qtbot import QtBot
from screenshots import shoot

from circuitviz.document import Document, Label, State
from circuitviz.graph import Graph, ModelShape, Scores
from circuitviz.shell.main_window import MainWindow

GRAPH = Graph.transformer(ModelShape(4, 8, 128))
SCORES = Scores(GRAPH, np.random.default_rng(3).normal(size=GRAPH.mask.shape), "eap")
CIRCUIT = SCORES.greedy(80)
LEFT, CONTROL = Qt.MouseButton.LeftButton, Qt.KeyboardModifier.ControlModifier


@pytest.fixture
def window(open_window, qtbot: QtBot) -> MainWindow:
    made: MainWindow = open_window()
    made.workspace.set_document(Document(State(None, SCORES, CIRCUIT)))
    with qtbot.waitActive(made):
        made.activateWindow()
    made.view.setFocus()
    return made


def click(window: MainWindow, qtbot: QtBot, *names: str) -> None:
    for i, name in enumerate(names):
        keys = CONTROL if i else Qt.KeyboardModifier.NoModifier
        qtbot.mouseClick(window.view.viewport(), LEFT, keys, window.view.viewport_position(name))


def name(window: MainWindow, qtbot: QtBot, text: str) -> None:
    field = window.group_controller.name_field
    assert field.isVisible() and field.hasFocus()
    qtbot.keyClicks(field, text)
    qtbot.keyClick(field, Qt.Key.Key_Return)
    assert not field.isVisible() and window.view.hasFocus()


def test_find_group_rename_collapse_ablate_and_undo_all(
    window: MainWindow, qtbot: QtBot, tmp_path: Path
) -> None:
    desk, view = window.workspace, window.view
    first = desk.document.state.hash
    heads = [n for n in CIRCUIT.node_names if n.startswith("a3")]
    qtbot.keyClick(view, Qt.Key.Key_F, CONTROL)
    qtbot.keyClicks(window.find_bar.query_field, "a3.h")
    qtbot.keyClick(window.find_bar.query_field, Qt.Key.Key_Return, Qt.KeyboardModifier.AltModifier)
    qtbot.keyClick(window.find_bar.query_field, Qt.Key.Key_Escape)
    assert desk.selected_nodes == set(heads) and len(heads) > 1
    qtbot.keyClick(view, Qt.Key.Key_G, CONTROL)
    assert window.group_controller.name_field.text() == "Group 1"
    name(window, qtbot, "Name Movers")
    assert set(desk.document.state.groups) == {"Name Movers"} and view.circuit_scene.frames[0].nodes == set(
        heads
    )
    shoot(window, "group-open")

    qtbot.keyClick(view, Qt.Key.Key_F2)
    name(window, qtbot, "S-Inhibition")
    assert set(desk.document.state.groups) == {"S-Inhibition"}
    assert desk.selected_nodes == set(heads)

    # collapsed: one box, arrows that are sums, the desk still speaks of heads
    qtbot.keyClick(view, Qt.Key.Key_C)
    box = view.circuit_scene.by_name["S-Inhibition"]
    assert set(box.members) == set(heads) and not set(heads) & set(view.circuit_scene.by_name)
    assert view.selected_nodes == {"S-Inhibition"} and desk.selected_nodes == set(heads)
    into = [e for e in view.circuit_scene.edges if e.receiver == box.name and e.channel == "q"]
    for edge in into:
        sender = GRAPH.sender_index[edge.sender]
        columns = [GRAPH.receiver_index[f"{head}<q>"] for head in heads]
        kept = [c for c in columns if CIRCUIT.edges[sender, c]]
        assert edge.n_edges == len(kept) and edge.score == pytest.approx(SCORES.values[sender, kept].sum())
    assert into and "showing 80 of 1,519 edges" in view.status_text
    shoot(window, "group-collapsed")

    # an arrow selects the edges that it sums
    arrow = max(
        (e for e in view.circuit_scene.edges if box.name in (e.sender, e.receiver)), key=lambda e: e.n_edges
    )
    view.select(set(), {arrow.name})
    assert len(desk.selected_edges) == arrow.n_edges and view.selected_edges == {arrow.name}

    # ablating the box takes its heads out; its arrows are then ghosts
    click(window, qtbot, box.name)
    qtbot.keyClick(view, Qt.Key.Key_A)
    assert desk.document.state.ablated_nodes == set(heads)
    assert view.circuit_scene.by_name[box.name].ablated
    assert all(e.ablated for e in view.circuit_scene.edges if e.sender == box.name)
    qtbot.keyClick(view, Qt.Key.Key_Z, CONTROL)

    # dragged, saved, opened again
    view.nodes_moved.emit({box.name: (40.0, 300.0)})
    assert desk.document.state.groups[box.name].place == (40.0, 300.0)
    at = view.circuit_scene.by_name[box.name]
    assert (at.x, at.y) == view.aspect_fitter.transform.to_view((40.0, 300.0))
    path, kept = tmp_path / "a.circuit", desk.document.state.hash
    assert save_in(window, path)
    steps = desk.undo_stack.index()

    # a double click opens, another on a head closes
    qtbot.waitUntil(lambda: not view.animation.is_running)
    double_click(view.viewport(), view.viewport_position(box.name))
    assert set(heads) <= set(view.circuit_scene.by_name)
    double_click(view.viewport(), view.viewport_position(heads[0]))
    assert box.name in view.circuit_scene.by_name
    while desk.undo_stack.index() > steps:
        qtbot.keyClick(view, Qt.Key.Key_Z, CONTROL)
    assert desk.document.state.hash == kept
    while desk.undo_stack.canUndo():
        qtbot.keyClick(view, Qt.Key.Key_Z, CONTROL)
    assert desk.document.state.hash == first and not view.circuit_scene.frames
    while desk.undo_stack.canRedo():
        desk.undo_stack.redo()
    desk.undo_stack.setIndex(steps)
    assert desk.document.state.hash == kept
    open_in(window, qtbot, path)
    assert desk.document.state.hash == kept and box.name in view.circuit_scene.by_name


def test_groups_nest_and_the_views_change(window: MainWindow, qtbot: QtBot) -> None:
    desk, view = window.workspace, window.view
    a2 = [n for n in CIRCUIT.node_names if n.startswith("a2")]
    a1 = [n for n in CIRCUIT.node_names if n.startswith("a1")]
    labels = {**{n: Label("Induction") for n in a1[:3]}, "m2": Label("late MLP")}
    desk.set_document(Document(State(None, SCORES, CIRCUIT, labels=labels)))
    view.setFocus()
    click(window, qtbot, *a2[:2])
    qtbot.keyClick(view, Qt.Key.Key_G, CONTROL)
    name(window, qtbot, "Pair")
    qtbot.keyClick(view, Qt.Key.Key_C)
    view.select({"Pair", a2[2], a2[3]})
    qtbot.keyClick(view, Qt.Key.Key_G, CONTROL)
    name(window, qtbot, "Name Mover")
    groups = desk.document.state.groups
    assert groups["Pair"].nodes < groups["Name Mover"].nodes and groups["Pair"].collapsed
    shoot(window, "group-nested")
    qtbot.keyClick(view, Qt.Key.Key_C, Qt.KeyboardModifier.ShiftModifier)
    assert {n.name for n in view.circuit_scene.nodes if n.members} == {"Name Mover", "Induction", "late MLP"}
    boxes = [n for n in view.circuit_scene.nodes]
    shoot(window, "class-view")
    from circuitviz.paint.circuit_painter import node_box

    for i, one in enumerate(boxes):
        assert not any(node_box(one).intersects(node_box(two)) for two in boxes[i + 1 :]), one.name
    qtbot.keyClick(view, Qt.Key.Key_H, Qt.KeyboardModifier.ShiftModifier)
    assert {n.name for n in view.circuit_scene.nodes} == set(CIRCUIT.node_names)
    assert [f.name for f in view.circuit_scene.frames] == ["Name Mover", "Induction", "Pair", "late MLP"]
    shoot(window, "head-view")
    assert not window.menus.actions["head-view"].isEnabled()

    # a name that is taken is told, and nothing changes
    view.select(set(a2[:2]))
    kept = desk.document.state.hash
    qtbot.keyClick(view, Qt.Key.Key_F2)
    name(window, qtbot, "Induction")
    assert (
        window.dialogs.failure_dialog is not None
        and "already" in window.dialogs.failure_dialog.informativeText()
    )
    window.dialogs.failure_dialog.close()
    assert desk.document.state.hash == kept
    qtbot.keyClick(view, Qt.Key.Key_G, CONTROL | Qt.KeyboardModifier.ShiftModifier)
    assert "Pair" not in desk.document.state.groups
    qtbot.keyClick(view, Qt.Key.Key_F2)
    qtbot.keyClick(window.group_controller.name_field, Qt.Key.Key_Escape)
    assert not window.group_controller.name_field.isVisible()


def test_a_part_of_a_box_stays_selected_on_the_desk(window: MainWindow, qtbot: QtBot) -> None:
    desk, view = window.workspace, window.view
    heads = [n for n in CIRCUIT.node_names if n.startswith("a2")][:3]
    view.select(set(heads))
    qtbot.keyClick(view, Qt.Key.Key_G, CONTROL)
    name(window, qtbot, "Movers")
    qtbot.keyClick(view, Qt.Key.Key_C)
    desk.set_selection(frozenset(heads[:1]), frozenset())
    assert desk.selected_nodes == set(heads[:1]) and not view.selected_nodes
    qtbot.keyClick(view, Qt.Key.Key_C)  # the narrowest group around it
    assert view.selected_nodes == set(heads[:1]) and "Movers" not in view.circuit_scene.by_name
