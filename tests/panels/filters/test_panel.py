"""The Filters panel: what its fields set in the document, and back again."""

from __future__ import annotations

import numpy as np
import pytest
from panel_host import PanelHost
from PySide6.QtCore import Qt
from pytestqt.qtbot import QtBot

from circuitviz.document import Document, State, ViewFilters, set_filters
from circuitviz.graph import Graph, ModelShape, Scores
from circuitviz.graph.spans import PromptSpans
from circuitviz.scene.build_scene import build_scene

GRAPH = Graph.transformer(ModelShape(4, 8, 128))
SCORES = Scores(GRAPH, np.random.default_rng(3).normal(size=GRAPH.mask.shape), "eap")


@pytest.fixture
def host(idle_host: PanelHost) -> PanelHost:
    idle_host.workspace.set_document(Document(State(None, SCORES, SCORES.greedy(80))))
    return idle_host


def test_a_panel_without_a_circuit_is_disabled(idle_host: PanelHost) -> None:
    assert not idle_host.show("filters").isEnabled()


def test_fields_set_filters_in_one_step_of_undo(host: PanelHost, qtbot: QtBot) -> None:
    panel, workspace = host.show("filters"), host.workspace
    assert panel.isEnabled() and not panel.show_all_button.isEnabled()
    assert list(panel.kind_chips.chips) == ["input", "head", "mlp", "logits"]
    panel.max_edges_slider.setValue(300)
    n_edges = workspace.state.filters.most
    assert n_edges is not None and 1 < n_edges < 80 and panel.max_edges_label.text() == str(n_edges)
    qtbot.mouseClick(panel.sign_chips.chips["negative"], Qt.MouseButton.LeftButton)
    qtbot.mouseClick(panel.channel_chips.chips["k"], Qt.MouseButton.LeftButton)
    qtbot.mouseClick(panel.kind_chips.chips["mlp"], Qt.MouseButton.LeftButton)
    panel.first_layer_field.setValue(1)
    panel.edge_score_field.setValue(1.0)
    filters = workspace.state.filters
    assert filters == ViewFilters(
        most=n_edges,
        least=1.0,
        hidden_signs=frozenset({"negative"}),
        hidden_channels=frozenset({"k"}),
        hidden_kinds=frozenset({"mlp"}),
        low=1,
    )
    assert workspace.undo_stack.count() == 1
    workspace.undo_stack.undo()
    assert panel.current_filters() == ViewFilters() and panel.max_edges_label.text() == "all"
    workspace.undo_stack.redo()
    assert panel.current_filters() == filters
    qtbot.mouseClick(panel.show_all_button, Qt.MouseButton.LeftButton)
    assert workspace.state.filters == ViewFilters() and not panel.show_all_button.isEnabled()


def test_filters_of_the_document_are_shown(host: PanelHost) -> None:
    panel = host.show("filters")
    filters = ViewFilters(least=0.5, score=2.0, low=1, high=2, joined=True)
    host.workspace.apply_command(set_filters(filters))
    assert panel.current_filters() == filters and panel.connected_box.isChecked()
    assert (panel.first_layer_field.value(), panel.last_layer_field.value()) == (1, 2)


def test_spans_of_a_circuit_by_span_are_hidden(idle_host: PanelHost, qtbot: QtBot) -> None:
    panel, workspace = idle_host.show("filters"), idle_host.workspace
    workspace.set_document(Document(State(None, SCORES, SCORES.greedy(80))))
    assert not panel.span_chips.isVisible()
    graph = Graph.transformer(ModelShape(2, 2, 8)).with_spans(
        PromptSpans.of_prompts([["other", "S1", "S2", "END"]])
    )
    scores = Scores(graph, np.random.default_rng(4).normal(size=graph.mask.shape) * graph.mask, "eap")
    workspace.set_document(Document(State(None, scores, scores.greedy(60))))
    assert panel.span_chips.isVisible() and list(panel.span_chips.chips) == ["other", "S1", "S2", "END"]
    qtbot.mouseClick(panel.span_chips.chips["S1"], Qt.MouseButton.LeftButton)
    filters = workspace.state.filters
    assert filters == ViewFilters(hidden_spans=frozenset({"S1"}))
    assert ViewFilters.from_json(filters.to_json()) == filters
    shown = {node.name for node in build_scene(workspace.state).nodes}
    nodes = workspace.state.circuit.node_names
    assert shown == {name for name in nodes if not name.endswith("@S1")} != set(nodes)
