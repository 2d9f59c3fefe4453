"""A curve belongs to the scores that it was measured of: undo comes back to it, nothing is measured anew."""

from __future__ import annotations

import numpy as np
from pytestqt.qtbot import QtBot

from circuitviz.graph import Graph, Scores, Shape
from circuitviz.jobs import Curve, Points
from circuitviz.jobs.messages import Ready
from circuitviz.panels import Desk
from circuitviz.panels.edges import EdgesPanel
from circuitviz.session import Document, State, choose_edges, replace_circuit, toggle_ablation

GRAPH = Graph.transformer(Shape(2, 4, 16))
ONE, OTHER = (
    Scores(GRAPH, np.random.default_rng(seed).normal(size=GRAPH.mask.shape), "eap") for seed in (0, 1)
)
POINTS = tuple({"asked": n, "edges": n, "value": v, "low": v, "high": v} for n, v in ((10, 0.3), (40, 0.9)))


def test_undo_shows_the_curve_that_was_measured(qtbot: QtBot) -> None:
    desk = Desk()
    asked: list[object] = []
    desk.worker.ask = asked.append  # type: ignore[method-assign]
    panel = EdgesPanel(desk)
    qtbot.addWidget(panel)
    panel.set_seen(True)
    desk.set_document(Document(State(None, ONE, ONE.greedy(40))))
    desk.opened = Ready("demo", "cpu", "ioi", "logit-diff", "corrupted", ("prompt",), GRAPH.n_edges)
    desk.draw_curve()
    assert [type(each) for each in asked if isinstance(each, Curve)] == [Curve]
    drawn: list[list[dict[str, float]]] = []
    panel.chart.draw = lambda _name, result: drawn.append(result["points"])  # type: ignore[method-assign]

    desk.do(replace_circuit(OTHER.greedy(30), OTHER, None, "Find"))
    assert desk.document.curve == drawn[-1] == []
    desk._reply(Points(POINTS[:1], False))  # of the circuit before, which is not what is shown
    desk._reply(Points(POINTS, True))
    assert desk.document.curve == drawn[-1] == []
    desk.undo.undo()
    assert desk.document.curve == drawn[-1] == list(POINTS)
    desk.do(toggle_ablation({"a0.h0"}, ()))
    desk.do(choose_edges(ONE.greedy(20), "greedy", 20))
    assert drawn[-1] == list(POINTS)  # of the same scores
    assert desk.document.snapshot().curve == list(POINTS)
    assert sum(isinstance(each, Curve) for each in asked) == 1
