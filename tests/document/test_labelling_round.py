"""A round asks for every node once, the strongest first."""

from __future__ import annotations

import numpy as np

from circuitviz.document import Label, State
from circuitviz.document.labelling_round import LabellingRound, nodes_by_strength
from circuitviz.graph import Graph, ModelShape, Scores

GRAPH = Graph.transformer(ModelShape(2, 4, 16))
SCORES = Scores(GRAPH, np.random.default_rng(0).normal(size=GRAPH.mask.shape), "eap")
STATE = State(None, SCORES, SCORES.greedy(40))


def test_the_strongest_come_first() -> None:
    order = nodes_by_strength(STATE)
    names, edges = GRAPH.senders, STATE.circuit.edges
    totals = {
        n: sum(abs(SCORES.values[names.index(n), r]) for r in np.flatnonzero(edges[names.index(n)]))
        for n in order
    }
    assert sorted(totals.values(), reverse=True) == list(totals.values())
    assert set(order) == set(STATE.circuit.node_names) - {"input", "logits"}
    assert nodes_by_strength(State()) == []


def test_accept_skip_and_later() -> None:
    order = nodes_by_strength(STATE)
    labelled = State(None, SCORES, STATE.circuit, labels={order[1]: Label("x"), "class:x": Label("x")})
    round_ = LabellingRound.from_state(labelled)
    assert round_.queue == [order[0], *order[2:]] and round_.n_nodes == len(order) - 1
    round_.postpone_current()
    assert round_.label_current("Induction") == order[2]
    round_.skip_current()
    assert round_.skipped == [order[3]] and round_.new_labels == {order[2]: "Induction"}
    while round_.current_node != order[0]:
        round_.skip_current()
    assert (
        round_.label_current("y") == order[0]
        and round_.current_node is None
        and round_.n_nodes == len(order) - 1
    )
