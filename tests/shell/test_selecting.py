"""Selecting through the menu, paths in their panel, pins that can be let go: in the real window."""

from __future__ import annotations

from collections.abc import Callable

import networkx as nx
import numpy as np
import pytest
from PySide6.QtCore import QPointF, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QTreeWidget
from pytestqt.qtbot import QtBot
from screenshots import shoot

from circuitviz.canvas.path_label_item import path_edge_rows
from circuitviz.document import (
    Document,
    Label,
    State,
    collapse_groups,
    group_nodes,
    move_nodes,
    toggle_ablation,
)
from circuitviz.graph import Graph, ModelShape, Scores
from circuitviz.shell.main_window import MainWindow

GRAPH = Graph.transformer(ModelShape(4, 6, 96))
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
def window(open_window: Callable[[], MainWindow], qtbot: QtBot) -> MainWindow:
    made = open_window()
    labels = {HEADS[0]: Label("Mover"), HEADS[-1]: Label("Mover")}
    made.workspace.set_document(Document(State(None, SCORES, CIRCUIT, labels=labels)))
    qtbot.waitUntil(lambda: bool(made.view.circuit_scene.edges))
    return made


def trigger(window: MainWindow, name: str) -> None:
    assert window.menus.actions[name].isEnabled(), name
    window.menus.actions[name].trigger()


def click_row(tree: QTreeWidget, number: int) -> None:
    item = tree.topLevelItem(number)
    tree.scrollToItem(item)
    QTest.mouseClick(tree.viewport(), Qt.MouseButton.LeftButton, pos=tree.visualItemRect(item).center())


def test_layer_class_inverse_upstream_and_downstream(window: MainWindow) -> None:
    view, one = window.view, HEADS[4]
    everything = set(CIRCUIT.node_names)
    assert not window.menus.actions["select-upstream"].isEnabled()
    view.select({one})
    trigger(window, "select-layer")
    layer = one.split(".")[0]
    assert view.selected_nodes == {
        n for n in everything if n in (f"m{layer[1:]}",) or n.startswith(f"{layer}.")
    }
    trigger(window, "select-invert")
    assert {n for n in view.selected_nodes if n.startswith(f"{layer}.")} == set()
    view.select({HEADS[0]})
    trigger(window, "select-class")
    assert view.selected_nodes == {HEADS[0], HEADS[-1]}
    view.select({one})
    trigger(window, "select-upstream")
    assert view.selected_nodes == nx.ancestors(net(), one) | {one}
    view.select({one})
    trigger(window, "select-downstream")
    assert view.selected_nodes == nx.descendants(net(), one) | {one}
    trigger(window, "select-all")
    assert view.selected_nodes == everything == window.workspace.selected_nodes


def test_every_path_between_two_nodes_is_listed_and_highlighted(window: MainWindow) -> None:
    panel, graph = window.panels["paths"], net()
    start = next(n for n in CIRCUIT.node_names if n != "input" and nx.has_path(graph, n, "logits"))
    wanted = [tuple(k for *_, k in p) for p in nx.all_simple_edge_paths(graph, start, "logits")]
    assert not window.menus.actions["select-paths"].isEnabled()
    window.view.select({"logits", start})
    trigger(window, "select-paths")
    assert panel.isVisible()
    assert window.view.selected_edges == {edge for path in wanted for edge in path}
    assert window.view.selected_nodes == frozenset()
    listed = panel.paths_tree.topLevelItemCount()  # type: ignore[attr-defined]
    assert listed == min(len(wanted), 200)
    assert f"{start} → logits: {len(wanted):,} path" in panel.summary_label.text()  # type: ignore[attr-defined]
    first = panel.paths_tree.topLevelItem(0)  # type: ignore[attr-defined]
    best = max(min(abs(SCORES.values[GRAPH.edge(e)]) for e in path) for path in wanted)
    assert first.text(0) == f"{best:.4f}"
    click_row(panel.paths_tree, 0)  # type: ignore[attr-defined]
    assert tuple(sorted(window.view.selected_edges)) in {tuple(sorted(path)) for path in wanted}
    shoot(window, "paths")
    window.view.select({"logits", "input"})
    window.workspace.apply_command(toggle_ablation({"input"}))
    assert "No path leads" in panel.summary_label.text()  # type: ignore[attr-defined]


