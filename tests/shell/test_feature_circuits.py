"""Circuits of features through the real window: asked from a dashboard, moved, undone, kept, drawn."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from opening import LONG, export_in, open_in, save_in, show_example
from PySide6.QtCore import Qt, QUrl
from pytestqt.qtbot import QtBot
from screenshots import shoot

from circuitviz.document.attribution_query import AttributionQuery
from circuitviz.features import (
    FeatureEdgeRows,
    load_dictionaries,
    local_circuit,
    node_table,
    node_target,
    run_prompt,
)
from circuitviz.features.dashboards import token_effects
from circuitviz.models import load_model
from circuitviz.panels.feature_circuit.threshold_row import SLIDER_STEPS
from circuitviz.resources import resource_path
from circuitviz.shell.main_window import MainWindow
from circuitviz.workbench.methods_text import bibtex, methods_paragraph

pytestmark = [pytest.mark.stalls, pytest.mark.usefixtures("little_text")]
PROMPT = "Then Ian and Betty went to the theater. Betty wanted to give a camera to"


def demo(open_window, qtbot: QtBot) -> MainWindow:
    window: MainWindow = open_window()
    show_example(window, qtbot)
    return window


def question(window: MainWindow) -> AttributionQuery | None:
    return window.workspace.prompt_circuits.query


def holds(window: MainWindow) -> None:
    """The ledger that is shown sums to the target's value."""
    ledger = window.panels["feature-circuit"].ledger_view
    info = window.workspace.document.state.scores.info
    assert ledger.terms == pytest.approx(info["ledger"])
    assert ledger.total == pytest.approx(info["activations"][info["target"]], rel=1e-5)


