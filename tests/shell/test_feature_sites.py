"""The IOI circuit with a site opened into features: a zoom on the same canvas, judged live, kept and drawn."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from opening import LONG, double_click, export_in, measured, open_example, open_in, save_in, show_example
from PySide6.QtCore import Qt
from pytestqt.qtbot import QtBot
from screenshots import shoot

from circuitviz.commands.conditions import has_selected_site
from circuitviz.discovery import discover
from circuitviz.document import Document, Label, State, move_nodes, set_label
from circuitviz.document.attribution_query import AttributionQuery
from circuitviz.document.origin import TaskOrigin
from circuitviz.evaluation import evaluate
from circuitviz.graph import Graph, ModelShape, Scores
from circuitviz.graph.feature_sites import feature_sites
from circuitviz.graph.spans import PromptSpans
from circuitviz.models import load_model
from circuitviz.panels.inspector.panel import InspectorPanel
from circuitviz.panels.labels.panel import LabelsPanel
from circuitviz.panels.meter.panel import MeterPanel
from circuitviz.shell.main_window import MainWindow
from circuitviz.workbench.record_origin import rebuild_task

pytestmark = pytest.mark.stalls
LEFT = Qt.MouseButton.LeftButton


def sites(window: MainWindow) -> set[str]:
    circuit = window.workspace.document.state.circuit
    return set() if circuit is None else set(feature_sites(circuit.graph))


def double_click_node(window: MainWindow, node: str) -> None:
    double_click(window.view.viewport(), window.view.viewport_position(node))


def faithfulness(window: MainWindow) -> float:
    numbers = window.workspace.live_faithfulness.evaluation
    assert numbers is not None
    found = numbers["faithfulness"]
    assert window.dock_manager.panel(MeterPanel).value_label.text() == f"{found['value']:.3f}".replace(
        "-", "−"
    )
    assert found["low"] < found["value"] < found["high"]
    return float(found["value"])


@pytest.mark.long
def test_a_site_is_opened_judged_ablated_undone_saved_and_drawn(
    open_window, qtbot: QtBot, tmp_path: Path
) -> None:
    window: MainWindow = open_window()
    open_example(window)
    qtbot.waitUntil(lambda: measured(window), timeout=LONG)
    qtbot.waitUntil(lambda: len(window.workspace.document.curve) == 10, timeout=LONG)
    first = window.workspace.document.state
    assert first.circuit is not None
    heads = [name for name in first.circuit.node_names if name.startswith("a2.")]
    stays = next(name for name in first.circuit.node_names if name.startswith("a3."))
    window.workspace.apply_command(set_label(stays, Label("Name Mover")))
    window.workspace.apply_command(move_nodes({stays: (321.0, 123.0)}))
    window.workspace.apply_command(set_label(heads[1], Label("S-Inhibition")))
    window.workspace.apply_command(move_nodes({heads[1]: (77.0, 66.0)}))
    before, steps = window.workspace.document.state, window.workspace.undo_stack.index()

    # a double click opens the layer's heads into their features: one step
    double_click_node(window, heads[0])
    qtbot.waitUntil(lambda: sites(window) == {"a2"} and measured(window), timeout=LONG)
    state = window.workspace.document.state
    assert window.workspace.undo_stack.index() == steps + 1
    assert state.circuit is not None and state.circuit.n_edges == first.circuit.n_edges
    features = [name for name in state.circuit.node_names if name.startswith("a2.f")]
    assert features and not any(name.startswith("a2.h") for name in state.circuit.node_names)
    assert state.labels[stays].text == "Name Mover" and state.positions[stays] == (321.0, 123.0)
    assert set(features) <= window.view.circuit_scene.by_name.keys()
    assert heads[1] not in state.labels and heads[1] not in state.positions  # they wait for their head
    window.dock_manager.bring_to_front("labels")
    assert window.dock_manager.panel(LabelsPanel).detached_labels_note.text().startswith("1 label ")
    assert window.dock_manager.panel(LabelsPanel).detached_labels_note.isVisible()
    shoot(window, "mixed-labels")

    # the number is the engine's own, and so are the scores
    model = load_model("demo")
    task = rebuild_task(state.origin, model)
    whole = faithfulness(window)
    assert "node by node (a2 as features)" in window.dock_manager.panel(MeterPanel).setting_label.text()
    assert whole == pytest.approx(evaluate(model, task, state.circuit).faithfulness.value, abs=1e-9)
    assert state.origin is not None and state.scores is not None
    again = discover(model, task, "task-attribution", **state.origin.options)
    assert again.greedy(first.circuit.n_edges) == state.circuit
    assert "--method task-attribution" in state.origin.command_line()
    qtbot.waitUntil(lambda: len(window.workspace.document.curve) > 3, timeout=LONG)
    window.view.fit()
    shoot(window, "mixed")

    # click a feature: its dashboard follows, nothing fails; then take it out
    strongest = max(features, key=lambda name: abs(window.view.circuit_scene.by_name[name].score))
    qtbot.mouseClick(window.view.viewport(), LEFT, pos=window.view.viewport_position(strongest))
    assert window.workspace.selected_nodes == {strongest} and window.dialogs.failure_dialog is None
    inspector = window.dock_manager.panel(InspectorPanel)
    qtbot.waitUntil(lambda: inspector.reading is not None, timeout=LONG)
    assert inspector.reading.node == strongest
    assert inspector.lens_columns.cell_labels[0][0].text()
    shoot(window, "mixed-feature")
    window.view.setFocus()
    qtbot.keyClick(window.view, Qt.Key.Key_A)
    assert window.dock_manager.panel(MeterPanel).value_label.text().startswith("≈")
    qtbot.waitUntil(lambda: measured(window), timeout=LONG)
    fallen = faithfulness(window)
    without = evaluate(model, task, state.circuit.ablate([strongest])).faithfulness.value
    assert fallen == pytest.approx(without, abs=1e-6) and abs(fallen - whole) > 1e-3
    shoot(window, "mixed-ablated")

    # a further site; what is ablated and still there stays so
    double_click_node(window, "m3")
    qtbot.waitUntil(lambda: sites(window) == {"a2", "m3"} and measured(window), timeout=LONG)
    assert window.workspace.document.state.ablated_nodes == {strongest}
    window.workspace.undo_stack.undo()
    assert sites(window) == {"a2"} and faithfulness(window) == fallen
    window.workspace.undo_stack.undo()
    assert faithfulness(window) == whole

    # back to the first state and forth again
    window.workspace.undo_stack.undo()
    assert window.workspace.document.state.hash == before.hash and not sites(window)
    window.workspace.undo_stack.setIndex(steps - 4)
    assert window.workspace.document.state.hash == first.hash
    window.workspace.undo_stack.setIndex(steps + 1)
    assert window.workspace.document.state.hash == state.hash and faithfulness(window) == whole

    # save, reopen, draw
    path = tmp_path / "mixed.circuit"
    assert save_in(window, path)
    kept = window.workspace.document.state
    window.close()
    reopened: MainWindow = open_window()
    open_in(reopened, qtbot, path)
    assert reopened.workspace.document.state.hash == kept.hash
    assert sites(reopened) == {"a2"} and faithfulness(reopened) == whole
    assert export_in(reopened, tmp_path / "mixed.svg")
    svg = (tmp_path / "mixed.svg").read_text()
    assert "<image" not in svg and strongest in svg and "Name Mover" in svg

    # and back: a double click on a feature closes the site
    qtbot.waitUntil(lambda: reopened.workspace.opened_model is not None, timeout=LONG)
    assert not reopened.workspace.opened_model.warning
    double_click_node(reopened, strongest)
    qtbot.waitUntil(lambda: not sites(reopened) and measured(reopened), timeout=LONG)
    closed = reopened.workspace.document.state
    assert closed.origin is not None and closed.origin.method == "eap-ig"
    assert closed.circuit == first.circuit
    assert closed.labels[stays].text == "Name Mover" and closed.labels[heads[1]].text == "S-Inhibition"
    assert closed.positions[heads[1]] == (77.0, 66.0) and not closed.detached


@pytest.mark.long
def test_the_action_opens_and_closes_what_is_selected(open_window, qtbot: QtBot) -> None:
    window: MainWindow = open_window()
    show_example(window, qtbot)
    window.view.select({"m2", "a1.h1"})
    qtbot.keyClick(window.view, Qt.Key.Key_O)
    qtbot.waitUntil(lambda: sites(window) == {"a1", "m2"}, timeout=LONG)
    assert window.workspace.undo_stack.undoText() == "Show features of a1, m2"
    window.view.fit()
    shoot(window, "mixed-two-sites")
    window.view.select({"a1.error"} if "a1.error" in window.view.circuit_scene.by_name else {
        next(name for name in window.view.circuit_scene.by_name if name.startswith("a1."))
    })  # fmt: skip
    qtbot.keyClick(window.view, Qt.Key.Key_O)
    qtbot.waitUntil(lambda: sites(window) == {"m2"}, timeout=LONG)
    window.view.select({"input"})
    assert not window.menus.actions["switch-basis"].isEnabled()


def test_the_circuit_of_one_prompt_opens_and_closes_sites_too(open_window, qtbot: QtBot) -> None:
    window: MainWindow = open_window()
    show_example(window, qtbot)
    prompt = "Then Ian and Betty went to the theater. Betty wanted to give a camera to"
    asked = AttributionQuery(
        "demo",
        prompt,
        "logit-diff",
        nodes=30,
        correct=(" Ian",),
        incorrect=(" Betty",),
        sites=("m3",),
        attention="heads",
    )
    window.workspace.prompt_circuits.submit_query(asked)
    qtbot.waitUntil(lambda: window.workspace.prompt_circuits.query is not None, timeout=LONG)
    state, steps = window.workspace.document.state, window.workspace.undo_stack.index()
    assert state.circuit is not None
    head = next(name for name in state.circuit.node_names if name.startswith("a3.h"))
    feature = next(name for name in state.circuit.node_names if name.startswith("m3.f"))

    def opened() -> tuple[str, ...] | None:
        question = window.workspace.prompt_circuits.query
        return None if question is None else question.sites

    window.basis_switcher.switch_sites({head})
    qtbot.waitUntil(lambda: opened() == ("a3", "m3"), timeout=LONG)
    assert window.workspace.undo_stack.index() == steps + 1
    names = window.workspace.document.state.circuit.node_names
    assert any(name.startswith("a3.f") for name in names) and not any(n.startswith("a3.h") for n in names)
    window.view.select({next(name for name in names if name.startswith("m3.f"))})
    qtbot.keyClick(window.view, Qt.Key.Key_O)
    qtbot.waitUntil(lambda: opened() == ("a3",), timeout=LONG)
    assert not any(name.startswith("m3.f") for name in window.workspace.document.state.circuit.node_names)
    window.workspace.undo_stack.setIndex(steps)
    assert window.workspace.document.state.hash == state.hash and feature in state.circuit.node_names


def test_a_circuit_by_span_says_that_its_sites_are_not_opened(open_window, qtbot: QtBot) -> None:
    window: MainWindow = open_window()
    shape = ModelShape(3, 2, 16)
    spans = PromptSpans.of_prompts([("IO", "S", "END")] * 2)
    graph = Graph.transformer(shape).with_spans(spans)
    values = np.random.default_rng(0).normal(size=graph.mask.shape) * graph.mask
    scores = Scores(graph, values, "eap")
    origin = TaskOrigin("model", "ab", "ioi", "cd", (), "logit-diff", "corrupted", "eap", prompts=8, seed=1)
    window.workspace.set_document(Document(State(origin, scores, scores.greedy(30))))
    qtbot.waitUntil(lambda: not window.canvas_updater.is_pending, timeout=LONG)
    node = next(n.name for n in window.view.circuit_scene.nodes if ".h" in n.name)
    with qtbot.waitSignal(window.workspace.message_posted, timeout=LONG) as posted:
        double_click_node(window, node)
    assert "this circuit is by span" in posted.args[0]
    assert has_selected_site(window.workspace) == posted.args[0]
