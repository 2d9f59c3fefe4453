"""Nodes and edges of two circuits: their sides, their scores, and rows that are the canvas's selection."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from panel_host import LONG, PanelHost
from PySide6.QtCore import Qt
from pytestqt.qtbot import QtBot

from circuitviz.document import Document, State
from circuitviz.formats import save_document
from circuitviz.graph import Graph, ModelShape, Scores

GRAPH = Graph.transformer(ModelShape(4, 6, 96))
HERE, THERE = (
    Scores(GRAPH, np.random.default_rng(seed).normal(size=GRAPH.mask.shape), "eap") for seed in (3, 4)
)


@pytest.fixture
def host(idle_host: PanelHost, qtbot: QtBot, tmp_path: Path) -> PanelHost:
    """A circuit and another one to compare with."""
    save_document(Document(State(None, THERE, THERE.greedy(60))), tmp_path / "other.circuit")
    idle_host.workspace.set_document(Document(State(None, HERE, HERE.greedy(60))))
    idle_host.workspace.comparison.add_file(tmp_path / "other.circuit")
    qtbot.waitUntil(lambda: idle_host.workspace.comparison.chosen_document is not None, timeout=LONG)
    return idle_host


def test_every_edge_of_either_circuit_is_listed_with_its_scores(host: PanelHost) -> None:
    page = host.show("compare").parts_page
    page.kind_box.setCurrentText("Edges")
    ours, theirs = HERE.greedy(60), THERE.greedy(60)
    parts = {part.name: part for part in page.table_model.parts}
    assert set(parts) == set(ours.edge_names) | set(theirs.edge_names)
    for name, part in parts.items():
        sides = (name in ours.edge_names, name in theirs.edge_names)
        assert part.side == {(True, True): "both", (True, False): "left", (False, True): "right"}[sides]
        at = GRAPH.edge(name)
        scores = [
            float(s.values[at]) if is_in else None for s, is_in in zip((HERE, THERE), sides, strict=True)
        ]
        assert [part.score_here, part.score_there] == scores
    shared = len(set(ours.edge_names) & set(theirs.edge_names))
    assert f">&nbsp;&nbsp;{shared}<" in page.summary_label.text()


def test_rows_are_the_selection(host: PanelHost, qtbot: QtBot) -> None:
    page = host.show("compare").parts_page
    page.table.selectRow(0)
    first = page.table.model().index(0, 0).data()
    assert host.workspace.selected_nodes == {first}
    node = page.table_model.parts[3].name
    host.workspace.set_selection(frozenset({node}), frozenset())
    assert [index.data() for index in page.table.selectionModel().selectedRows()] == [node]
    qtbot.mouseClick(page.overlay_button, Qt.MouseButton.LeftButton)
    assert host.workspace.comparison.is_overlaid and page.overlay_button.text() == "Show this circuit alone"


def test_the_selection_is_marked_once_the_panel_is_in_front(host: PanelHost) -> None:
    panel = host.show("compare")
    page = panel.parts_page
    panel.set_in_front(False)
    node = page.table_model.parts[3].name
    host.workspace.set_selection(frozenset({node}), frozenset())
    assert not page.table.selectionModel().hasSelection()
    panel.set_in_front(True)
    assert [index.data() for index in page.table.selectionModel().selectedRows()] == [node]
