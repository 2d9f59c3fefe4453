"""The Paths panel: every path between two nodes, as networkx finds them, and what is highlighted."""

from __future__ import annotations

from typing import Any

import networkx as nx
import numpy as np
import pytest
from panel_host import PanelHost
from PySide6.QtCore import Qt
from pytestqt.qtbot import QtBot

from circuitviz.document import Document, State, toggle_ablation
from circuitviz.graph import Graph, ModelShape, Scores
from circuitviz.panels.paths.panel import MAX_LISTED_PATHS

GRAPH = Graph.transformer(ModelShape(4, 6, 96))
SCORES = Scores(GRAPH, np.random.default_rng(8).normal(size=GRAPH.mask.shape), "eap")
CIRCUIT = SCORES.greedy(70)


@pytest.fixture
def host(idle_host: PanelHost) -> PanelHost:
    idle_host.workspace.set_document(Document(State(None, SCORES, CIRCUIT)))
    return idle_host


def networkx_paths(end: str = "logits") -> tuple[str, list[tuple[str, ...]]]:
    """A node that reaches ``end`` on few paths, and the edges of each."""
    graph = nx.MultiDiGraph()
    for name in CIRCUIT.edge_names:
        sender, receiver = name.split("->")
        graph.add_edge(sender, receiver.split("<")[0], key=name)
    for node in CIRCUIT.node_names:
        if node not in ("input", end) and nx.has_path(graph, node, end):
            paths = [tuple(key for *_, key in path) for path in nx.all_simple_edge_paths(graph, node, end)]
            if 2 < len(paths) < MAX_LISTED_PATHS:
                return node, paths
    raise AssertionError("no such node")


def test_every_path_is_listed_and_highlighted(host: PanelHost, qtbot: QtBot) -> None:
    panel, workspace = host.show("paths"), host.workspace
    assert "Select two nodes" in panel.summary_label.text() and not panel.highlight_all_button.isEnabled()
    start, paths = networkx_paths()
    highlighted: list[Any] = []
    workspace.path_highlighted.connect(highlighted.append)
    workspace.set_selection(frozenset({"logits", start}), frozenset())
    assert panel.paths_tree.topLevelItemCount() == len(paths)
    assert f"{start} → logits: {len(paths):,} path" in panel.summary_label.text()
    strengths = sorted((min(abs(SCORES.values[GRAPH.edge(e)]) for e in path) for path in paths), reverse=True)
    items = [panel.paths_tree.topLevelItem(row) for row in range(len(paths))]
    assert [item.text(0) for item in items] == [f"{strength:.4f}" for strength in strengths]

    rect = panel.paths_tree.visualItemRect(items[1])
    qtbot.mouseClick(panel.paths_tree.viewport(), Qt.MouseButton.LeftButton, pos=rect.center())
    assert tuple(sorted(workspace.selected_edges)) in {tuple(sorted(path)) for path in paths}
    assert highlighted[-1][1].startswith(items[1].text(0))
    qtbot.mouseClick(panel.highlight_all_button, Qt.MouseButton.LeftButton)
    assert workspace.selected_edges == {edge for path in paths for edge in path}
    assert highlighted[-1][1].startswith(f"{len(paths)} paths")


def test_ablated_edges_carry_no_path(host: PanelHost) -> None:
    panel = host.show("paths")
    start, _ = networkx_paths()
    host.workspace.set_selection(frozenset({"logits", start}), frozenset())
    host.workspace.apply_command(toggle_ablation({start}))
    assert panel.summary_label.text() == f"No path leads from {start} to logits."
    assert not panel.paths_tree.topLevelItemCount() and not panel.highlight_all_button.isEnabled()