def test_a_highlighted_path_says_its_strength_on_the_canvas(window: MainWindow) -> None:
    desk, view, panel = window.workspace, window.view, window.panels["paths"]
    trail, graph = view.scene_items.path_label, net()
    lengths = {n: nx.shortest_path_length(graph, n, "logits") for n in CIRCUIT.node_names if n != "logits"}
    start = max(lengths, key=lambda n: lengths[n])
    view.select({"logits", start})
    trigger(window, "select-paths")

    def share(path: tuple[str, ...]) -> float:
        part = 1.0
        for edge in path:
            node = edge.partition("->")[2].partition("<")[0]
            into = sum(abs(SCORES.values[GRAPH.edge(k)]) for *_, k in graph.in_edges(node, keys=True))
            part *= abs(SCORES.values[GRAPH.edge(edge)]) / into
        return part

    every = [tuple(k for *_, k in p) for p in nx.all_simple_edge_paths(graph, start, "logits")]
    together = f"{len(every)} paths · {100 * sum(map(share, every)):.2g} %"
    assert trail.text == together and trail.position is not None
    assert view.accessibleDescription() == f"From {start} to logits: {together}"
    shoot(window, "paths-all")
    rows = panel.paths_tree.topLevelItem  # type: ignore[attr-defined]
    click_row(panel.paths_tree, 1)  # type: ignore[attr-defined]
    path = trail.path.edges
    weakest = min(abs(SCORES.values[GRAPH.edge(e)]) for e in path)
    assert trail.text == f"{weakest:.4f} · {100 * share(path):.2g} %" and len(path) > 1
    assert view.selected_edges == set(path)

    # it stands on one of the path's own curves, and on no node
    geometry = view.scene_items.geometry
    drawn = np.array([geometry.scene.edge_rows[e][0] for e in path])
    assert geometry.curves.distances(*trail.position, drawn).min() < 1.0
    assert geometry.node_at(QPointF(*trail.position)) is None
    shoot(window, "path")
    rows(0).setSelected(True)
    assert trail.text == f"2 paths · {100 * (share(path) + share(trail.path.edges)):.2g} %"

    # it goes with the selection, and with an edge of the path; a box keeps it in sight
    view.select({start})
    assert trail.path is None and trail.position is None
    click_row(panel.paths_tree, 0)  # type: ignore[attr-defined]
    found = trail.path
    desk.apply_command(group_nodes("Pair", frozenset(found.nodes[:2])))
    desk.apply_command(collapse_groups(["Pair"]))
    assert (
        trail.position is not None and len(path_edge_rows(view.circuit_scene, found)) == len(found.edges) - 1
    )
    desk.apply_command(toggle_ablation(edges={found.edges[0]}))
    assert trail.position is None


def test_a_dragged_node_stays_through_layouts_until_it_is_unpinned(window: MainWindow) -> None:
    view = window.view
    window.workspace.apply_command(move_nodes({HEADS[2]: (1000.0, 77.0)}))
    free = view.viewport_position(HEADS[3])
    for _ in range(3):
        trigger(window, "layout")
        QTest.qWait(300)
        node = view.circuit_scene.by_name[HEADS[2]]
        assert (node.x, node.y) == view.aspect_fitter.transform.to_view((1000.0, 77.0))
    assert free != view.viewport_position(HEADS[3])
    view.select({HEADS[3]})
    trigger(window, "unpin")  # none of the selected is pinned: all are let go
    assert window.workspace.state.positions == {}
    assert view.circuit_scene.by_name[HEADS[2]].x < node.x - 1
    assert not window.menus.actions["unpin"].isEnabled()
    window.workspace.undo_stack.undo()
    assert window.workspace.state.positions == {HEADS[2]: (1000.0, 77.0)}


def test_shortcuts_reach_the_selection_without_a_mouse(window: MainWindow) -> None:
    window.view.setFocus()
    QTest.keyClick(window.view, Qt.Key.Key_Down)
    assert window.view.selected_nodes == {"logits"}
    QTest.keyClick(window.view, Qt.Key.Key_U)
    assert window.view.selected_nodes == nx.ancestors(net(), "logits") | {"logits"}
