"""The Edges panel: the number of edges, and the curve that belongs to the scores it was measured of."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from panel_host import LONG, N_EDGES, PanelHost
from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication
from pytestqt.qtbot import QtBot

from circuitviz.document import Document, State, replace_circuit, select_edges, toggle_ablation
from circuitviz.graph import Graph, ModelShape, Scores
from circuitviz.jobs import JobHandle
from circuitviz.panels.edges.panel import EdgesPanel
from circuitviz.workbench.requests.measure_curve import CurveMeasured, MeasureCurve
from circuitviz.workbench.requests.messages import ModelReady, Request
from circuitviz.workspace.workspace import Workspace

GRAPH = Graph.transformer(ModelShape(2, 4, 16))
ONE, OTHER = (
    Scores(GRAPH, np.random.default_rng(seed).normal(size=GRAPH.mask.shape), "eap") for seed in (0, 1)
)
POINTS = tuple({"asked": n, "edges": n, "value": v, "low": v, "high": v} for n, v in ((10, 0.3), (40, 0.9)))


def test_undo_shows_the_curve_that_was_measured(qtbot: QtBot) -> None:
    workspace = Workspace()
    asked: list[JobHandle] = []

    def submit(request: Request, *_: object, **__: object) -> JobHandle:
        asked.append(JobHandle(request, lambda: None))
        return asked[-1]

    workspace.worker.submit = submit  # type: ignore[method-assign]
    panel = EdgesPanel(workspace)
    qtbot.addWidget(panel)
    panel.set_in_front(True)
    workspace.set_document(Document(State(None, ONE, ONE.greedy(40))))
    workspace.opened_model = ModelReady(
        "demo", "cpu", "ioi", "logit-diff", "corrupted", ("prompt",), GRAPH.n_edges
    )
    workspace.measure_curve()
    (job,) = (handle for handle in asked if isinstance(handle.request, MeasureCurve))
    drawn: list[list[dict[str, float]]] = []
    panel.chart.draw_result = lambda _name, result: drawn.append(result["points"])  # type: ignore[method-assign]

    workspace.apply_command(replace_circuit(OTHER.greedy(30), OTHER, None, "Find"))
    assert workspace.document.curve == drawn[-1] == []
    job.deliver(CurveMeasured(POINTS[:1], False))  # of the circuit before, which is not what is shown
    job.deliver(CurveMeasured(POINTS, True))
    assert workspace.document.curve == drawn[-1] == []
    workspace.undo_stack.undo()
    assert workspace.document.curve == drawn[-1] == list(POINTS)
    workspace.apply_command(toggle_ablation({"a0.h0"}, ()))
    workspace.apply_command(select_edges(ONE.greedy(20), "greedy", 20))
    assert drawn[-1] == list(POINTS)  # of the same scores
    assert workspace.document.snapshot().curve == list(POINTS)
    assert sum(isinstance(each.request, MeasureCurve) for each in asked) == 1


def test_another_number_of_edges_is_chosen_and_the_curve_is_measured(
    demo_host: PanelHost, qtbot: QtBot
) -> None:
    panel, workspace = demo_host.show("edges"), demo_host.workspace
    assert panel.edges_field.value() == workspace.state.circuit.n_edges == N_EDGES
    assert len(panel.chart.table_rows) == 1 + len(workspace.document.curve) == 11
    panel.edges_field.setValue(60)
    qtbot.keyClick(panel.edges_field, Qt.Key.Key_Return)
    assert workspace.state.circuit == workspace.state.scores.greedy(60)
    at_60 = panel.slider.value()
    panel.slider.setValue(at_60 + 100)
    assert workspace.state.circuit.n_edges == panel.edges_field.value() > 60
    workspace.undo_stack.undo()
    assert panel.edges_field.value() in (60, N_EDGES)
    demo_host.wait_until_measured()

    known, workspace.document.curve = workspace.document.curve, []
    qtbot.mouseClick(panel.measure_button, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: len(workspace.document.curve) == len(known), timeout=LONG)
    assert [point["value"] for point in workspace.document.curve] == pytest.approx(
        [point["value"] for point in known], abs=1e-6
    )
    qtbot.waitUntil(lambda: len(panel.chart.table_rows) == 11, timeout=LONG)


def test_a_prompt_circuit_has_no_curve(prompt_host: PanelHost) -> None:
    panel = prompt_host.show("edges")
    assert not panel.measure_button.isEnabled() and "prompt circuits" in panel.measure_button.toolTip()


def test_the_copied_script_repeats_what_was_done_in_the_window(demo_host: PanelHost, qtbot: QtBot) -> None:
    """Fewer edges, an ablated head and a label, by the widgets; then the clipboard is run."""
    workspace, edges = demo_host.workspace, demo_host.show("edges")
    edges.edges_field.setFocus()
    edges.edges_field.selectAll()
    qtbot.keyClicks(edges.edges_field, "70")
    qtbot.keyClick(edges.edges_field, Qt.Key.Key_Return)
    qtbot.waitUntil(lambda: workspace.state.circuit.n_edges == 70, timeout=LONG)
    first, second = [name for name in workspace.state.circuit.node_names if ".h" in name][-2:]
    workspace.select_nodes({first})
    demo_host.run_command("ablate")
    inspector = demo_host.show("inspector")
    workspace.select_nodes({second})
    qtbot.keyClicks(inspector.label_field, "Negative Mover")
    qtbot.keyClick(inspector.label_field, Qt.Key.Key_Return)
    demo_host.wait_until_measured()

    with qtbot.waitSignal(workspace.message_posted, timeout=LONG):
        demo_host.run_command("copy-python")
    script = QGuiApplication.clipboard().text()
    names: dict[str, Any] = {}
    exec(compile(script, "copied", "exec"), names)
    state, repeated = workspace.document.state, names["document"].state
    assert repeated.circuit.edge_names == state.circuit.edge_names
    assert repeated.ablated_nodes == state.ablated_nodes == {first}
    assert repeated.labels == state.labels and set(state.labels) == {second}
    assert repeated.measurement_key == state.measurement_key
    ours = demo_host.evaluation["faithfulness"]
    theirs = names["evaluation"].faithfulness
    assert (theirs.value, theirs.low, theirs.high) == pytest.approx(
        (ours["value"], ours["low"], ours["high"])
    )