def test_from_a_dashboard_to_a_figure(open_window, qtbot: QtBot, tmp_path: Path) -> None:
    window = demo(open_window, qtbot)
    before, first = window.workspace.document.state, window.workspace.tabs.front
    window.dock_manager.bring_to_front("features")
    features = window.panels["features"]
    qtbot.waitUntil(
        lambda: (
            features.dictionary_overview is not None and bool(features.dictionary_overview.features_by_site)
        ),
        timeout=LONG,
    )
    qtbot.waitUntil(lambda: features.dashboard_view.dashboard is not None, timeout=LONG)

    # an MLP feature of layer 3, and from its dashboard the circuit of its strongest example
    best = max(features.dictionary_overview.features_by_site["m3"], key=lambda row: row.greatest).number
    features.show_feature("m3", best)
    qtbot.waitUntil(
        lambda: (
            (features.dashboard_view.dashboard.site, features.dashboard_view.dashboard.feature)
            == ("m3", best)
        ),
        timeout=LONG,
    )
    found = features.dashboard_view.dashboard
    example = found.statistics.examples[0]
    qtbot.mouseClick(features.dashboard_view.circuit_button, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: question(window) is not None, timeout=LONG)
    panel, asked = window.panels["feature-circuit"], question(window)
    assert asked.target == f"m3.f{best}@{example.position}" and panel.isVisible()
    state = window.workspace.document.state
    info = state.scores.info
    assert info["activations"][asked.target] == pytest.approx(example.activation, rel=1e-4)
    assert (
        panel.query_form.target_field.text() == asked.target
        and panel.query_form.prompt_box.currentText() == asked.prompt
    )
    assert 10 < len(state.circuit.graph.nodes) <= 61
    holds(window)

    # the paper's words for it
    paragraph = methods_paragraph(window.workspace.document)
    assert asked.target in paragraph and f"threshold of {asked.tau:.3g}" in paragraph
    assert f"{sum(info['ledger'].values()):.3f}" in paragraph
    assert "Linear Computation Graphs" in bibtex(window.workspace.document)

    # it is the engine's own circuit, made apart from the window
    model = load_model("demo")
    ids = list(asked.tokens) or model.tokens.encode(asked.prompt)
    table = node_table(
        run_prompt(model, ids), load_dictionaries([resource_path("demo", "dictionaries")], model)
    )
    target = node_target(table, asked.target)
    again = local_circuit(FeatureEdgeRows(table), target, asked.tau)
    assert {*again.names, asked.target} == {node.name for node in state.circuit.graph.nodes}
    assert again.ledger.tokens == pytest.approx(panel.ledger_view.terms["tokens"], rel=1e-5)

    # drawn by layer and token, the tokens below
    assert window.canvas_updater.layout_name == "tokens" and window.view.circuit_scene.columns
    qtbot.waitUntil(lambda: len(panel._curve_points) > 5, timeout=LONG)
    shoot(window, "feature-circuit")

    # the threshold is moved: fewer nodes the higher, the ledger holds at each, one step of undo in all
    steps, sizes = window.workspace.undo_stack.count(), []
    for place in (SLIDER_STEPS - 60, SLIDER_STEPS - 250, SLIDER_STEPS - 400, SLIDER_STEPS - 150):
        panel.threshold_row.slider.setValue(place)
        wanted = panel.threshold_row._pending_tau
        qtbot.waitUntil(lambda wanted=wanted: question(window).tau == wanted, timeout=LONG)
        holds(window)
        sizes.append(len(window.workspace.document.state.circuit.graph.nodes))
        assert len(window.view.circuit_scene.nodes) == window.workspace.document.state.circuit.n_nodes
    assert sizes[0] < sizes[3] < sizes[1] < sizes[2]
    assert window.workspace.undo_stack.count() == steps + 1 and question(window).nodes is None
    moved = window.workspace.document.state
    window.workspace.undo_stack.undo()
    assert window.workspace.document.state is state and question(window) == asked
    assert panel.threshold_row.number_field.text() == f"{asked.tau:.4g}"
    window.workspace.undo_stack.redo()
    assert window.workspace.document.state is moved

    # another example, by its number in the list
    window.workspace.undo_stack.undo()
    tab = window.workspace.tabs.front
    window.dock_manager.bring_to_front("features")
    features.dashboard_view.examples_view.anchorClicked.emit(QUrl("circuit:2"))
    second = found.statistics.examples[2]
    qtbot.waitUntil(lambda: window.workspace.document.state not in (state, before), timeout=LONG)
    qtbot.waitUntil(lambda: question(window) is not None, timeout=LONG)
    assert question(window).target == f"m3.f{best}@{second.position}"
    info = window.workspace.document.state.scores.info
    assert info["activations"][question(window).target] == pytest.approx(second.activation, rel=1e-4)
    if window.workspace.tabs.front is tab:  # the same prompt and target: one step of undo
        window.workspace.undo_stack.undo()

    # back to the circuit of heads, and to the features again: each has what it needs, and nothing is loaded
    window.workspace.tab_controller.show(first)
    assert window.workspace.document.state is before and question(window) is None
    assert window.workspace.opened_model.task == "ioi"
    window.workspace.tab_controller.show(tab)
    assert window.workspace.document.state is state and window.workspace.opened_model.task == "prompt"

    # saved and opened again, its threshold can still be moved
    path, figure = tmp_path / "why.circuit", tmp_path / "why.svg"
    assert save_in(window, path)
    window.workspace.tab_controller.close(tab)
    open_in(window, qtbot, path)
    assert question(window) == asked and window.canvas_updater.layout_name == "tokens"
    qtbot.waitUntil(lambda: window.workspace.opened_model is not None, timeout=LONG)
    panel.threshold_row.slider.setValue(SLIDER_STEPS - 200)
    wanted = panel.threshold_row._pending_tau
    qtbot.waitUntil(lambda: question(window).tau == wanted, timeout=LONG)
    holds(window)
    assert window.workspace.undo_stack.count() == 1

    # and it is a figure
    assert export_in(window, figure)
    svg = figure.read_text(encoding="utf-8")
    assert asked.target in svg and "<image" not in svg
    assert re.search(r"local-circuit -m demo", svg)


