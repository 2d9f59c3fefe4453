"""A curve belongs to the scores that it was measured of: undo comes back to it, nothing is measured anew."""

from __future__ import annotations

import numpy as np
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
    desk = Workspace()
    asked: list[JobHandle] = []

    def submit(request: Request) -> JobHandle:
        asked.append(JobHandle(request, lambda: None))
        return asked[-1]

    desk.worker.submit = submit  # type: ignore[method-assign]
    panel = EdgesPanel(desk)
    qtbot.addWidget(panel)
    panel.set_in_front(True)
    desk.set_document(Document(State(None, ONE, ONE.greedy(40))))
    desk.opened_model = ModelReady(
        "demo", "cpu", "ioi", "logit-diff", "corrupted", ("prompt",), GRAPH.n_edges
    )
    desk.measure_curve()
    (job,) = (handle for handle in asked if isinstance(handle.request, MeasureCurve))
    drawn: list[list[dict[str, float]]] = []
    panel.chart.draw_result = lambda _name, result: drawn.append(result["points"])  # type: ignore[method-assign]

    desk.apply_command(replace_circuit(OTHER.greedy(30), OTHER, None, "Find"))
    assert desk.document.curve == drawn[-1] == []
    job.deliver(CurveMeasured(POINTS[:1], False))  # of the circuit before, which is not what is shown
    job.deliver(CurveMeasured(POINTS, True))
    assert desk.document.curve == drawn[-1] == []
    desk.undo_stack.undo()
    assert desk.document.curve == drawn[-1] == list(POINTS)
    desk.apply_command(toggle_ablation({"a0.h0"}, ()))
    desk.apply_command(select_edges(ONE.greedy(20), "greedy", 20))
    assert drawn[-1] == list(POINTS)  # of the same scores
    assert desk.document.snapshot().curve == list(POINTS)
    assert sum(isinstance(each.request, MeasureCurve) for each in asked) == 1
