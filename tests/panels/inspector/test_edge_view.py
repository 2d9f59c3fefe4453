"""An edge's own reading in the inspector: positions, pairs of positions, and when there is none."""

from __future__ import annotations

import numpy as np
import pytest
from panel_host import LONG, PanelHost
from PySide6.QtCore import QEvent, QPointF, Qt
from PySide6.QtGui import QMouseEvent
from PySide6.QtWidgets import QToolTip
from pytestqt.qtbot import QtBot

from circuitviz.discovery import make_setting, read_edge_steps
from circuitviz.progress import run_to_completion


def _strongest_edge(host: PanelHost, ending: str) -> str:
    circuit, scores = host.workspace.state.circuit, host.workspace.state.scores
    edges = [edge for edge in circuit.edge_names if edge.endswith(ending)]
    return max(edges, key=lambda edge: abs(scores.values[circuit.graph.edge(edge)]))


def _choose(host: PanelHost, qtbot: QtBot, edge: str) -> object:
    inspector = host.show("inspector")
    host.workspace.set_selection(frozenset(), frozenset({edge}))
    view = inspector.edge_view
    qtbot.waitUntil(lambda: view.reading is not None and view.result_box.isVisible(), timeout=LONG)
    return view


@pytest.mark.parametrize("channel", ["<q>", "<k>", "<v>", "logits"])
def test_an_edge_is_read_on_the_shown_prompt_by_the_method_that_found_it(
    demo_host: PanelHost, qtbot: QtBot, channel: str
) -> None:
    model, task = demo_host.load_task()
    origin = demo_host.workspace.document.state.origin
    edge = _strongest_edge(demo_host, channel)
    view = _choose(demo_host, qtbot, edge)
    setting = make_setting(model, task, origin.metric, origin.ablation)
    for prompt in (0, 3):
        view.prompt_box.setCurrentIndex(prompt)
        view.prompt_box.activated.emit(prompt)
        qtbot.waitUntil(lambda p=prompt: view.reading.prompt == p, timeout=LONG)
        expected = run_to_completion(read_edge_steps(setting, edge, prompt, origin.method, **origin.options))
        assert view.reading.positions == pytest.approx(expected.positions, abs=1e-6)
        assert list(view.position_text.tokens) == task.prompt_strings(prompt)
        assert view.position_text.weights == pytest.approx(expected.positions.tolist(), abs=1e-6)
        assert f"{abs(expected.score):.4f}" in view.score_label.text()
        assert view.pair_box.isVisible() == (channel != "logits")
        if expected.pairs is not None:
            query, key = np.unravel_index(np.abs(expected.pairs).argmax(), expected.pairs.shape)
            first = view.place_labels[0][0].text()
            assert f"({key}) → " in first and first.endswith(f"({query})")
            drawn = np.nan_to_num(view.pair_map.grid.values)
            assert drawn == pytest.approx(expected.pairs, abs=1e-6)
    word = {"<q>": "query", "<k>": "key", "<v>": "value", "logits": ""}[channel]
    assert word in view.score_label.text() and "EAP-IG" in view.score_label.text()


def test_pairs_that_would_need_too_much_memory_are_said_to_be_left_out(
    demo_host: PanelHost, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("circuitviz.discovery.edge_contributions.free_bytes", lambda device: 0)
    view = _choose(demo_host, qtbot, _strongest_edge(demo_host, "<q>"))
    assert not view.pair_box.isVisible() and view.no_pairs_label.isVisible()
    assert f"{len(view.reading.tokens)} tokens" in view.no_pairs_label.text()
    demo_host.workspace.set_selection(frozenset(), frozenset({_strongest_edge(demo_host, "logits")}))
    qtbot.waitUntil(lambda: not view.no_pairs_label.isVisible(), timeout=LONG)


def test_pointing_at_a_token_tells_its_part(demo_host: PanelHost, qtbot: QtBot) -> None:
    view = _choose(demo_host, qtbot, _strongest_edge(demo_host, "<v>"))
    strongest = int(np.abs(view.reading.positions).argmax())
    text = view.position_text
    place = text.token_center(strongest)
    event = QMouseEvent(
        QEvent.Type.MouseMove, place, text.mapToGlobal(place), Qt.MouseButton.NoButton,
        Qt.MouseButton.NoButton, Qt.KeyboardModifier.NoModifier,
    )  # fmt: skip
    text.mouseMoveEvent(event)
    assert f"({strongest})" in QToolTip.text()
    assert f"{abs(view.reading.positions[strongest]):.4f}" in QToolTip.text()
    assert text.token_at(QPointF(-5, -5)) == -1
    QToolTip.hideText()


def test_the_view_is_there_for_one_edge_between_components(demo_host: PanelHost, qtbot: QtBot) -> None:
    workspace, edges = demo_host.workspace, demo_host.workspace.state.circuit.edge_names
    view = _choose(demo_host, qtbot, edges[0])
    workspace.set_selection(frozenset(), frozenset(edges[:2]))
    assert not view.isVisible()
    workspace.set_selection(frozenset({"m1"}), frozenset())
    assert not view.isVisible() and demo_host.panel("inspector").body.isVisible()
    workspace.set_selection(frozenset(), frozenset({edges[1]}))
    qtbot.waitUntil(lambda: view.reading is not None and view.reading.edge == edges[1], timeout=LONG)
    assert not demo_host.panel("inspector").body.isVisible()


def test_without_a_model_it_says_what_is_needed(idle_host: PanelHost, demo_file: object) -> None:
    idle_host.open_document(demo_file)
    inspector = idle_host.show("inspector")
    idle_host.workspace.set_selection(
        frozenset(), frozenset({idle_host.workspace.state.circuit.edge_names[0]})
    )
    assert "model is open" in inspector.edge_view.status_label.text()
    assert inspector.edge_view.status_label.isVisible() and not inspector.edge_view.result_box.isVisible()


def test_an_edge_between_features_is_not_read(prompt_host: PanelHost) -> None:
    inspector = prompt_host.show("inspector")
    edge = prompt_host.workspace.state.circuit.edge_names[0]
    prompt_host.workspace.set_selection(frozenset(), frozenset({edge}))
    assert not inspector.edge_view.isVisible() and inspector.title_label.toolTip() == edge
