"""Selecting through the menu, paths in their panel, pins that can be let go: in the real window."""

from __future__ import annotations

from collections.abc import Callable

import networkx as nx
import numpy as np
import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from screenshots import shoot

from circuitviz.app.window import MainWindow
from circuitviz.graph import Graph, Scores, Shape
from circuitviz.session import Document, Label, State, move_nodes, toggle_ablation

GRAPH = Graph.transformer(Shape(4, 6, 96))
SCORES = Scores(GRAPH, np.random.default_rng(8).normal(size=GRAPH.mask.shape), "eap")
CIRCUIT = SCORES.greedy(70)
HEADS = [name for name in CIRCUIT.node_names if ".h" in name]


def net() -> nx.MultiDiGraph:
    made = nx.MultiDiGraph()
    for name in CIRCUIT.edge_names:
        sender, receiver = name.split("->")
        made.add_edge(sender, receiver.split("<")[0], key=name)
    return made


@pytest.fixture
def window(open_window: Callable[[], MainWindow]) -> MainWindow:
    made = open_window()
    labels = {HEADS[0]: Label("Mover"), HEADS[-1]: Label("Mover")}
    made.desk.set_document(Document(State(None, SCORES, CIRCUIT, labels=labels)))
    return made


def trigger(window: MainWindow, name: str) -> None:
    assert window.chrome.actions[name].isEnabled(), name
    window.chrome.actions[name].trigger()


def test_layer_class_inverse_upstream_and_downstream(window: MainWindow) -> None:
    view, one = window.view, HEADS[4]
    everything = set(CIRCUIT.node_names)
    assert not window.chrome.actions["select-upstream"].isEnabled()
    view.select({one})
    trigger(window, "select-layer")
    layer = one.split(".")[0]
    assert view.nodes == {n for n in everything if n in (f"m{layer[1:]}",) or n.startswith(f"{layer}.")}
    trigger(window, "select-invert")
    assert {n for n in view.nodes if n.startswith(f"{layer}.")} == set()
    view.select({HEADS[0]})
    trigger(window, "select-class")
    assert view.nodes == {HEADS[0], HEADS[-1]}
    view.select({one})
    trigger(window, "select-upstream")
    assert view.nodes == nx.ancestors(net(), one) | {one}
    view.select({one})
    trigger(window, "select-downstream")
    assert view.nodes == nx.descendants(net(), one) | {one}
    trigger(window, "select-all")
    assert view.nodes == everything == window.desk.nodes


def test_every_path_between_two_nodes_is_listed_and_highlighted(window: MainWindow) -> None:
    panel, graph = window.panels["paths"], net()
    start = next(n for n in CIRCUIT.node_names if n != "input" and nx.has_path(graph, n, "logits"))
    wanted = [tuple(k for *_, k in p) for p in nx.all_simple_edge_paths(graph, start, "logits")]
    assert not window.chrome.actions["select-paths"].isEnabled()
    window.view.select({"logits", start})
    trigger(window, "select-paths")
    assert panel.isVisible()
    assert window.view.edges == {edge for path in wanted for edge in path}
    assert window.view.nodes == frozenset()
    listed = panel.list.topLevelItemCount()  # type: ignore[attr-defined]
    assert listed == min(len(wanted), 200)
    assert f"{start} → logits: {len(wanted):,} path" in panel.about.text()  # type: ignore[attr-defined]
    first = panel.list.topLevelItem(0)  # type: ignore[attr-defined]
    best = max(min(abs(SCORES.values[GRAPH.edge(e)]) for e in path) for path in wanted)
    assert first.text(0) == f"{best:.4f}"
    panel.list.setCurrentItem(first)  # type: ignore[attr-defined]
    assert tuple(sorted(window.view.edges)) in {tuple(sorted(path)) for path in wanted}
    shoot(window, "paths")
    window.view.select({"logits", "input"})
    window.desk.do(toggle_ablation({"input"}))
    assert "No path leads" in panel.about.text()  # type: ignore[attr-defined]


def test_a_dragged_node_stays_through_layouts_until_it_is_unpinned(window: MainWindow) -> None:
    view = window.view
    window.desk.do(move_nodes({HEADS[2]: (1000.0, 77.0)}))
    free = view.place_of(HEADS[3])
    for _ in range(3):
        trigger(window, "layout")
        QTest.qWait(300)
        node = view.picture.by_name[HEADS[2]]
        assert (node.x, node.y) == (1000.0, 77.0)
    assert free != view.place_of(HEADS[3])
    view.select({HEADS[3]})
    trigger(window, "unpin")  # none of the selected is pinned: all are let go
    assert window.desk.state.positions == {}
    assert view.picture.by_name[HEADS[2]].x < 999
    assert not window.chrome.actions["unpin"].isEnabled()
    window.desk.undo.undo()
    assert window.desk.state.positions == {HEADS[2]: (1000.0, 77.0)}


def test_shortcuts_reach_the_selection_without_a_mouse(window: MainWindow) -> None:
    window.view.setFocus()
    QTest.keyClick(window.view, Qt.Key.Key_Down)
    assert window.view.nodes == {"logits"}
    QTest.keyClick(window.view, Qt.Key.Key_U)
    assert window.view.nodes == nx.ancestors(net(), "logits") | {"logits"}
