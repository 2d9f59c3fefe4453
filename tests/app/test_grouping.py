"""Groups in the real window: put together, named, collapsed, ablated, nested, saved, and all undone."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from opening import open_in, save_in
from PySide6.QtCore import Qt
from pytestqt.qtbot import QtBot
from screenshots import shoot

from circuitviz.app.window import MainWindow
from circuitviz.graph import Graph, Scores, Shape
from circuitviz.session import Document, Label, State

GRAPH = Graph.transformer(Shape(4, 8, 128))
SCORES = Scores(GRAPH, np.random.default_rng(3).normal(size=GRAPH.mask.shape), "eap")
CIRCUIT = SCORES.greedy(80)
LEFT, CONTROL = Qt.MouseButton.LeftButton, Qt.KeyboardModifier.ControlModifier


@pytest.fixture
def window(open_window, qtbot: QtBot) -> MainWindow:
    made: MainWindow = open_window()
    made.desk.set_document(Document(State(None, SCORES, CIRCUIT)))
    with qtbot.waitActive(made):
        made.activateWindow()
    made.view.setFocus()
    return made


def click(window: MainWindow, qtbot: QtBot, *names: str) -> None:
    for i, name in enumerate(names):
        keys = CONTROL if i else Qt.KeyboardModifier.NoModifier
        qtbot.mouseClick(window.view.viewport(), LEFT, keys, window.view.place_of(name))


def name(window: MainWindow, qtbot: QtBot, text: str) -> None:
    field = window.grouping.field
    assert field.isVisible() and field.hasFocus()
    qtbot.keyClicks(field, text)
    qtbot.keyClick(field, Qt.Key.Key_Return)
    assert not field.isVisible() and window.view.hasFocus()


def test_find_group_rename_collapse_ablate_and_undo_all(
    window: MainWindow, qtbot: QtBot, tmp_path: Path
) -> None:
    desk, view = window.desk, window.view
    first = desk.document.state.hash
    heads = [n for n in CIRCUIT.node_names if n.startswith("a3")]
    qtbot.keyClick(view, Qt.Key.Key_F, CONTROL)
    qtbot.keyClicks(window.find_bar.line, "a3.h")
    qtbot.keyClick(window.find_bar.line, Qt.Key.Key_Return, Qt.KeyboardModifier.AltModifier)
    qtbot.keyClick(window.find_bar.line, Qt.Key.Key_Escape)
    assert desk.nodes == set(heads) and len(heads) > 1
    qtbot.keyClick(view, Qt.Key.Key_G, CONTROL)
    assert window.grouping.field.text() == "Group 1"
    name(window, qtbot, "Name Movers")
    assert set(desk.document.state.groups) == {"Name Movers"} and view.picture.frames[0].nodes == set(heads)
    shoot(window, "group-open")

    qtbot.keyClick(view, Qt.Key.Key_F2)
    name(window, qtbot, "S-Inhibition")
    assert set(desk.document.state.groups) == {"S-Inhibition"}
    assert desk.nodes == set(heads)

    # collapsed: one box, arrows that are sums, the desk still speaks of heads
    qtbot.keyClick(view, Qt.Key.Key_C)
    box = view.picture.by_name["S-Inhibition"]
    assert set(box.members) == set(heads) and not set(heads) & set(view.picture.by_name)
    assert view.nodes == {"S-Inhibition"} and desk.nodes == set(heads)
    into = [e for e in view.picture.edges if e.node == box.name and e.channel == "q"]
    for edge in into:
        sender = GRAPH.sender_index[edge.sender]
        columns = [GRAPH.receiver_index[f"{head}<q>"] for head in heads]
        kept = [c for c in columns if CIRCUIT.edges[sender, c]]
        assert edge.count == len(kept) and edge.score == pytest.approx(SCORES.values[sender, kept].sum())
    assert into and "showing 80 of 1,519 edges" in view.note
    shoot(window, "group-collapsed")

    # an arrow selects the edges that it sums
    arrow = max((e for e in view.picture.edges if box.name in (e.sender, e.node)), key=lambda e: e.count)
    view.select(set(), {arrow.name})
    assert len(desk.edges) == arrow.count and view.edges == {arrow.name}

    # ablating the box takes its heads out; its arrows are then ghosts
    click(window, qtbot, box.name)
    qtbot.keyClick(view, Qt.Key.Key_A)
    assert desk.document.state.ablated_nodes == set(heads)
    assert view.picture.by_name[box.name].ablated
    assert all(e.ablated for e in view.picture.edges if e.sender == box.name)
    qtbot.keyClick(view, Qt.Key.Key_Z, CONTROL)

    # dragged, saved, opened again
    view.node_moved.emit({box.name: (40.0, 300.0)})
    assert desk.document.state.groups[box.name].place == (40.0, 300.0)
    at = view.picture.by_name[box.name]
    assert (at.x, at.y) == view.spreading.spread.place((40.0, 300.0))
    path, kept = tmp_path / "a.circuit", desk.document.state.hash
    assert save_in(window, path)
    steps = desk.undo.index()

    # a double click opens, another on a head closes
    qtbot.waitUntil(lambda: not view.motion.running)
    qtbot.mouseDClick(view.viewport(), LEFT, pos=view.place_of(box.name))
    assert set(heads) <= set(view.picture.by_name)
    qtbot.mouseDClick(view.viewport(), LEFT, pos=view.place_of(heads[0]))
    assert box.name in view.picture.by_name
    while desk.undo.index() > steps:
        qtbot.keyClick(view, Qt.Key.Key_Z, CONTROL)
    assert desk.document.state.hash == kept
    while desk.undo.canUndo():
        qtbot.keyClick(view, Qt.Key.Key_Z, CONTROL)
    assert desk.document.state.hash == first and not view.picture.frames
    while desk.undo.canRedo():
        desk.undo.redo()
    desk.undo.setIndex(steps)
    assert desk.document.state.hash == kept
    open_in(window, qtbot, path)
    assert desk.document.state.hash == kept and box.name in view.picture.by_name


def test_groups_nest_and_the_views_change(window: MainWindow, qtbot: QtBot) -> None:
    desk, view = window.desk, window.view
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
    assert {n.name for n in view.picture.nodes if n.members} == {"Name Mover", "Induction", "late MLP"}
    boxes = [n for n in view.picture.nodes]
    shoot(window, "class-view")
    from circuitviz.canvas.paint import box

    for i, one in enumerate(boxes):
        assert not any(box(one).intersects(box(two)) for two in boxes[i + 1 :]), one.name
    qtbot.keyClick(view, Qt.Key.Key_H, Qt.KeyboardModifier.ShiftModifier)
    assert {n.name for n in view.picture.nodes} == set(CIRCUIT.node_names)
    assert [f.name for f in view.picture.frames] == ["Name Mover", "Induction", "Pair", "late MLP"]
    shoot(window, "head-view")
    assert not window.chrome.actions["head-view"].isEnabled()

    # a name that is taken is told, and nothing changes
    view.select(set(a2[:2]))
    kept = desk.document.state.hash
    qtbot.keyClick(view, Qt.Key.Key_F2)
    name(window, qtbot, "Induction")
    assert window.dialog is not None and "already" in window.dialog.informativeText()
    window.dialog.close()
    assert desk.document.state.hash == kept
    qtbot.keyClick(view, Qt.Key.Key_G, CONTROL | Qt.KeyboardModifier.ShiftModifier)
    assert "Pair" not in desk.document.state.groups
    qtbot.keyClick(view, Qt.Key.Key_F2)
    qtbot.keyClick(window.grouping.field, Qt.Key.Key_Escape)
    assert not window.grouping.field.isVisible()


def test_a_part_of_a_box_stays_selected_on_the_desk(window: MainWindow, qtbot: QtBot) -> None:
    desk, view = window.desk, window.view
    heads = [n for n in CIRCUIT.node_names if n.startswith("a2")][:3]
    view.select(set(heads))
    qtbot.keyClick(view, Qt.Key.Key_G, CONTROL)
    name(window, qtbot, "Movers")
    qtbot.keyClick(view, Qt.Key.Key_C)
    desk.select(frozenset(heads[:1]), frozenset())
    assert desk.nodes == set(heads[:1]) and not view.nodes
    qtbot.keyClick(view, Qt.Key.Key_C)  # the narrowest group around it
    assert view.nodes == set(heads[:1]) and "Movers" not in view.picture.by_name