def test_the_inspector_reads_nodes_of_a_prompt(open_window, qtbot: QtBot) -> None:
    window = demo(open_window, qtbot)
    first = window.workspace.tabs.front
    window.workspace.prompt_circuits.submit_query(
        AttributionQuery("demo", PROMPT, " Ian", nodes=40, sites=("a2", "m2", "m3"), attention="heads")
    )
    qtbot.waitUntil(lambda: question(window) is not None, timeout=LONG)
    info, graph = window.workspace.document.state.scores.info, window.workspace.document.state.circuit.graph
    inspector, reading = window.panels["inspector"], window.panels["inspector"].prompt_node_view
    kinds = {
        kind: [n.name for n in graph.nodes if n.kind == kind] for kind in ("feature", "head", "mlp", "logits")
    }
    assert all(kinds.values())

    # a feature, by a click: its numbers, its tokens, its dashboard
    name = next(n for n in kinds["feature"] if n.startswith("a2."))
    qtbot.waitUntil(lambda: not window.view.animation.is_running, timeout=LONG)
    window.view.scroll_to_node(name)
    qtbot.mouseClick(
        window.view.viewport(), Qt.MouseButton.LeftButton, pos=window.view.viewport_position(name)
    )
    assert window.workspace.selected_nodes == {name}
    qtbot.waitUntil(lambda: reading.token_columns.isVisible(), timeout=LONG)
    assert (
        not inspector.readings_box.isVisible()
        and "attention feature at position" in inspector.description_label.text()
    )
    assert f"activation {info['activations'][name]:.4f}" in reading.numbers_label.text()
    assert f"attribution {info['attributions'][name]:+.4f}".replace("-", "−") in reading.numbers_label.text()
    model, number = load_model("demo"), graph.node(name).feature
    one = next(
        d for d in load_dictionaries([resource_path("demo", "dictionaries")], model) if d.site.name == "a2"
    )
    up, down = token_effects(model, one, number, 6)
    shown = [[cell.text() for cell in row] for row in reading.token_columns.cell_labels]
    assert [row[0] for row in shown] == [t.token.replace(" ", "·") for t in up]
    assert [row[3] for row in shown] == [f"{t.value:+.2f}".replace("-", "−") for t in down]
    shoot(window, "feature-inspected")
    qtbot.mouseClick(reading.dashboard_button, Qt.MouseButton.LeftButton)
    features = window.panels["features"]
    qtbot.waitUntil(
        lambda: (
            features.dashboard_view.dashboard is not None
            and features.dashboard_view.dashboard.feature == number
        ),
        timeout=LONG,
    )
    assert features.isVisible() and features.dashboard_view.dashboard.site == "a2"

    # every other kind says what it is, and asks nothing that does not apply
    for kind, says in (("head", "frozen"), ("mlp", "without a transcoder"), ("logits", "Target")):
        window.workspace.set_selection(frozenset({kinds[kind][0]}), frozenset())
        assert says in reading.meaning_label.text() and not reading.dashboard_button.isVisible()
    window.dock_manager.bring_to_front("readings")
    window.panels["readings"].show_page("lens")
    page = window.panels["readings"].current_page
    qtbot.waitUntil(lambda: "prompt circuit" in page.hint.text(), timeout=LONG)
    assert window.dialogs.failure_dialog is None

    # back to the circuit of heads, its readings are there again
    window.workspace.tab_controller.show(first)
    assert window.workspace.opened_model.task == "ioi"
    with qtbot.waitSignal(window.workspace.node_reading_received, timeout=LONG):
        window.workspace.set_selection(frozenset({"a2.h6"}), frozenset())
    assert inspector.readings_box.isVisible() and not reading.isVisible()
    assert window.dialogs.failure_dialog is None
